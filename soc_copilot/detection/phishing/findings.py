"""From flagged contents to findings: grouped by sender or host, told by the strongest one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

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
from soc_copilot.domain.phishing import Reason, defang
from soc_copilot.domain.text import render_safe

SURE: Final = 0.9  # chosen: from here on the alert is of high severity
_MAX_REASONS: Final = 6  # chosen: parts of a score that are shown
_MIN_PIECE: Final = 3  # chosen: characters of a word that is marked
_WHOLE_BAR: Final = 2.0  # logits that fill a bar: chosen
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    # kind: title, what a summary calls it
    "email": ("Phishing e-mail", "An e-mail"),
    "page": ("Phishing page", "A saved page"),
    "url": ("Phishing link", "A link"),
    "text": ("Phishing text", "A text"),
}
_ENTITY: Final[Mapping[str, str]] = {
    c.EMAIL_FROM: "sender", c.EMAIL_DOMAINS: "host", c.PHISH_HASH: "content", c.FILE_PATH: "file",
}  # fmt: skip
_WANTED: Final = (
    c.EMAIL_FROM, c.EMAIL_SUBJECT, c.EMAIL_DOMAINS, c.EMAIL_FILES, c.EMAIL_REPLY_TO, c.PHISH_HASH,
    c.PHISH_VERSION, c.PHISH_CONTENT, c.PHISH_USER, c.PHISH_REASONS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Flagged:
    """Events whose score reached the threshold.

    Attributes:
        rows: Row numbers in the batch, ascending.
        scores: Their scores.
        reasons: By place among them; None where the verdict came with the event.
    """

    rows: npt.NDArray[np.intp]
    scores: npt.NDArray[np.float32]
    reasons: Mapping[int, tuple[Reason, ...] | None]


def build_findings(
    batch: EventBatch, flagged: Flagged, *, threshold: float, version: str
) -> tuple[Finding, ...]:
    """One finding per sender (or host, or content), kind and UTC day, earliest first."""
    frame = _frame(batch, flagged)
    groups = (
        frame.sort(c.TIMESTAMP, "row")
        .group_by("entity", "entity_type", c.PHISH_KIND, "day", maintain_order=True)
        .agg(
            pl.len().alias("count"),
            pl.col(c.TIMESTAMP).min().alias("first"),
            pl.col(c.TIMESTAMP).max().alias("last"),
            pl.col("at").gather(pl.col("score").arg_max()).first().alias("top"),
            pl.col("at").head(EVIDENCE_PER_FINDING).alias("lines"),
        )
    )
    shown = groups.rows(named=True)
    found = _evidence(batch, frame, [line for group in shown for line in _lines(group)])
    tops = frame[groups["top"]].rows(named=True)
    return tuple(
        _finding(group, top, found, flagged.reasons, threshold, version)
        for group, top in zip(shown, tops, strict=True)
    )


def _frame(batch: EventBatch, flagged: Flagged) -> pl.DataFrame:
    """The flagged events with what grouping and telling need, in the order of the batch."""
    names = (c.PHISH_KIND, c.TIMESTAMP, c.FILE_PATH, c.ORIGINAL, *_WANTED)
    picked = batch.frame.select(n for n in names if batch.has(n))[flagged.rows.astype(np.uint32)]
    absent = [name for name in _WANTED if name not in picked.columns]
    picked = picked.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
    # Of several hosts the first; a message without a sender is known by its file.
    texts = {
        c.EMAIL_FROM: pl.col(c.EMAIL_FROM),
        c.EMAIL_DOMAINS: pl.when(pl.col(c.PHISH_KIND) != "email").then(
            pl.col(c.EMAIL_DOMAINS).str.extract(r"^(\S+)")
        ),
        c.PHISH_HASH: pl.col(c.PHISH_HASH).str.slice(0, 16),
        c.FILE_PATH: pl.col(c.FILE_PATH),
    }
    return picked.with_columns(
        pl.Series("row", flagged.rows.astype(np.int64)),
        pl.Series("at", np.arange(len(flagged.rows), dtype=np.int64)),
        pl.Series("score", flagged.scores),
        pl.col(c.TIMESTAMP).dt.date().alias("day"),
        pl.coalesce(*texts.values(), pl.lit("unknown")).alias("entity"),
        pl.coalesce(
            *(pl.when(text.is_not_null()).then(pl.lit(name)) for name, text in texts.items()),
            pl.lit(c.FILE_PATH),
        ).alias("entity_type"),
    )


def _finding(
    group: dict[str, Any],
    top: dict[str, Any],
    evidence: Mapping[int, Evidence],
    known: Mapping[int, tuple[Reason, ...] | None],
    threshold: float,
    version: str,
) -> Finding:
    reasons = known.get(group["top"])
    if reasons is None:
        reasons = _carried(top[c.ORIGINAL] or "")
    kind, score = group[c.PHISH_KIND], float(top["score"])
    title = _WORDS.get(kind, _WORDS["text"])[0]
    return Finding(
        detector="phishing",
        rule=f"phishing.{kind}",
        entity=group["entity"],
        entity_type=group["entity_type"],
        technique=technique_of(kind, reasons, has_links=bool(top[c.EMAIL_DOMAINS])),
        title=title,
        summary=_summary(kind, top, reasons),
        severity=Severity.HIGH if score >= SURE else Severity.MEDIUM,
        score=score,
        threshold=min(threshold, score),
        count=group["count"],
        first_seen=group["first"],
        last_seen=group["last"],
        components=_components(score, top, reasons),
        evidence=_marked(group, evidence, reasons),
        next_steps=_next_steps(kind, top, reasons),
        model_version=top[c.PHISH_VERSION] or version,
    )


def technique_of(kind: str, reasons: Sequence[Reason], *, has_links: bool) -> str:
    """The ATT&CK id: by an attachment, by a link, by a message of another service, or just so."""
    speaking = [reason for reason in reasons if reason.weight > 0]
    baits = [one for one in speaking if one.kind in {"attachment", "link", "form"}]
    strongest = max(baits, key=lambda one: one.weight, default=None)
    if strongest is not None and strongest.kind == "attachment":
        return "T1566.001"
    if strongest is not None or kind in {"url", "page"} or has_links:
        return "T1566.002"
    return "T1566.003" if kind == "text" else "T1566"


def _carried(line: str) -> tuple[Reason, ...]:
    """The reasons in a line of our own service."""
    try:
        told = json.loads(line)
        rows = told.get("reasons", []) if isinstance(told, dict) else []
        return tuple(
            Reason(str(kind), str(text), weight=float(weight)) for kind, text, weight in rows
        )
    except (ValueError, TypeError, RecursionError):
        return ()


def _summary(kind: str, top: Mapping[str, Any], reasons: Sequence[Reason]) -> str:
    words = _WORDS.get(kind, _WORDS["text"])[1]
    if kind == "email":
        if top[c.EMAIL_FROM]:
            words += f" from {render_safe(defang(top[c.EMAIL_FROM]), 100)}"
        if top[c.EMAIL_SUBJECT]:
            words += f', "{render_safe(top[c.EMAIL_SUBJECT], 80)}",'
    elif top[c.EMAIL_DOMAINS]:
        words += f" to {render_safe(defang(top[c.EMAIL_DOMAINS].split()[0]), 100)}"
    said = next((one.text for one in reasons if one.weight > 0), "")
    return f"{words} looks like phishing. {render_safe(said, 200)}".strip()


def _components(
    score: float, top: Mapping[str, Any], reasons: Sequence[Reason]
) -> tuple[Component, ...]:
    found = [Component("Like phishing", f"{score:.3f}", score)]
    seen: set[str] = set()
    for one in reasons:
        if one.text not in seen and len(found) <= _MAX_REASONS:
            seen.add(one.text)
            name = "Speaks for it" if one.weight > 0 else "Speaks against it"
            bar = min(abs(one.weight) / _WHOLE_BAR, 1.0)
            found.append(Component(name, render_safe(one.text, 200), bar))
    if top[c.EMAIL_FILES]:
        found.append(Component("Attachments", render_safe(top[c.EMAIL_FILES], 200), 0.0))
    if top[c.PHISH_USER]:
        found.append(Component("Asked by", render_safe(top[c.PHISH_USER], 100), 0.0))
    return tuple(found)


def _lines(group: dict[str, Any]) -> list[int]:
    """Which of the flagged events a finding shows: the first, and always the surest."""
    lines = list(group["lines"])
    if group["top"] not in lines:
        lines[-1] = group["top"]
    return lines


def _evidence(batch: EventBatch, frame: pl.DataFrame, lines: list[int]) -> dict[int, Evidence]:
    """The lines of all findings, taken from the batch together: one by one takes ten times that."""
    picked = frame.select("row", "score")[lines]
    rows, scores = picked["row"].to_list(), picked["score"].to_list()
    return dict(zip(lines, batch.evidence(rows, None, scores), strict=True))


def _marked(
    group: dict[str, Any], evidence: Mapping[int, Evidence], reasons: Sequence[Reason]
) -> tuple[Evidence, ...]:
    """A finding's lines, earliest first; in the surest the words are marked that speak for it."""
    found = []
    for at in _lines(group):
        line = evidence[at]
        places = _places(line.raw, reasons) if at == group["top"] else ()
        found.append(replace(line, highlights=places) if places else line)
    return tuple(sorted(found, key=lambda one: (one.timestamp, one.offset)))


