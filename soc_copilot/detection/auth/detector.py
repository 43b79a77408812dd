"""The authentication detector: picks the lines, runs the rules, words the findings."""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.auth import attempts, findings, logins, privileges, rules
from soc_copilot.detection.auth.state import MAX_ALERTS, MAX_TAILS, State, unpack
from soc_copilot.detection.protocol import DetectorInfo, no_opinion
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Detections, Evidence, Finding

NAME: Final = "auth"
DAY_US: Final = 24 * 3_600 * 1_000_000
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
        old = self._state
        failures, listener = attempts.count_failures(picked, old.listener.advance(picked))
        tried = logins.remote_attempts(picked, failures)
        guessed, judged, remote = logins.guessing(tried, old.tables)
        entered, users = logins.successes(judged, old.users, old.listener.n_seen)
        local, local_scores, here = privileges.local_guessing(picked, failures, old.tables)
        commands, habits = privileges.sudo_commands(picked, old.habits, old.listener.n_seen)
        changes, added = privileges.accounts(picked, old.added)
        hits = pl.concat([guessed, entered, local, commands, changes])
        scores = _scores(batch.n_events, picked, judged, local_scores, hits)
        told = _tell(batch, hits, judged, scores, old)
        listener = attempts.prune(listener)
        minutes = listener.minutes
        tables = {name: table.pruned(minutes) for name, table in {**remote, **here}.items()}
        alive = tables["address"].keys()
        tails = {key: lines for key, lines in told.tails.items() if key in alive}
        tails = dict(list(tails.items())[-MAX_TAILS:])
        self._pending = State(listener, tables, told.alerts, users, habits, added, tails)
        return Detections(NAME, scores, told.findings, self._pending.pack())

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


def _scores(
    n_events: int,
    picked: pl.DataFrame,
    judged: pl.DataFrame,
    local: pl.DataFrame,
    hits: pl.DataFrame,
) -> npt.NDArray[np.float32]:
    """The highest score of each event: 0 where no rule minds it, NaN where none is concerned."""
    scores = np.full(n_events, np.nan, dtype=np.float32)
    scores[picked["row"].to_numpy()] = 0.0
    failed = judged.filter("failed")
    for frame in (failed, local, hits):
        rows = frame["row"].to_numpy()
        np.fmax.at(scores, rows, frame["score"].to_numpy().astype(np.float32))
    return scores


def _tell(
    batch: EventBatch,
    hits: pl.DataFrame,
    judged: pl.DataFrame,
    scores: npt.NDArray[np.float32],
    old: State,
) -> _Told:
    """Put hits together by rule, entity and day, and word them."""
    alerts = dict(old.alerts)
    failed = judged.filter(pl.col("failed") & (pl.col("n") > 0)).select("row", "address")
    found = []
    if hits.height:
        hits = hits.with_columns(day=pl.col("ts").floordiv(DAY_US)).sort("row", maintain_order=True)
        groups = hits.partition_by("rule", "day", "entity", as_dict=True, maintain_order=True)
        for (rule, day, entity), group in groups.items():
            key = f"{rule}|{day}|{entity}"
            finding, memory = _tell_one(batch, str(rule), str(entity), group, failed, scores, old)
            found.append(finding)
            alerts.pop(key, None)
            alerts[key] = memory
    return _Told(
        tuple(found), dict(list(alerts.items())[-MAX_ALERTS:]), _tails(batch, failed, scores, old)
    )


def _tell_one(
    batch: EventBatch,
    rule_id: str,
    entity: str,
    group: pl.DataFrame,
    failed: pl.DataFrame,
    scores: npt.NDArray[np.float32],
    old: State,
) -> tuple[Finding, dict[str, Any]]:
    """One finding, and what is remembered of its alert."""
    rule = rules.BY_ID[rule_id]
    first = group.row(0, named=True)
    before = old.alerts.get(f"{rule_id}|{first['day']}|{entity}")
    memory = _remember(rule_id, before, group)
    count = int(group["n"].sum())
    times = group["ts"].to_list()
    span = (min(times), max(times))
    words = (memory["user"], memory["address"], entity)
    lines: list[Evidence] = []
    if before is None:
        count += first["back"]
        if rule_id in _GUESSES:
            lines = _earlier(batch, failed, scores, entity, first["row"], old)
            same_day = [
                us for line in lines if (us := to_us(line.timestamp)) // DAY_US == first["day"]
            ]
            span = (min([*same_day, span[0]]), max([*same_day, span[1]]))
    rows = group["row"].head(max(EVIDENCE_PER_FINDING - memory["lines"] - len(lines), 0)).to_list()
    lines += _lines(batch, rows, scores)
    lines = [replace(line, highlights=findings.highlights(line.raw, words)) for line in lines]
    memory["lines"] += len(lines)
    return findings.build(rule, entity, memory, max(count, 1), span, tuple(lines)), memory


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


def _lines(
    batch: EventBatch,
    rows: list[int],
    scores: npt.NDArray[np.float32],
) -> list[Evidence]:
    marks = [float(np.nan_to_num(scores[row])) for row in rows]
    return list(batch.evidence(rows, scores=marks))


def _earlier(
    batch: EventBatch,
    failed: pl.DataFrame,
    scores: npt.NDArray[np.float32],
    address: str,
    row: int,
    old: State,
) -> list[Evidence]:
    """The last failures of an address before a row, from this batch and from before it."""
    here = failed.filter((pl.col("address") == address) & (pl.col("row") < row))
    lines = _lines(batch, here["row"].tail(TAIL_LINES).to_list(), scores)
    kept = [findings.kept_line(values, ()) for values in old.tails.get(address, [])]
    return (kept + lines)[-TAIL_LINES:]


def _tails(
    batch: EventBatch, failed: pl.DataFrame, scores: npt.NDArray[np.float32], old: State
) -> dict[str, list[list[Any]]]:
    """The last failed lines of every address, those seen last at the end."""
    tails = dict(old.tails)
    last = (
        failed.group_by("address")
        .agg(pl.col("row").tail(TAIL_LINES))
        .sort(pl.col("row").list.last())
    )
    for address, rows in last.tail(MAX_TAILS).iter_rows():
        lines = deque(tails.pop(address, []), maxlen=TAIL_LINES)
        lines.extend(findings.keep_line(line) for line in _lines(batch, rows, scores))
        tails[address] = list(lines)
    return tails
