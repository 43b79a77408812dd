"""From flagged events to findings: grouped in columns, explained for the strongest only."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.web.classes import CLASSES, SCANNER, AttackClass
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import (
    EVIDENCE_PER_FINDING,
    Component,
    Evidence,
    Finding,
    Highlight,
    Severity,
)
from soc_copilot.domain.text import render_safe

if TYPE_CHECKING:
    from soc_copilot.detection.web.explain import Explanation

Explainer = Callable[[str], "Explanation"]

MAX_EXPLAINED: Final = 200  # chosen: distinct texts explained per batch, about 0.2 s
MAX_EVIDENCE: Final = 4_000  # chosen: raw lines handed over per batch; each finding gets one
_PATH_CHARS: Final = 80  # chosen: of a path in a title or summary

# Which entity a finding is about, the first that the frame can tell.
_ENTITIES: Final = (c.SOURCE_IP, c.HOST, c.FILE_PATH)


@dataclass(frozen=True, slots=True)
class Flagged:
    """Events whose score reached the threshold.

    Attributes:
        rows: Row numbers in the batch, ascending.
        scores: Their scores.
        kinds: Numbers of their classes.
        texts: The part of each that scored highest.
    """

    rows: npt.NDArray[np.intp]
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]
    texts: pl.Series


def build_findings(
    batch: EventBatch, flagged: Flagged, explain: Explainer, *, threshold: float, version: str
) -> tuple[Finding, ...]:
    """One finding per address, class and UTC day, earliest first.

    Everything a finding says comes from its strongest event, its earliest lines and sums
    over its events, so that the split into batches does not show in the alert.
    """
    frame = _frame(batch, flagged)
    groups = (
        frame.sort(c.TIMESTAMP, "row")
        .group_by("entity", "entity_type", "kind", "day", maintain_order=True)
        .agg(
            pl.len().alias("count"),
            pl.col(c.TIMESTAMP).min().alias("first"),
            pl.col(c.TIMESTAMP).max().alias("last"),
            pl.col("at").gather(pl.col("score").arg_max()).first().alias("top"),
            pl.col("at").head(EVIDENCE_PER_FINDING).alias("lines"),
            pl.col("answered").any(),
        )
    )
    notes = _Notes(batch, frame.sort("at"), groups, explain)
    return tuple(
        _finding(group, notes, threshold, version) for group in groups.iter_rows(named=True)
    )


def _frame(batch: EventBatch, flagged: Flagged) -> pl.DataFrame:
    """The flagged events with what grouping needs, in the order of the batch."""
    wanted = [n for n in (*_ENTITIES, c.TIMESTAMP, c.URL, c.METHOD, c.STATUS) if batch.has(n)]
    picked = batch.frame.select(wanted)[flagged.rows.astype(np.uint32)]
    entities = [n for n in _ENTITIES if n in wanted]
    kind_of = pl.coalesce(
        *(pl.when(pl.col(n).is_not_null()).then(pl.lit(n)) for n in entities), pl.lit(c.FILE_PATH)
    )
    status = pl.col(c.STATUS) if c.STATUS in wanted else pl.lit(None, pl.Int32)
    return picked.with_columns(
        pl.Series("row", flagged.rows.astype(np.int64)),
        pl.Series("at", np.arange(len(flagged.rows), dtype=np.int64)),
        pl.Series("score", flagged.scores),
        pl.Series("kind", flagged.kinds),
        flagged.texts.alias("text"),
        pl.coalesce(*entities, pl.lit("unknown")).alias("entity"),
        kind_of.alias("entity_type"),
        pl.col(c.TIMESTAMP).dt.date().alias("day"),
        status.is_between(200, 299).fill_null(value=False).alias("answered"),
        status.cast(pl.Int32).alias("status"),
        (pl.col(c.METHOD) if c.METHOD in wanted else pl.lit(None, pl.String)).alias("method"),
    )


class _Notes:
    """Evidence and explanations for the groups of one batch, within the batch's limits."""

    def __init__(
        self, batch: EventBatch, frame: pl.DataFrame, groups: pl.DataFrame, explain: Explainer
    ) -> None:
        self.frame = frame
        self._explain = explain
        self._known: dict[str, Explanation] = {}
        each = max(1, min(EVIDENCE_PER_FINDING, MAX_EVIDENCE // max(groups.height, 1)))
        wanted: list[int] = []
        for lines, top in zip(groups["lines"].to_list(), groups["top"].to_list(), strict=True):
            wanted += lines[:each] if top in lines[:each] else [*lines[: each - 1], top]
        # The strongest first: when the limit is reached, it is the weak ones that go without.
        scores, texts = frame["score"], frame["text"]
        for at in sorted(wanted, key=lambda at: -scores[at]):
            self.explained(texts[at] or "")
        self._lines = {at: i for i, at in enumerate(wanted)}
        self._evidence = batch.evidence(
            frame["row"].gather(wanted).to_list(), None, scores.gather(wanted).to_list()
        )

    def explained(self, text: str) -> "Explanation | None":
        """Why the text is suspicious; None once the batch's limit is reached."""
        if text not in self._known:
            if len(self._known) >= MAX_EXPLAINED:
                return None
            self._known[text] = self._explain(text)
        return self._known[text]

    def evidence(self, group: dict[str, Any]) -> tuple[Evidence, ...]:
        """The group's raw lines with the suspicious parts marked, earliest first."""
        picked = [at for at in {*group["lines"], group["top"]} if at in self._lines]
        lines = []
        for at in picked:
            line = self._evidence[self._lines[at]]
            text = self.frame["text"][at] or ""
            explained = self._known.get(text)
            marked = _marked(line.raw, text, explained) if explained is not None else ()
            lines.append(replace(line, highlights=marked))
        return tuple(sorted(lines, key=lambda e: (e.timestamp, e.offset)))


def _marked(raw: str, text: str, explained: "Explanation") -> tuple[Highlight, ...]:
    """Where the suspicious parts of a text stand in the raw line."""
    start = raw.find(text)
    if start < 0:  # the line was cut, or a format that decodes: find the parts one by one
        places = []
        for part in explained.parts:
            piece = text[slice(*part.highlight)]
            at = raw.find(piece) if piece else -1
            if at >= 0:
                places.append((at, at + len(piece)))
    else:
        places = [(start + a, start + b) for a, b in (p.highlight for p in explained.parts)]
    return tuple(sorted((a, min(b, len(raw))) for a, b in places if a < min(b, len(raw))))


def _finding(group: dict[str, Any], notes: _Notes, threshold: float, version: str) -> Finding:
    kind = CLASSES[group["kind"]]
    top = notes.frame.row(group["top"], named=True)
    explained = notes.explained(top["text"] or "") if group["kind"] != SCANNER else None
    path = render_safe((top[c.URL] or "").split("?", 1)[0], _PATH_CHARS)
    return Finding(
        detector="web",
        rule=f"web.{kind.name}",
        entity=group["entity"],
        entity_type=group["entity_type"],
        technique=kind.technique,
        title=kind.title,
        summary=_summary(group, kind, path, top, explained),
        severity=_severity(kind, answered=group["answered"]),
        score=float(top["score"]),
        threshold=threshold,
        count=group["count"],
        first_seen=group["first"],
        last_seen=group["last"],
        components=_components(top, explained),
        evidence=notes.evidence(group),
        next_steps=_next_steps(group["entity"], kind, answered=group["answered"]),
        model_version=version,
    )


def _severity(kind: AttackClass, *, answered: bool) -> Severity:
    """One step up, to high at most, when the server answered an attack with success.

    Not for probes and tools: that a page exists, or that a scan got answers, says little.
    """
    if answered and kind.severity < Severity.HIGH and kind.name not in {"probe", "scanner"}:
        return Severity(kind.severity + 1)
    return kind.severity


def _summary(
    group: dict[str, Any],
    kind: AttackClass,
    path: str,
    top: dict[str, Any],
    explained: "Explanation | None",
) -> str:
    who = render_safe(group["entity"], 100)
    if kind.name == "scanner":
        return f"{who} uses a scanning tool that names itself in User-Agent; last seen at {path}."
    what = {
        "probe": f"{who} asked for what scanners look for at {path}",
        "other": f"{who} sent a suspicious request to {path}",
    }.get(kind.name, f"{who} sent what looks like {_lower_first(kind.title)} to {path}")
    if explained is not None and explained.parts:
        what += f'; strongest part: "{render_safe(explained.parts[0].words)}"'
    if top["status"] is not None:
        what += f" (answered {top['status']})"
    return what + "."


def _lower_first(title: str) -> str:
    first = title.split(" ", 1)[0]
    return title if first.isupper() or not first[1:].islower() else title[0].lower() + title[1:]


def _components(top: dict[str, Any], explained: "Explanation | None") -> tuple[Component, ...]:
    score = float(top["score"])
    parts = [Component("Strongest request", f"{score:.4f}", score)]
    if explained is None:
        return tuple(parts)
    parts += [
        Component("Speaks for an attack", render_safe(part.words), part.share)
        for part in explained.parts
    ]
    parts += [Component("Disguise undone", words, 1.0) for words in explained.hidden_by]
    special = explained.special_share
    parts.append(Component("Special characters in it", f"{special:.0%}", min(special, 1.0)))
    if top["status"] is not None:
        parts.append(
            Component("Server's answer", str(top["status"]), 1.0 if top["answered"] else 0.2)
        )
    return tuple(parts)


def _next_steps(entity: str, kind: AttackClass, *, answered: bool) -> tuple[str, ...]:
    steps = [kind.check, f"Look at everything else that {render_safe(entity, 100)} requested."]
    if answered:
        steps.insert(
            0, "Some of these requests were answered with success: compare the answers' sizes."
        )
    return tuple(steps)
