"""Our own telemetry: a source that falls silent or floods is told, and so is its end.

The rules are plain and the same for every source; no network is asked. Silence: nothing for ten
minutes, or for five times the longest gap that the source usually has, whichever is longer.
Flood: within a minute ten times more than in its busiest minutes of the last hour and of this
hour of the week, and no less than 600. Time in which nobody could have read, because ingestion
was stopped, halted by the kill switch, the source switched off or the machine asleep, does not
count.
"""

import json
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.findings import Component, Finding, Severity
from soc_copilot.domain.load import HourRow, SeriesUpdate
from soc_copilot.domain.records import SourceStatus
from soc_copilot.settings import Value

DETECTOR: Final = "load"
SILENCE: Final = "load.silence"
FLOOD: Final = "load.flood"
ENTITY: Final = "log.source"
STATE: Final = "source-rates"
VERSION: Final = "rules 1"
LEAST_ARRIVALS: Final = 10  # chosen: times that a source must have sent, to know its gaps
STALL_S: Final = 60.0  # chosen: longer between two looks, the machine slept or stood still
BUCKET_S: Final = 10  # chosen: seconds that are counted together; six are a minute
N_BUCKETS: Final = 6
LEAST_MINUTES: Final = 10  # chosen: minutes that must be known before more can be a flood
RECENT_MINUTES: Final = 60
WEEK_H: Final = 168
KEPT_GAPS_H: Final = 168  # chosen: the longest gap of each watched hour of a week
OVER_SHARE: Final = 0.5  # chosen: of the limit, below which a flood is over
ADOPT_S: Final = 6 * 3600.0  # chosen: what floods so long is usual from then on
WHOLE_HOUR_S: Final = 3000.0  # chosen: watched for so long, an hour's count is one
# A file that is gone is silent; one that may not be read, or hangs, is told as such elsewhere.
READABLE: Final = frozenset({"live", "behind", "listening", "missing"})


@dataclass(frozen=True, slots=True)
class Rules:
    """When to tell.

    Attributes:
        silence_s: At least so long nothing.
        silence_times: Of the usual longest gap.
        flood_times: Of the usual busiest minute.
        flood_least: Lines in a minute; fewer are never a flood.
    """

    silence_s: float = 600.0
    silence_times: float = 5.0
    flood_times: float = 10.0
    flood_least: float = 600.0

    @staticmethod
    def of(settings: Mapping[str, Value]) -> "Rules":
        """As a person has set them."""
        return Rules(
            float(settings["detection.load.silence_min"]) * 60,
            float(settings["detection.load.silence_times"]),
            float(settings["detection.load.flood_times"]),
            float(settings["detection.load.flood_least"]),
        )


@dataclass(frozen=True, slots=True)
class Told:
    """Something that began or ended.

    Attributes:
        source_id: Whose.
        finding: What becomes an alert, or names the one that is over.
        is_over: Whether it ended.
        note: In words, for the alert's history; of an end alone.
    """

    source_id: int
    finding: Finding
    is_over: bool = False
    note: str = ""


@dataclass(slots=True)
class _Source:
    """What is known of one source. Times are of the watch: it stands still when nobody reads."""

    name: str = ""
    last_s: float | None = None
    n_arrivals: int = 0
    gaps: "deque[float]" = field(default_factory=lambda: deque(maxlen=KEPT_GAPS_H))
    gap_hour: int = -1
    alarms: "deque[float]" = field(default_factory=lambda: deque(maxlen=8))
    buckets: "deque[tuple[int, int]]" = field(default_factory=deque)
    minutes: "deque[float]" = field(default_factory=lambda: deque(maxlen=RECENT_MINUTES))
    minute: int = -1
    minute_n: int = 0
    held: float | None = None  # the last whole minute: a flood may have begun in it
    week: dict[int, float] = field(default_factory=dict)
    is_caught_up: bool = False
    silent_since: float | None = None
    has_spoken: bool = False  # since it fell silent
    flood_since: float | None = None
    flood_peak: float = 0.0
    flood_limit: float = 0.0
    hour: int = -1
    hour_n: int = 0
    hour_s: float = 0.0

    @property
    def usual_gap(self) -> float:
        """The longest gap that it usually has, seconds; an alarm counts once it came twice."""
        twice = sorted(self.alarms)[-2:-1]
        return max([*self.gaps, *twice], default=0.0)


