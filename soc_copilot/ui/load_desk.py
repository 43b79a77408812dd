"""The series that the window shows: replays of files, and what the database keeps."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from soc_copilot.domain.load import HourRow, LoadInterval, Standing, StoredSeries, Trace
from soc_copilot.domain.paths import bundled
from soc_copilot.ui.context import Desk
from soc_copilot.ui.latest import Latest
from soc_copilot.ui.workers import Job

if TYPE_CHECKING:
    from soc_copilot.detection.load.detector import Shared
    from soc_copilot.domain.findings import Finding
    from soc_copilot.governance.database import Governance
    from soc_copilot.pipeline.load_replay import LoadReplay, Opened

DETECTOR: Final = "load"
LIVE_DAYS: Final = "detection.load.live_days"  # older hours are in the database until asked for
SLACK: Final = 2  # chosen: times as many hours are here before the oldest are let go
AGAIN_HOURS: Final = 48  # chosen: hours that are read again: they may have been judged anew
MOST_REPLAYS: Final = 32  # chosen: files played at a time
SAMPLE: Final = "town-load.csv"
SAMPLE_UNIT: Final = "MW"


@dataclass(frozen=True, slots=True)
class News:
    """What the database has of a series since the last look.

    Attributes:
        series: Which one.
        rows: Hours, oldest first.
        intervals: Suspected attacks that end there or later.
        is_whole: Whether it is everything that is stored.
        n_live: Hours that are held of a series that nobody asked all of.
        standing: How its forecast and what judges it stood; None when nothing new is known.
    """

    series: StoredSeries
    rows: tuple[HourRow, ...]
    intervals: tuple[LoadInterval, ...]
    is_whole: bool
    n_live: int
    standing: Standing | None = None


def read_news(governance: "Governance", known: Mapping[str, int], whole: str = "") -> list[News]:
    """Read what is new; for a job.

    Args:
        governance: Of the job's thread.
        known: Newest hour that is known, by key of the series.
        whole: Key of a series of which everything is wanted.
    """
    found, n_live = [], 24 * int(governance.settings.all()[LIVE_DAYS])
    stored = governance.series.all()
    told: Mapping[str, Standing] = {}
    if any(known.get(one.key) != one.last for one in stored):
        told = read_standings(governance)
    for one in stored:
        if one.key == whole:
            first = one.first
        elif one.key in known:
            first = known[one.key] - AGAIN_HOURS
        else:
            first = one.last - n_live + 1
        if one.key != whole and known.get(one.key) == one.last:
            first = one.last  # its newest hour may be judged anew, the others stand
        rows = governance.series.hours(one.key, first)
        intervals = governance.series.intervals(one.key, first)
        whole_one = first <= one.first
        found.append(News(one, rows, intervals, whole_one, n_live, told.get(one.key)))
    return found


def read_standings(governance: "Governance") -> Mapping[str, Standing]:
    """How each series' forecast stands, by its key, as the detector stored it with its hours."""
    from soc_copilot.detection.load.states import standings

    state = governance.batches.detector_state(DETECTOR)
    return standings(state) if state is not None else {}


