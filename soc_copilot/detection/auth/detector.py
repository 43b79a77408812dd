"""The authentication detector: picks the lines, runs the rules, words the findings."""

import sys
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.auth import attempts, findings, logins, privileges, rules
from soc_copilot.detection.auth.state import MAX_ALERTS, MAX_TAILS, State, unpack
from soc_copilot.detection.auth.windows import MINUTE_US, WINDOW_MINUTES
from soc_copilot.detection.protocol import DetectorInfo, no_opinion
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Detections, Evidence, Finding

Floats = npt.NDArray[np.float32]

NAME: Final = "auth"
DAY_US: Final = 24 * 3_600 * 1_000_000
FORGET_EVERY: Final = 512  # chosen: lines after which what is far from every clock goes
TAIL_LINES: Final = 3  # chosen: lines from before an alert that are kept for each address
NAMES_KEPT: Final = 3  # chosen: accounts and hosts named in a summary
_BY_DISTINCT: Final = (rules.SPRAY.id, rules.DISTRIBUTED.id)
_GUESSES: Final = (rules.BRUTE.id, rules.SPRAY.id, rules.SUCCESS.id)


@dataclass(frozen=True, slots=True)
class _Told:
    """Findings of a batch, and what is remembered after it."""

    findings: tuple[Finding, ...]
    alerts: dict[str, dict[str, Any]]
    tails: dict[str, list[list[Any]]]


class AuthDetector:
    """Guessing, spraying, success after failures, new origins, sudo, su and account abuse.

    Each event is judged when it arrives, by those that arrived before it, so that batches
    make no difference; windows are over event time and never over the clock on the wall.
    What is far from every log's time is forgotten after every `FORGET_EVERY`th line, wherever
    batches end: where a clock is set back, it decides what later lines find.

    Thread:
        One at a time.
    """

    def __init__(self) -> None:
        self.info = DetectorInfo(
            name=NAME,
            title="Authentication",
            version=rules.VERSION,
            threshold=rules.THRESHOLD,
            techniques=tuple(sorted({rule.technique for rule in rules.RULES})),
            wants=(c.ACTION,),
            accelerated=False,
        )
        self._state = State()
        self._pending: State | None = None

    def start(self, device: str) -> None:
        """Nothing to load: the rules are code."""

    def detect(self, batch: EventBatch) -> Detections:
        """Scores of authentication events, NaN for all others, and what becomes alerts."""
        self._pending = None
        picked = attempts.pick(batch)
        if picked is None:
            return no_opinion(NAME, batch.n_events)
        state = self._state
        scores = np.full(batch.n_events, np.nan, dtype=np.float32)
        found: list[Finding] = []
        for piece, is_due in _pieces(picked, state):
            answer, state = _judge(batch, piece, scores, state)
            found += answer
            if is_due:
                state = state.pruned()
        self._pending = state
        return Detections(NAME, scores, tuple(found), state.pack())

    def commit(self) -> None:
        """The batch is stored."""
        if self._pending is not None:
            self._state, self._pending = self._pending, None

    def rollback(self) -> None:
        """The batch is not stored."""
        self._pending = None

    def restore(self, state: bytes | None) -> None:
        """Take up a stored state, or the empty one.

        Raises:
            DetectorError: The bytes are damaged or of another format.
        """
        self._pending = None
        self._state = State() if state is None else unpack(state)

    def close(self) -> None:
        """Nothing to give back."""


def _judge(
    batch: EventBatch, picked: pl.DataFrame, scores: Floats, old: State
) -> tuple[tuple[Finding, ...], State]:
    """Run the rules over a piece of a batch; its scores are put in.

    Returns:
        The findings, and the state after the piece.
    """
    failures, listener = attempts.count_failures(picked, old.listener.advance(picked))
    tried = logins.remote_attempts(picked, failures)
    guessed, judged, remote = logins.guessing(tried, old.tables)
    entered, users = logins.successes(judged, old.users, old.listener.n_seen)
    local, local_scores, here = privileges.local_guessing(picked, failures, old.tables)
    commands, habits = privileges.sudo_commands(picked, old.habits, old.listener.n_seen)
    changes, added = privileges.accounts(picked, old.added)
    hits = pl.concat([guessed, entered, local, commands, changes])
    _score(scores, picked, judged, local_scores, hits)
    told = _tell(batch, hits, judged, scores, old)
    tables = {name: table.bounded() for name, table in {**remote, **here}.items()}
    tails = dict(list(told.tails.items())[-MAX_TAILS:])
    return told.findings, State(listener, tables, told.alerts, users, habits, added, tails)