class SourceWatch:
    """Watches how much each source sends.

    Thread:
        One, the pipeline's.
    """

    def __init__(self, rules: Rules, clock: Clock = SYSTEM_CLOCK, state: bytes = b"") -> None:
        """Begin, with what an earlier run knew of the sources."""
        self._rules, self._clock = rules, clock
        self._sources: dict[int, _Source] = {}
        self._at: float | None = None
        self._now_s = self._ticked_s = 0.0  # of the watch: now, and at the last look
        self._done: list[SeriesUpdate] = []
        self._is_changed = False
        self.has_news = False  # whether anything came since the state was last told
        _read_state(state, self._sources)

    def take(self, counts: Iterable[tuple[int, str, int]]) -> None:
        """Note lines that were just stored: id of the source, its name, how many."""
        self._advance(halted=False)
        for source_id, name, n in counts:
            if n <= 0:
                continue
            one = self._sources.setdefault(source_id, _Source())
            one.name = name or one.name
            self.has_news = True
            self._arrive(one)
            if one.is_caught_up:  # a backlog is no flood
                self._count(one, n)
            one.hour_n += n

    def tick(self, statuses: Iterable[SourceStatus], *, halted: bool = False) -> tuple[Told, ...]:
        """Look whether something began or ended; about once a second.

        Args:
            statuses: Of the sources that are read now.
            halted: Whether the kill switch holds everything.
        """
        counts = self._advance(halted=halted)
        gone, self._ticked_s = self._now_s - self._ticked_s, self._now_s
        found: list[Told] = []
        for status in statuses:
            one = self._sources.setdefault(status.source_id, _Source())
            one.name = status.name or one.name
            if not counts or status.state not in READABLE:
                if one.last_s is not None:  # it could not be read: that is no silence
                    one.last_s += gone
                continue
            if status.lag_bytes == 0:
                one.is_caught_up = True
            self._close_hour(status.source_id, one, gone)
            self._close_minute(one)
            told = (*self._silence(status, one), *self._flood(status.source_id, one))
            found += told
        return tuple(found)

    def _advance(self, *, halted: bool) -> bool:
        """Let the watch's own clock go on; False where this time does not count."""
        now = self._clock.monotonic_s()
        gone = 0.0 if self._at is None else now - self._at
        self._at = now
        if halted or gone > STALL_S:
            return False
        self._now_s += gone
        return True

    def drain(self) -> tuple[SeriesUpdate, ...]:
        """Hours that are over since the last time, as series of events."""
        done, self._done = self._done, []
        return tuple(done)

    @property
    def is_changed(self) -> bool:
        """Whether `state` is worth storing again."""
        return self._is_changed

    def state(self) -> bytes:
        """What the next run shall know."""
        self._is_changed = self.has_news = False
        kept = {
            str(key): {
                "name": one.name, "n": one.n_arrivals, "gaps": [round(g, 1) for g in one.gaps],
                "alarms": [round(g, 1) for g in one.alarms], "minutes": list(one.minutes),
                "week": {str(k): round(v, 1) for k, v in one.week.items()},
                "silent": one.silent_since is not None, "flood": one.flood_since is not None,
                "limit": one.flood_limit, "peak": one.flood_peak,
            }
            for key, one in self._sources.items()
        }  # fmt: skip
        return json.dumps(kept).encode()

    def forget(self, source_ids: Iterable[int]) -> None:
        """Drop all sources but these: the others were removed."""
        left = set(source_ids)
        for key in [key for key in self._sources if key not in left]:
            del self._sources[key]

    def rest(self, source_id: int) -> None:
        """A source is read no longer: when it comes back, it begins anew."""
        if (one := self._sources.get(source_id)) is not None:
            one.last_s, one.is_caught_up = None, False
            one.buckets.clear()
            one.minute = -1

    # -- silence

    def _arrive(self, one: _Source) -> None:
        now = self._now_s
        if one.last_s is not None and one.silent_since is None:
            gap = now - one.last_s
            hour = int(now // 3600)
            if hour != one.gap_hour or not one.gaps:
                one.gap_hour = hour
                one.gaps.append(gap)
            else:
                one.gaps[-1] = max(one.gaps[-1], gap)
        if not one.n_arrivals or one.last_s is None or now - one.last_s >= 1.0:
            one.n_arrivals += 1
        if one.silent_since is None:
            one.last_s = now
        one.has_spoken = one.silent_since is not None

    def _silence(self, status: SourceStatus, one: _Source) -> tuple[Told, ...]:
        if one.last_s is None:
            one.last_s = self._now_s  # of an earlier run: silence is counted from now on
            return ()
        limit = max(self._rules.silence_s, self._rules.silence_times * one.usual_gap)
        gap = self._now_s - one.last_s
        if one.silent_since is not None:
            return (self._speaks(status.source_id, one),) if one.has_spoken else ()
        if one.n_arrivals < LEAST_ARRIVALS or gap < limit or status.lag_bytes:
            return ()
        one.silent_since = self._now_s
        self._is_changed = True
        return (Told(status.source_id, self._silent_finding(one, gap, limit)),)

    def _speaks(self, source_id: int, one: _Source) -> Told:
        assert one.last_s is not None  # noqa: S101 - our own mistake
        gap = self._now_s - one.last_s
        one.alarms.append(gap)
        one.silent_since, one.last_s, one.has_spoken = None, self._now_s, False
        self._is_changed = True
        note = f"Over: “{one.name}” sends again after {words_of(gap)} of silence."
        return Told(source_id, self._silent_finding(one, gap, 0.0), is_over=True, note=note)

    def _silent_finding(self, one: _Source, gap: float, limit: float) -> Finding:
        usual = words_of(one.usual_gap)
        return self._finding(
            one, SILENCE, Severity.MEDIUM, min(1.0, 0.5 + gap / max(limit, 1.0) / 4),
            f"Source silent for {words_of(gap)}",
            f"“{one.name}” has sent nothing for {words_of(gap)}; its longest gap is usually "
            f"{usual}, and silence is told from {words_of(limit)} on. Logs that stop may mean "
            "that what writes them was stopped, or that its way here is cut.",
            (Component("Silent for", words_of(gap), 1.0),
             Component("Longest gap, usually", usual, min(one.usual_gap / max(gap, 1.0), 1.0))),
            ("See whether the service that writes the log still runs.",
             "See whether the file was moved, or the disk is full.",
             "Ask who had access to that machine when the lines ended."), "T1562.006",
        )  # fmt: skip

    # -- floods

    def _count(self, one: _Source, n: int) -> None:
        bucket = int(self._now_s // BUCKET_S)
        if one.buckets and one.buckets[-1][0] == bucket:
            one.buckets[-1] = (bucket, one.buckets[-1][1] + n)
        else:
            one.buckets.append((bucket, n))
        minute = int(self._now_s // 60)
        if one.minute == minute:
            one.minute_n += n

    def _close_minute(self, one: _Source) -> None:
        """Learn from minutes that are over; those of a flood teach nothing."""
        minute = int(self._now_s // 60)
        if one.minute == minute:
            return
        if one.flood_since is not None:
            one.held = None
        elif one.minute >= 0 and one.is_caught_up:
            if one.held is not None:
                one.minutes.append(one.held)
                slot = self._week_hour()
                one.week[slot] = max(one.week.get(slot, 0.0) * 0.999, one.held)
            one.held = float(one.minute_n)
        one.minute, one.minute_n = minute, 0
        bucket = int(self._now_s // BUCKET_S)
        while one.buckets and one.buckets[0][0] <= bucket - N_BUCKETS:
            one.buckets.popleft()

    def _flood(self, source_id: int, one: _Source) -> tuple[Told, ...]:
        oldest = int(self._now_s // BUCKET_S) - N_BUCKETS
        latest = float(sum(n for bucket, n in one.buckets if bucket > oldest))
        if one.flood_since is not None:
            one.flood_peak = max(one.flood_peak, latest)
            lasted = self._now_s - one.flood_since
            if latest >= OVER_SHARE * one.flood_limit and lasted < ADOPT_S:
                return ()
            return (self._calm(source_id, one, latest, lasted),)
        if len(one.minutes) < LEAST_MINUTES:
            return ()
        usual = max(max(one.minutes), one.week.get(self._week_hour(), 0.0))
        limit = max(self._rules.flood_least, self._rules.flood_times * usual)
        if latest < limit:
            return ()
        one.flood_since, one.flood_peak, one.flood_limit = self._now_s, latest, limit
        self._is_changed = True
        return (Told(source_id, self._flood_finding(one, latest, usual)),)

    def _calm(self, source_id: int, one: _Source, latest: float, lasted: float) -> Told:
        finding = self._flood_finding(one, one.flood_peak, 0.0)
        note = (
            f"Over: “{one.name}” sends {latest:,.0f} lines a minute again, after "
            f"{words_of(lasted)}; at most it were {one.flood_peak:,.0f}."
        )
        if lasted >= ADOPT_S:
            note = f"Over: {latest:,.0f} lines a minute count as usual for “{one.name}” by now."
            one.minutes.append(latest)
        one.flood_since, one.minute = None, -1  # the rest of this minute teaches nothing
        self._is_changed = True
        return Told(source_id, finding, is_over=True, note=note)

    def _flood_finding(self, one: _Source, latest: float, usual: float) -> Finding:
        times = latest / max(usual, 1.0)
        return self._finding(
            one, FLOOD, Severity.HIGH if times >= 100 else Severity.MEDIUM,
            min(1.0, 0.5 + times / 200), f"Source floods: {latest:,.0f} lines a minute",
            f"“{one.name}” sent {latest:,.0f} lines within a minute; its busiest minutes of the "
            f"last hour and of this hour of the week had {usual:,.0f}. A flood may hide other "
            "lines, fill the disk, or be an attack by itself.",
            (Component("Lines in a minute", f"{latest:,.0f}", 1.0),
             Component("Busiest minute, usually", f"{usual:,.0f}", min(usual / latest, 1.0))),
            ("See which lines there are so many of.",
             "Look for other alerts of the same time: a flood may be meant to hide them.",
             "See whether the disk that holds the log has room."), "T1499",
        )  # fmt: skip

    # -- what both need

    def _finding(
        self, one: _Source, rule: str, severity: Severity, score: float, title: str,
        summary: str, components: tuple[Component, ...], steps: tuple[str, ...], technique: str,
    ) -> Finding:  # fmt: skip
        at = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        return Finding(
            DETECTOR, rule, one.name or "a source", ENTITY, technique, title, summary, severity,
            score, 0.5, 1, at, at, components, (), steps, VERSION,
        )  # fmt: skip

    def _week_hour(self) -> int:
        return int(self._clock.now_ns() // 3_600_000_000_000 + 72) % WEEK_H

    def _close_hour(self, source_id: int, one: _Source, gone: float) -> None:
        hour = int(self._clock.now_ns() // 3_600_000_000_000)
        if hour != one.hour:
            if one.hour >= 0:
                whole = one.hour_s >= WHOLE_HOUR_S
                value = float(one.hour_n) if whole else math.nan
                row = HourRow(one.hour, value, odd=0 if whole else 1)
                self._done.append(SeriesUpdate(f"rate/{source_id}", one.name, "events", (row,)))
                self._is_changed = True
            one.hour, one.hour_n, one.hour_s = hour, 0, 0.0
        one.hour_s += gone


def words_of(seconds: float) -> str:
    """A duration for people: "40 s", "12 min", "3.5 h", "2 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"


def _read_state(state: bytes, sources: dict[int, _Source]) -> None:
    """Take up what an earlier run knew; what cannot be read is left out."""
    try:
        kept: dict[str, Any] = json.loads(state) if state else {}
        for key, told in kept.items():
            one = _Source(str(told["name"]))
            one.n_arrivals = int(told["n"])
            one.gaps.extend(float(g) for g in told["gaps"])
            one.alarms.extend(float(g) for g in told["alarms"])
            one.minutes.extend(float(n) for n in told["minutes"])
            one.week = {int(k): float(v) for k, v in told["week"].items()}
            one.silent_since = 0.0 if told["silent"] else None
            one.last_s = 0.0 if told["silent"] else None
            one.flood_since = 0.0 if told["flood"] else None
            one.flood_limit, one.flood_peak = float(told["limit"]), float(told["peak"])
            sources[int(key)] = one
    except (ValueError, KeyError, TypeError, AttributeError):
        sources.clear()
