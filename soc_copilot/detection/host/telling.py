"""From scored events to findings: the same ones whatever batches the events came in.

Each event is told by what was known when it arrived. An alert is described by its strongest
moment, the first of equals; it shows the events that drove it: the last few before it was
raised, then those that went on doing harm.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host import findings
from soc_copilot.detection.host.findings import DRIVING
from soc_copilot.detection.host.reading import PATH, PROCESS, STREAM, TARGET, USER
from soc_copilot.detection.host.rules import RULES
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us, to_us
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch, event_id
from soc_copilot.domain.findings import (
    EVIDENCE_PER_FINDING,
    Evidence,
    Finding,
    Highlight,
    Severity,
)

if TYPE_CHECKING:
    from soc_copilot.detection.host.detector import Block

Bytes = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]

NAME: Final = "host"
DAY_US: Final = 24 * 3_600 * 1_000_000
TAIL_LINES: Final = 10  # chosen: lines from before an alert that it shows
TAIL_US: Final = 600 * 1_000_000  # chosen: and how old they may be
MAX_ALERTS: Final = 500  # chosen: that still grow; the longest untouched go first
MAX_TAILS: Final = 256  # chosen: streams whose last lines are kept
KEPT_RAW_CHARS: Final = 400  # chosen: of a line kept for an alert that may come
_LEAST: Final = 0.2  # chosen: weighed files from which an event is shown


@dataclass(frozen=True, slots=True)
class Told:
    """What is remembered between batches, JSON values.

    Attributes:
        alerts: "rule|day|entity" -> score, facts (`findings.facts`), and lines shown.
        tails: stream -> its last events that did harm.
        trees: "day|stream" -> the folder that stands for a host whose name is not known.
    """

    alerts: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    tails: Mapping[str, list[list[Any]]] = field(default_factory=dict)
    trees: Mapping[str, str] = field(default_factory=dict)

    def pack(self) -> Bytes:
        """As bytes."""
        value = {"alerts": self.alerts, "tails": self.tails, "trees": self.trees}
        return np.frombuffer(json.dumps(value, separators=(",", ":")).encode("ascii"), np.uint8)


def unpack(data: npt.NDArray[Any]) -> Told:
    """What `Told.pack` gave.

    Raises:
        DetectorError: It is damaged.
    """
    try:
        value = json.loads(data.tobytes())
        return Told(dict(value["alerts"]), dict(value["tails"]), dict(value["trees"]))
    except (ValueError, KeyError, TypeError) as error:
        raise DetectorError(
            f"The host detector's memory of alerts is damaged ({error})."
        ) from error


@dataclass(frozen=True, slots=True)
class _Scene:
    """A block of scored events, and where they stand in the batch.

    Attributes:
        batch: The events as they came.
        places: Row in the batch of each event.
        block: The scored events.
        streams: Name of each event's stream.
        times_us: Of each event, microseconds since 1970.
        driving: Events that did harm, by stream, in order of arrival.
    """

    batch: EventBatch
    places: Rows
    block: "Block"
    streams: Sequence[str]
    times_us: Rows
    driving: Mapping[str, list[int]]


@dataclass(frozen=True, slots=True)
class _Hits:
    """Threats of a block that belong to one alert, in order of arrival."""

    rule: int
    day: int
    entity: str
    entity_type: str
    rows: list[int]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A finding to be worded.

    Attributes:
        before: What is remembered of its alert.
        kept: Lines from before the batch that it shows.
        earlier: Rows before its first threat that it shows.
        rows: Rows of threats that it shows.
    """

    key: str
    hits: _Hits
    before: dict[str, Any] | None
    kept: list[list[Any]]
    earlier: list[int]
    rows: list[int]