def _pieces(picked: pl.DataFrame, state: State) -> Iterator[tuple[pl.DataFrame, bool]]:
    """The lines, divided where something is to be forgotten in between.

    Returns:
        Pieces, and for each whether forgetting is due after it.
    """
    start, n_seen = 0, state.listener.n_seen
    for end in range(FORGET_EVERY - n_seen % FORGET_EVERY, picked.height, FORGET_EVERY):
        # What is held then stood in the state or came since: where all is near, all is kept.
        held = picked["minute"][:end].unique().to_list()
        if not state.minutes.union(held) <= state.listener.advance(picked[:end]).near:
            yield picked[start:end], True
            start = end
    yield picked[start:], (n_seen + picked.height) % FORGET_EVERY == 0


def _score(
    scores: Floats,
    picked: pl.DataFrame,
    judged: pl.DataFrame,
    local: pl.DataFrame,
    hits: pl.DataFrame,
) -> None:
    """The highest score of each event: 0 where no rule minds it, NaN where none is concerned."""
    scores[picked["row"].to_numpy()] = 0.0
    failed = judged.filter("failed")
    for frame in (failed, local, hits):
        rows = frame["row"].to_numpy()
        np.fmax.at(scores, rows, frame["score"].to_numpy().astype(np.float32))


def _tell(
    batch: EventBatch,
    hits: pl.DataFrame,
    judged: pl.DataFrame,
    scores: Floats,
    old: State,
) -> _Told:
    """Put hits together by rule, entity and day, and word them."""
    failed = judged.filter(pl.col("failed") & (pl.col("n") > 0))
    tried = failed.group_by("address", maintain_order=True).agg("row", "minute")
    failures = {address: (rows, minutes) for address, rows, minutes in tried.iter_rows()}
    hits = hits.with_columns(day=pl.col("ts").floordiv(DAY_US)).sort("row", maintain_order=True)
    plans = [
        _plan(str(rule), int(day), str(entity), group, failures, old)
        for (rule, day, entity), group in hits.partition_by(
            "rule", "day", "entity", as_dict=True, maintain_order=True
        ).items()
    ]
    last = sorted((rows[-TAIL_LINES:] for rows, _ in failures.values()), key=lambda rows: rows[-1])
    last = last[-MAX_TAILS:]
    shown = sorted({row for plan in plans for row in plan.earlier + plan.rows}.union(*last))
    marks = np.nan_to_num(scores[shown]).tolist()
    lines = dict(zip(shown, batch.evidence(shown, scores=marks), strict=True))
    alerts = dict(old.alerts)
    found = []
    for plan in plans:
        finding, memory = _word(plan, lines)
        found.append(finding)
        alerts.pop(plan.key, None)
        alerts[plan.key] = memory
    address_of = dict(failed.select("row", "address").iter_rows()) if last else {}
    tails = dict(old.tails)
    for rows in last:
        address = address_of[rows[0]]
        kept = tails.pop(address, []) + [findings.keep_line(lines[row]) for row in rows]
        tails[address] = kept[-TAIL_LINES:]
    return _Told(tuple(found), dict(list(alerts.items())[-MAX_ALERTS:]), tails)


