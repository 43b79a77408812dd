"""How streams stand after a batch: the highest score of each, its parts, reasons, last events."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.host.findings import named_parts
from soc_copilot.detection.host.reading import STREAM
from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.findings import Component
from soc_copilot.domain.streams import (
    MAX_EVENTS,
    MAX_REASONS,
    MAX_STREAMS,
    MAX_TEXT,
    StreamEvent,
    StreamScore,
)

if TYPE_CHECKING:
    from soc_copilot.detection.host.detector import Block
    from soc_copilot.detection.host.prediction import Components
    from soc_copilot.domain.events import EventBatch

Rows = npt.NDArray[np.int64]

NAME: Final = "host"
_DAY_US: Final = 24 * 3_600 * 1_000_000


class Standings:
    """Collects the streams of a batch, block by block.

    Args:
        batch: The events as they came.
        threshold: Score of a threat.
    """

    def __init__(self, batch: "EventBatch", threshold: float) -> None:
        self._batch, self._threshold = batch, threshold
        self._found: dict[str, StreamScore] = {}

    def add(self, places: Rows, block: "Block", trees: Mapping[str, str]) -> None:
        """Take the streams of a block with the highest scores.

        Args:
            places: Row in the batch of each event of the block.
            block: Scored events.
            trees: "day|stream" -> the folder that stands for a host without a name.
        """
        score = block.scores.score
        order = np.argsort(block.rows, kind="stable")  # by stream, in order of arrival
        starts = np.flatnonzero(np.diff(block.rows[order], prepend=-1))
        ends = np.append(starts[1:], len(order))
        highest = np.maximum.reduceat(score[order], starts)
        chosen = np.argsort(-highest, kind="stable")[:MAX_STREAMS].tolist()
        all_names = block.frame[STREAM].gather(order[starts[chosen]]).to_list()
        floor = self._floor()
        kept = [
            (name, order[starts[one] : ends[one]])
            for name, one in zip(all_names, chosen, strict=True)
            if highest[one] > floor or name[:MAX_TEXT] in self._found
        ]
        if not kept:
            return
        names, owns = zip(*kept, strict=True)
        tops = [int(own[int(score[own].argmax())]) for own in owns]
        tails = [own[-MAX_EVENTS:] for own in owns]
        facts = iter(self._facts(places[np.concatenate([np.array(tops, np.int64), *tails])]))
        heads = [next(facts) for _ in tops]
        for head, name, top, own, tail in zip(heads, names, tops, owns, tails, strict=True):
            events = tuple(
                StreamEvent(from_us(one.at_us), one.action, one.path[-MAX_TEXT:], float(value))
                for one, value in zip(islice(facts, len(tail)), score[tail], strict=True)
            )
            tree = trees.get(f"{head.at_us // _DAY_US}|{name}", "")
            judged = self._judge(block, top, replace(head, entity=head.entity or tree), name)
            judged = replace(judged, n_events=len(own), events=events)
            former = self._found.get(judged.stream)
            self._found[judged.stream] = judged if former is None else _joined(former, judged)

    def told(self) -> tuple[StreamScore, ...]:
        """At most `MAX_STREAMS`, the highest score first."""
        ordered = sorted(self._found.values(), key=lambda judged: -judged.score)
        return tuple(ordered[:MAX_STREAMS])

    def _floor(self) -> float:
        """The score that a stream must exceed to be told at all."""
        if len(self._found) < MAX_STREAMS:
            return -1.0
        return sorted(judged.score for judged in self._found.values())[-MAX_STREAMS]

    def _judge(self, block: "Block", top: int, head: "_Facts", name: str) -> StreamScore:
        reasons = block.reasons(top)[:MAX_REASONS] if block.scores.is_threat[top] else ()
        return StreamScore(
            detector=NAME,
            stream=name[:MAX_TEXT] or str(head.source_id),
            source_id=head.source_id,
            entity=head.entity[:MAX_TEXT],
            at=from_us(head.at_us),
            score=float(block.scores.score[top]),
            threshold=self._threshold,
            n_events=0,
            components=_parts(block.scores.components(top)),
            reasons=tuple(text[:MAX_TEXT] for text in reasons),
        )

    def _facts(self, places: Rows) -> list["_Facts"]:
        """What the batch says of some of its events, in the order asked."""

        def text(name: str) -> pl.Expr:
            column = pl.col(name) if self._batch.has(name) else pl.lit("")
            return column.fill_null("")

        target, host = text(c.FILE_TARGET), text(c.HOST)
        sender = text(c.SENDER).str.replace(r":\d+$", "")
        rows = self._batch.frame[places.astype(np.uint32)].select(
            pl.col(c.TIMESTAMP).dt.epoch("us").alias("at_us"),
            pl.col(c.SOURCE_ID).alias("source_id"),
            pl.when(host != "").then(host).otherwise(sender).alias("entity"),
            text(c.ACTION).alias("action"),
            pl.when(target != "").then(target).otherwise(text(c.PATH)).alias("path"),
        )
        return [_Facts(*row) for row in rows.rows()]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the batch says of an event; the entity is its host, or the machine that sent it."""

    at_us: int
    source_id: int
    entity: str
    action: str
    path: str


def _parts(parts: "Components") -> tuple[Component, ...]:
    """The score's parts as bars, named as in alerts."""
    bars = [Component(name, f"{value:.2f}", value) for name, value in named_parts(parts)]
    return tuple(sorted(bars, key=lambda bar: -bar.weight))


def _joined(former: StreamScore, later: StreamScore) -> StreamScore:
    """One stream in two blocks of a batch; of equals the first."""
    higher = later if later.score > former.score else former
    return replace(
        higher,
        entity=later.entity or former.entity,
        n_events=former.n_events + later.n_events,
        events=(former.events + later.events)[-MAX_EVENTS:],
    )