def tell(
    batch: EventBatch, places: Rows, block: "Block", old: Told, threshold: float, version: str
) -> tuple[tuple[Finding, ...], Told]:
    """Findings of a block of events, and what is remembered after it.

    Args:
        batch: The events as they came.
        places: Row in the batch of each event of the block.
        block: The scored events.
        old: What was remembered before.
        threshold: Score of a threat.
        version: Of the model.
    """
    deeds = block.deeds
    driving = np.flatnonzero(np.isin(deeds.kinds, DRIVING) & (deeds.weights >= _LEAST))
    hits = np.flatnonzero(block.scores.is_threat)
    if not len(driving) and not len(hits):
        return (), old
    streams = block.frame[STREAM].to_list()
    by_stream: dict[str, list[int]] = {}
    for row in driving.tolist():
        by_stream.setdefault(streams[row], []).append(row)
    times_us = batch.frame[c.TIMESTAMP].dt.epoch("us").to_numpy()[places]
    scene = _Scene(batch, places, block, streams, times_us, by_stream)
    groups, trees = _groups(scene, hits, old.trees)
    plans = [_plan(scene, group, old) for group in groups]
    last = {stream: rows[-TAIL_LINES:] for stream, rows in by_stream.items()}
    shown = {row for plan in plans for row in (*plan.earlier, *plan.rows)}
    lines = _lines(scene, shown.union(*last.values()))
    alerts, told = dict(old.alerts), []
    for plan in plans:
        finding, alerts[plan.key] = _word(scene, plan, lines, threshold, version)
        alerts[plan.key] = alerts.pop(plan.key)  # the one touched last goes last
        told.append(finding)
    tails = dict(old.tails)
    for stream, rows in last.items():
        kept = [*tails.pop(stream, ()), *(_keep_line(lines[row]) for row in rows)]
        tails[stream] = kept[-TAIL_LINES:]
    return tuple(told), Told(
        dict(list(alerts.items())[-MAX_ALERTS:]),
        dict(list(tails.items())[-MAX_TAILS:]),
        dict(list(trees.items())[-MAX_ALERTS:]),
    )


def _groups(
    scene: _Scene, hits: Rows, trees: Mapping[str, str]
) -> tuple[list[_Hits], dict[str, str]]:
    """Threats by rule, entity and day; and the folders that stand for hosts without a name."""
    found: dict[tuple[int, int, str], _Hits] = {}
    known = dict(trees)
    if not len(hits):
        return [], known
    block = scene.block
    rules = findings.choose(block.features[hits], block.deeds.places[hits])
    frame = scene.batch.frame[scene.places[hits].astype(np.uint32)]
    names = [name for name in (c.HOST, c.SENDER) if scene.batch.has(name)]
    named = [(name, frame[name].to_list()) for name in names]
    for i, row in enumerate(hits.tolist()):
        entity, entity_type = _host(named, i)
        day = int(scene.times_us[row]) // DAY_US
        if not entity:
            tree = f"{day}|{scene.streams[row]}"
            if tree not in known:
                known[tree] = findings.folder_of(block.window(row))
            entity, entity_type = known[tree], "file.directory"
        key = int(rules[i]), day, entity
        found.setdefault(key, _Hits(*key, entity_type, [])).rows.append(row)
    return list(found.values()), known


def _host(named: Sequence[tuple[str, list[str | None]]], i: int) -> tuple[str, str]:
    """The host, or the machine that sent the line, and the column that says so."""
    for name, values in named:
        value = values[i] or ""
        if name == c.SENDER:
            value = re.sub(r":\d+$", "", value)
        if value:
            return value, name
    return "", ""


def _plan(scene: _Scene, hits: _Hits, old: Told) -> _Plan:
    """Choose the lines that a finding shows."""
    key = f"{RULES[hits.rule].id}|{hits.day}|{hits.entity}"
    before = old.alerts.get(key)
    kept: list[list[Any]] = []
    earlier: list[int] = []
    first = hits.rows[0]
    if before is None:
        since_us = int(scene.times_us[first]) - TAIL_US
        own = [row for row in scene.driving.get(scene.streams[first], ()) if row < first]
        older = old.tails.get(scene.streams[first], [])
        older = older[max(len(older) + len(own) - TAIL_LINES, 0) :]
        kept = [values for values in older if values[5] >= since_us]
        earlier = [row for row in own[-TAIL_LINES:] if scene.times_us[row] >= since_us]
    harmful = {row for stream in scene.driving for row in scene.driving[stream]}
    rows = [row for row in hits.rows if row in harmful or (before is None and row == first)]
    shown = len(kept) + len(earlier) + (before["lines"] if before else 0)
    return _Plan(key, hits, before, kept, earlier, rows[: max(EVIDENCE_PER_FINDING - shown, 0)])