@dataclass(frozen=True, slots=True)
class _Plan:
    """One finding to be made.

    Attributes:
        group: Its hits, in the order read.
        memory: What is remembered of its alert, these hits included.
        opens: True when the alert is new.
        kept: Lines from before the batch that it shows.
        earlier: Rows of the batch before its first hit that it shows.
        rows: Rows of hits that it shows.
    """

    key: str
    rule_id: str
    day: int
    entity: str
    group: pl.DataFrame
    memory: dict[str, Any]
    opens: bool
    kept: list[list[Any]]
    earlier: list[int]
    rows: list[int]


def _plan(
    rule_id: str,
    day: int,
    entity: str,
    group: pl.DataFrame,
    failures: Mapping[str, tuple[list[int], list[int]]],
    old: State,
) -> _Plan:
    """Choose the lines that a finding shows: a few from before, then its hits."""
    key = f"{rule_id}|{day}|{entity}"
    before = old.alerts.get(key)
    memory = _remember(rule_id, before, group)
    kept: list[list[Any]] = []
    earlier: list[int] = []
    if before is None and rule_id in _GUESSES:
        # The last few lines before, as far as they stand in the window of the first hit.
        window = range(group["ts"][0] // MINUTE_US - WINDOW_MINUTES + 1, sys.maxsize)
        rows, minutes = failures.get(entity, ([], []))
        until = bisect_left(rows, group["row"][0])
        near = slice(max(until - TAIL_LINES, 0), until)
        older = old.tails.get(entity, [])
        older = older[max(len(older) + until - near.start - TAIL_LINES, 0) :]
        kept = [values for values in older if values[5] // MINUTE_US in window]
        earlier = [row for row, at in zip(rows[near], minutes[near], strict=True) if at in window]
    room = max(EVIDENCE_PER_FINDING - memory["lines"] - len(kept) - len(earlier), 0)
    shown = group["row"].head(room).to_list()
    memory["lines"] += len(kept) + len(earlier) + len(shown)
    return _Plan(key, rule_id, day, entity, group, memory, before is None, kept, earlier, shown)


def _word(plan: _Plan, shown: dict[int, Evidence]) -> tuple[Finding, dict[str, Any]]:
    """The finding, and what is remembered of its alert."""
    words = (plan.memory["user"], plan.memory["address"], plan.entity)
    before = [findings.kept_line(values, words) for values in plan.kept]
    before += [shown[row] for row in plan.earlier]
    lines = [
        replace(line, highlights=findings.highlights(line.raw, words))
        for line in before + [shown[row] for row in plan.rows]
    ]
    count = int(plan.group["n"].sum())
    times = plan.group["ts"].to_list()
    if plan.opens:
        count += plan.group["back"][0]
        seen = [to_us(line.timestamp) for line in before]
        times += [us for us in seen if us // DAY_US == plan.day]
    finding = findings.build(
        rules.BY_ID[plan.rule_id],
        plan.entity,
        plan.memory,
        max(count, 1),
        (min(times), max(times)),
        tuple(lines),
    )
    return finding, plan.memory


def _remember(rule_id: str, before: dict[str, Any] | None, group: pl.DataFrame) -> dict[str, Any]:
    """The alert's memory with a batch's hits: its strongest moment, names, lines shown."""
    measure = "distinct" if rule_id in _BY_DISTINCT else "total"
    top = group.row(int(group[measure].arg_max() or 0), named=True)
    told = {name: top[name] for name in ("total", "distinct", "user", "address", "text")}
    memory: dict[str, Any] = {"score": 0.0, "severity": 0, "users": [], "hosts": [], "lines": 0}
    if before is not None:
        # The first of equally strong moments is told, whatever batch it was in.
        memory = {**before, **told} if told[measure] > before[measure] else dict(before)
    else:
        memory |= told
    memory["score"] = max(memory["score"], *group["score"].to_list())
    memory["severity"] = max(memory["severity"], *group["severity"].to_list())
    for name, column in (("users", "user"), ("hosts", "host")):
        seen = group[column].unique(maintain_order=True).head(NAMES_KEPT + 1).to_list()
        names = dict.fromkeys([*memory[name], *(value for value in seen if value)])
        memory[name] = list(names)[:NAMES_KEPT]
    return memory