class SharedModel:
    """The model, read once, by whoever needs it first. Any thread."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._shared: Shared | None = None

    def get(self) -> "Shared":
        """The model; takes seconds the first time.

        Raises:
            DetectorError: It is missing or damaged.
        """
        from soc_copilot.detection.load.detector import Shared
        from soc_copilot.detection.load.saved import load

        with self._lock:
            if self._shared is None:
                self._shared = Shared(load(self._folder or bundled("models") / "load"))
            return self._shared


class LoadDesk(QObject):
    """Owns the replays; the page shows them, the program's end stops them. GUI thread only.

    Signals:
        changed: The list of series differs.
        opened: Key of a series that a person has just opened.
    """

    changed = Signal()
    opened = Signal(str)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._desk = desk
        self._model = SharedModel()
        self.replays: dict[str, LoadReplay] = {}
        self.live: dict[str, Trace] = {}
        self.standings: dict[str, Standing] = {}  # of live series
        self.notes: dict[str, str] = {}  # what was found in a file
        self._reading: Job | None = None
        self._stored: dict[str, StoredSeries] = {}
        self._whole: set[str] = set()  # series that a person asked all of
        self._looks = Latest(desk.jobs, desk.error)
        self.is_opening = False
        self._told: dict[str, tuple[int, int]] = {}  # exercises that became alerts

    def traces(self) -> tuple[Trace, ...]:
        """Every series, replays first."""
        return (*(one.trace for one in self.replays.values()), *self.live.values())

    def open(
        self, path: Path, *, time: str = "", value: str = "", unit: str = "", shift: int = -1
    ) -> None:
        """Read a file and play it as fast as possible."""
        from soc_copilot.pipeline.load_replay import open_series

        if len(self.replays) >= MOST_REPLAYS:
            self._desk.error(f"At most {MOST_REPLAYS} files are played at a time. Close one.")
            return
        self.is_opening = True
        self.changed.emit()
        self._reading = self._desk.jobs.submit_long(
            lambda _governance, _control: open_series(path, time, value, unit, shift),
            self._take,
            self._failed,
        )

    def open_sample(self) -> None:
        """Play the bundled series of an invented town."""
        self.open(bundled("data") / "sample" / SAMPLE, unit=SAMPLE_UNIT)

    def cancel(self) -> None:
        """Forget the file that is being read."""
        if self._reading is not None:
            self._reading.cancel()
        self.is_opening = False
        self.changed.emit()

    def close(self, key: str) -> None:
        """End a replay and forget it."""
        if (replay := self.replays.pop(key, None)) is not None:
            self._told.pop(key, None)
            self._desk.jobs.submit_long(lambda _governance, _control: replay.stop())
            self.changed.emit()

    def look(self, whole: str = "") -> None:
        """Read what the database has of series since the last look; all of one when asked."""
        if whole:
            self._whole.add(whole)
        known = {key: trace.end - 1 for key, trace in self.live.items()}
        self._looks.ask(lambda governance: read_news(governance, known, whole), self._take_news)

    def has_older(self, key: str) -> bool:
        """Whether the database holds hours from before those that are here."""
        trace, stored = self.live.get(key), self._stored.get(key)
        return trace is not None and stored is not None and stored.first < trace.start

    def _take_news(self, news: list[News]) -> None:
        for one in news:
            self._take_one(one)
        self._stored = {one.series.key: one.series for one in news}
        for key in self.live.keys() - self._stored.keys():
            del self.live[key]
            self.standings.pop(key, None)
        self.changed.emit()

    def _take_one(self, one: News) -> None:
        key, stored = one.series.key, one.series
        trace = self.live.get(key)
        first = one.rows[0].hour if one.rows else stored.last
        if trace is None or (one.is_whole and first < trace.start):
            trace = Trace(key, stored.name, stored.unit, first, stored.last - first + 1)
            self.live[key] = trace
        trace.name, trace.unit = stored.name, stored.unit
        if one.standing is not None:
            self.standings[key] = one.standing
        for row in one.rows:
            trace.put(row)
        kept = [
            old for old in trace.intervals
            if not any(new.first <= old.last and old.first <= new.last for new in one.intervals)
        ]  # fmt: skip
        trace.intervals = tuple(sorted((*kept, *one.intervals), key=lambda i: i.first))
        if key not in self._whole and trace.n > SLACK * one.n_live:
            self.live[key] = trace.tail(one.n_live)

    def join(self) -> bool:
        """Stop every replay, for the end of the program."""
        replays, self.replays = list(self.replays.values()), {}
        ends = [replay.stop() for replay in replays]  # every one, whatever the first says
        return all(ends)

    def inject(self, key: str, template: str, size: float, hour: int, n_hours: int) -> str:
        """Put an exercise into a replay; returns what is wrong with it, empty when nothing is."""
        from soc_copilot.detection.load.series import clock
        from soc_copilot.domain.errors import SourceError

        replay = self.replays[key]
        try:
            replay.inject(template, size, hour, n_hours)
        except SourceError as error:
            return str(error)
        words = f"{template} {size:+.0%}, {n_hours} h from {clock(hour)}"
        name = replay.trace.name
        self._desk.jobs.submit(
            lambda governance: governance.audit.record("load.exercise", name, new=words),
            None,
            self._desk.error,
        )
        return ""

    def tell_exercises(self) -> None:
        """Raise an alert for each exercise that was detected; each says that it is one."""
        for key, replay in self.replays.items():
            found = [one for one in replay.trace.intervals if one.is_exercise]
            for one in found:
                state = (one.first, one.n_hours)
                former = self._told.get(f"{key}/{one.first}")
                if former is None or one.n_hours >= 2 * former[1]:
                    self._told[f"{key}/{one.first}"] = state
                    self._raise(replay, one.first)

    def _raise(self, replay: "LoadReplay", first: int) -> None:
        from soc_copilot.detection.load.findings import finding_of
        from soc_copilot.domain.clock import utc_now
        from soc_copilot.domain.governance import BatchCommit

        interval = next((one for one in replay.trace.intervals if one.first == first), None)
        if interval is None:
            return
        finding: Finding = finding_of(interval, replay.trace.name, replay.version, at=utc_now())

        def store(governance: "Governance") -> None:
            governance.batches.store(BatchCommit(0, (finding,), ()))

        self._desk.jobs.submit(store, None, self._desk.error)

    def _take(self, opened: "Opened") -> None:
        from soc_copilot.pipeline.load_replay import LoadReplay

        self.is_opening = False
        key = str(opened.path)
        if (former := self.replays.pop(key, None)) is not None:
            self._desk.jobs.submit_long(lambda _governance, _control: former.stop())
        replay = LoadReplay(opened, self._model.get, key=key)
        self.replays[key] = replay
        replay.start()
        self.notes[key] = " ".join(note.text for note in opened.series.notes)
        self.changed.emit()
        self.opened.emit(key)

    def _failed(self, text: str) -> None:
        self.is_opening = False
        self._desk.error(text)
        self.changed.emit()
