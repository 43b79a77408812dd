"""Programs that were started: commands that prepare harm or hide it, told in findings.

A documented rule beside the scored events (`commands`), without a memory: each start is judged by
its own command line, so that batches make no difference.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.commands import COMMANDS, expression, signs, signs_of
from soc_copilot.detection.host.reading import DATASETS
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import (
    EVIDENCE_PER_FINDING,
    Component,
    Finding,
    Highlight,
    Severity,
)

NAME: Final = "host"
VERSION: Final = "host-commands 1"
THRESHOLD: Final = 0.5  # chosen: below what any known command gets
CERTAIN: Final = 0.9  # chosen: score of a command with hardly a harmless use
USUAL: Final = 0.7  # chosen: of one that administrators use, too
_DAY_US: Final = 24 * 3_600 * 1_000_000
_SHOWN: Final = 200  # chosen: characters of a command in a summary
# A program started, sudo told of it, a script ran; the second half of a torn audit event.
_ACTIONS: Final = ("process-started", "user-cmd", "script-block", "script-command")
_ARGUMENTS: Final = "EXECVE"

_FOLDER: Final = r'(?m)^\s*"[^"]*[\\/]'  # of a program's name in quotes, which may hold spaces
_QUOTES: Final = "[\"'`^]"  # also shells' escapes: v^ss^admin
_SPACES: Final = r"(?:[^\S\n]|\x00)+"


@dataclass(frozen=True, slots=True)
class Judged:
    """What is said of a batch's commands.

    Attributes:
        rows: Of the batch, those that ran a known command.
        scores: Of each, float32.
        findings: What becomes alerts.
    """

    rows: npt.NDArray[np.uint32]
    scores: npt.NDArray[np.float32]
    findings: tuple[Finding, ...]


def judge(batch: EventBatch) -> Judged:
    """Look for known commands among the programs that were started."""
    found = _known(_started(batch))
    scores = np.where([command.is_usual for command in COMMANDS], USUAL, CERTAIN)
    own = scores.astype(np.float32)[found["command"].to_numpy()]
    return Judged(found["row"].to_numpy(), own, tuple(_tell(batch, found)))


def _started(batch: EventBatch) -> pl.DataFrame:
    """Command lines without quotes, with single spaces; `row` and `text`."""
    frame = batch.frame
    if not batch.has(c.COMMAND, c.ACTION):
        return pl.DataFrame(schema={"row": pl.UInt32, "text": pl.String})
    is_start = pl.col(c.ACTION).is_in(_ACTIONS)
    if c.EVENT_CODE in frame.columns:
        is_start |= pl.col(c.EVENT_CODE) == _ARGUMENTS
    is_start &= pl.col(c.DATASET).is_in(DATASETS) & pl.col(c.COMMAND).is_not_null()
    if c.OUTCOME in frame.columns:
        is_start &= pl.col(c.OUTCOME).fill_null("") != "failure"
    text = pl.col(c.COMMAND).str.replace_all(_FOLDER, "").str.replace_all(_QUOTES, "")
    return (
        frame.with_row_index("row")
        .filter(is_start.fill_null(value=False))
        .select("row", text.str.replace_all(_SPACES, " ").str.strip_chars().alias("text"))
    )


def _known(started: pl.DataFrame) -> pl.DataFrame:
    """Those that run a known command: `row`, `text` and the number of the first that fits."""
    likely = started.filter(_has_any("text", signs()))
    found = np.full(likely.height, -1)
    for i, command in enumerate(COMMANDS):
        # Only where a sign is: each expression takes some milliseconds to make ready.
        some = likely.with_row_index("at").filter(_has_any("text", signs_of(command)))
        if some.height:
            fits = some.filter(pl.col("text").str.contains(expression(command)))["at"].to_numpy()
            found[fits[found[fits] < 0]] = i
    return likely.with_columns(pl.Series("command", found)).filter(pl.col("command") >= 0)


def _has_any(name: str, found: list[str]) -> pl.Expr:
    return pl.col(name).str.contains_any(found, ascii_case_insensitive=True)


def _tell(batch: EventBatch, found: pl.DataFrame) -> Iterator[Finding]:
    """One finding for each rule, certainty, host and day.

    A finding of each certainty, because what describes an alert is its strongest finding: so it
    is the same one however the commands came in.
    """
    if found.is_empty():
        return
    told = _facts(batch, found)
    for key, own in told.group_by("rule", "score", "entity", "day", maintain_order=True):
        yield _finding(batch, own.sort("at", maintain_order=True), key)


def _facts(batch: EventBatch, found: pl.DataFrame) -> pl.DataFrame:
    """Who ran each command, where and when; the host, else who sent the line, else the log."""

    def text(name: str) -> pl.Expr:
        column = pl.col(name).cast(pl.String) if batch.has(name) else pl.lit("")
        return column.fill_null("").alias(name)

    rows = batch.frame[found["row"]].select(
        pl.col(c.TIMESTAMP).dt.epoch("us").alias("at"),
        *(text(name) for name in (c.HOST, c.USER, c.PARENT_PROCESS, c.FILE_PATH, c.SOURCE_ID)),
        text(c.SENDER).str.replace(r":\d+$", ""),
    )
    named = (c.HOST, c.SENDER, c.FILE_PATH, c.SOURCE_ID)
    is_named = [pl.when(pl.col(name) != "") for name in named]
    command = found["command"].to_list()
    return found.hstack(rows).with_columns(
        pl.coalesce(some.then(pl.col(name)) for some, name in zip(is_named, named, strict=True))
        .alias("entity"),
        pl.coalesce(some.then(pl.lit(name)) for some, name in zip(is_named, named, strict=True))
        .alias("entity_type"),
        (pl.col("at") // _DAY_US).alias("day"),
        pl.Series("rule", [COMMANDS[i].rule.id for i in command], pl.String),
        pl.Series("score", [USUAL if COMMANDS[i].is_usual else CERTAIN for i in command]),
    )  # fmt: skip


def _finding(batch: EventBatch, own: pl.DataFrame, key: tuple[Any, ...]) -> Finding:
    """The finding for commands that belong together, earliest first."""
    first = own.row(0, named=True)
    command = COMMANDS[first["command"]]
    rule, score = command.rule, float(key[1])
    lines = own.head(EVIDENCE_PER_FINDING)
    evidence = batch.evidence(lines["row"].to_list(), scores=[score] * lines.height)
    user, parent = first[c.USER], first[c.PARENT_PROCESS]
    shown = " ".join(first["text"].split())
    shown = shown if len(shown) <= _SHOWN else shown[:_SHOWN] + "..."
    who = f" of {user}" if user else ""
    return Finding(
        detector=NAME,
        rule=rule.id,
        entity=first["entity"],
        entity_type=first["entity_type"],
        technique=rule.technique,
        title=rule.title,
        summary=f"{user or 'Someone'} ran: {shown}{f' (started by {parent})' if parent else ''}.",
        severity=Severity(rule.severity - 1) if command.is_usual else rule.severity,
        score=score,
        threshold=THRESHOLD,
        count=own.height,
        first_seen=from_us(first["at"]),
        last_seen=from_us(own["at"][-1]),
        components=(Component("Known command", command.programs[0].partition("(")[0], score),),
        evidence=tuple(
            replace(line, highlights=highlights(line.raw, i))
            for line, i in zip(evidence, lines["command"].to_list(), strict=True)
        ),
        next_steps=tuple(step.format(where=first["entity"], who=who) for step in rule.next_steps),
        model_version=VERSION,
    )


def highlights(raw: str, number: int) -> tuple[Highlight, ...]:
    """Where the names of a command's programs stand in a line.

    Args:
        raw: The line.
        number: Of `COMMANDS`.
    """
    names = "|".join(COMMANDS[number].programs)
    return tuple(match.span() for match in re.finditer(rf"(?i)\b(?:{names})\b", raw))