def _word(
    scene: _Scene, plan: _Plan, lines: Mapping[int, Evidence], threshold: float, version: str
) -> tuple[Finding, dict[str, Any]]:
    """The finding, and what is remembered of its alert."""
    hits, rule, block = plan.hits, RULES[plan.hits.rule], scene.block
    scores = block.scores.score[hits.rows]
    top = hits.rows[int(scores.argmax())]
    memory = plan.before or {"score": -1.0, "lines": 0, "facts": {}}
    if float(scores.max()) > memory["score"]:
        told = findings.facts(
            rule, block.features[top], block.scores.components(top), block.window(top),
            block.frame[USER][top], block.frame[PROCESS][top],
        )  # fmt: skip
        memory = {**memory, "score": float(scores.max()), "facts": told}
    shown = [_kept_line(values) for values in plan.kept]
    shown += [_kept_line(_keep_line(lines[row])) for row in plan.earlier]
    shown += [lines[row] for row in plan.rows]
    memory = {**memory, "lines": memory["lines"] + len(shown)}
    told, times = memory["facts"], scene.times_us[hits.rows]
    finding = Finding(
        detector=NAME,
        rule=rule.id,
        entity=hits.entity,
        entity_type=hits.entity_type,
        technique=rule.technique,
        title=rule.title,
        summary=told["summary"],
        severity=Severity(told["severity"]),
        score=memory["score"],
        threshold=threshold,
        count=len(hits.rows),
        first_seen=from_us(int(times.min())),
        last_seen=from_us(int(times.max())),
        components=findings.components(told["components"]),
        evidence=tuple(shown),
        next_steps=tuple(told["steps"]),
        model_version=version,
    )
    return finding, memory


def _lines(scene: _Scene, rows: set[int]) -> dict[int, Evidence]:
    """Raw lines of some events, with the names of files marked."""
    ordered = sorted(rows)
    if not ordered:
        return {}
    scores = [float(scene.block.scores.score[row]) for row in ordered]
    found = scene.batch.evidence([int(scene.places[row]) for row in ordered], scores=scores)
    paths = scene.block.frame[ordered].select(PATH, TARGET).rows()
    return {
        row: replace(line, highlights=highlights(line.raw, named))
        for row, line, named in zip(ordered, found, paths, strict=True)
    }


def highlights(raw: str, paths: Sequence[str]) -> tuple[Highlight, ...]:
    """Where the names of files stand in a line, sorted, not overlapping."""
    spans: list[Highlight] = []
    for path in paths:
        name = path.replace("\\", "/").rpartition("/")[2]
        start = raw.rfind(name) if name else -1
        if start >= 0 and all(start >= end or start + len(name) <= a for a, end in spans):
            spans.append((start, start + len(name)))
    return tuple(sorted(spans))


def _keep_line(line: Evidence) -> list[Any]:
    """A raw line as JSON values, shortened."""
    return [
        line.source_id, line.generation, line.path, line.offset, line.length,
        to_us(line.timestamp), line.raw[:KEPT_RAW_CHARS], line.score,
        [span for span in line.highlights if span[1] <= KEPT_RAW_CHARS],
    ]  # fmt: skip


def _kept_line(values: Sequence[Any]) -> Evidence:
    """The line that `_keep_line` kept."""
    source_id, generation, path, offset, length, at_us, raw, score, spans = values
    return Evidence(
        event_id=event_id(source_id, generation, offset),
        source_id=source_id,
        generation=generation,
        path=path,
        offset=offset,
        length=length,
        timestamp=from_us(at_us),
        raw=raw,
        highlights=tuple((start, end) for start, end in spans),
        score=score,
    )