def _places(raw: str, reasons: Sequence[Reason]) -> tuple[Highlight, ...]:
    """Where words that speak for phishing stand in the raw line; told in quotes by the reasons."""
    found = set()
    for one in reasons:
        pieces = one.text.split('"')[1::2] if one.weight > 0 else []
        for piece in pieces:
            at = raw.lower().find(piece.lower()) if len(piece) >= _MIN_PIECE else -1
            if at >= 0:
                found.add((at, min(at + len(piece), len(raw))))
    return tuple(sorted(found))


def _next_steps(kind: str, top: Mapping[str, Any], reasons: Sequence[Reason]) -> tuple[str, ...]:
    steps = []
    if kind == "email":
        steps.append("Find out who else received it, and whether anybody answered or clicked.")
        if any(one.kind == "attachment" for one in reasons) or top[c.EMAIL_FILES]:
            steps.append("Look for the attachments' SHA-256 on the machines of those who got it.")
        if top[c.EMAIL_REPLY_TO] and top[c.EMAIL_REPLY_TO] != top[c.EMAIL_FROM]:
            steps.append("Look for answers to the reply address, which is not the sender's.")
    if top[c.EMAIL_DOMAINS]:
        hosts = ", ".join(defang(host) for host in top[c.EMAIL_DOMAINS].split()[:3])
        steps.append(f"Look for requests to {render_safe(hosts, 200)} in proxy and DNS logs.")
    steps.append("Do not open its links; where a password was entered, change it and end sessions.")
    return tuple(steps)
