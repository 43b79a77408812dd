"""How findings become alerts: the same ones whatever batches they came in."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from soc_copilot.domain.clock import to_us
from soc_copilot.domain.findings import Evidence, Finding

EARLIEST_EVIDENCE = 20  # contract: the first lines of an alert
STRONGEST_EVIDENCE = 10  # contract: the highest scoring ones after those
RAW_CHARS = 8_192  # as the domain says of Evidence.raw
NAME_CHARS = 512  # chosen: longest entity, rule or detector name that is told apart
TEXT_CHARS = 4_096  # chosen: longest title or summary; they may quote a log

Key = tuple[str, str, str, int]  # detector, rule, entity, ordinal of the UTC day

# What describes an alert comes from its strongest finding, all from the same one.
DESCRIPTION = (
    *("entity_type", "technique", "title", "summary", "score", "threshold", "top_us"),
    *("components", "next_steps", "model_version"),
)


@dataclass(slots=True)
class Group:
    """Findings of one batch that belong to one alert, merged.

    Attributes:
        values: Columns of the alert table that findings decide.
        evidence: Every line offered, by event id.
        source_id: Where the first line came from, None when there is no line.
    """

    values: dict[str, Any]
    evidence: dict[str, Evidence] = field(default_factory=dict)
    source_id: int | None = None


def key_of(finding: Finding) -> Key:
    """What makes two findings the same alert while it is open."""
    return (
        finding.detector[:NAME_CHARS],
        finding.rule[:NAME_CHARS],
        finding.entity[:NAME_CHARS],
        finding.day.toordinal(),
    )


def group(findings: Iterable[Finding]) -> dict[Key, Group]:
    """Merge findings by key, in the order given."""
    groups: dict[Key, Group] = {}
    for finding in findings:
        key = key_of(finding)
        values = _values(finding)
        known = groups.get(key)
        if known is None:
            known = groups[key] = Group(values)
        else:
            known.values = merged(known.values, values)
        for line in finding.evidence:
            known.evidence.setdefault(line.event_id, line)
        if known.source_id is None and finding.evidence:
            known.source_id = finding.evidence[0].source_id
    return groups


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """An alert's columns after more findings; `old` may hold further columns."""
    stronger = (new["score"], -new["top_us"]) > (old["score"], -old["top_us"])
    described = new if stronger else old
    return {
        **{name: described[name] for name in DESCRIPTION},
        "severity": max(old["severity"], new["severity"]),
        "count": old["count"] + new["count"],
        "first_us": min(old["first_us"], new["first_us"]),
        "last_us": max(old["last_us"], new["last_us"]),
    }


def _values(finding: Finding) -> dict[str, Any]:
    first_us = to_us(finding.first_seen)
    return {
        "entity_type": finding.entity_type,
        "technique": finding.technique,
        "title": finding.title[:TEXT_CHARS],
        "summary": finding.summary[:TEXT_CHARS],
        "severity": int(finding.severity),
        "score": _finite(finding.score),
        "threshold": _finite(finding.threshold),
        "top_us": first_us,
        "count": finding.count,
        "first_us": first_us,
        "last_us": to_us(finding.last_seen),
        "components": json.dumps(
            [[c.name, c.value, _finite(c.weight)] for c in finding.components]
        ),
        "next_steps": json.dumps(finding.next_steps),
        "model_version": finding.model_version,
    }


def _finite(number: float) -> float:
    number = float(number)  # also from NumPy's scalars, which drivers do not take
    return number if math.isfinite(number) else 0.0


@dataclass(frozen=True, slots=True)
class Line:
    """What decides whether a raw line is kept with its alert."""

    event_id: str
    order: tuple[int, int, int, int]  # timestamp_us, source_id, generation, offset
    score: float


def line_of(evidence: Evidence) -> Line:
    """The deciding parts of a piece of evidence."""
    return Line(
        evidence.event_id,
        (
            to_us(evidence.timestamp),
            evidence.source_id,
            evidence.generation,
            evidence.offset,
        ),
        _finite(evidence.score),
    )


def choose(lines: Iterable[Line]) -> set[str]:
    """Event ids of the lines to keep: the earliest ones, and the strongest of the rest.

    Choosing again among the kept and new lines gives the same as choosing among all: a line
    leaves the earliest ones only when earlier ones come, so what was dropped stays beaten.
    """
    ordered = sorted(lines, key=lambda line: line.order)
    rest = ordered[EARLIEST_EVIDENCE:]
    rest.sort(key=lambda line: -line.score)  # stable: the earlier of equals wins
    kept = ordered[:EARLIEST_EVIDENCE] + rest[:STRONGEST_EVIDENCE]
    return {line.event_id for line in kept}


def evidence_values(alert_id: int, evidence: Evidence) -> dict[str, Any]:
    """A raw line as values of the evidence table."""
    line = line_of(evidence)
    return {
        "alert_id": alert_id,
        "event_id": evidence.event_id,
        "source_id": evidence.source_id,
        "generation": evidence.generation,
        "path": evidence.path,
        "offset": evidence.offset,
        "length": evidence.length,
        "timestamp_us": line.order[0],
        "score": line.score,
        "highlights": json.dumps([[int(a), int(b)] for a, b in evidence.highlights]),
        "raw": evidence.raw[:RAW_CHARS],
    }
