"""Event frames for the archive's tests."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.records import Checkpoint, RecordBatch, RecordChunk
from soc_copilot.parsing.batch import BatchParser

READ_NS = 1_431_857_000_000_000_000


def batch_of(
    lines: Sequence[str], *, source_id: int = 1, generation: int = 1, start: int = 0
) -> EventBatch:
    """The lines of one file, parsed as ingestion does it."""
    data = [line.encode("utf-8", "surrogateescape") + b"\n" for line in lines]
    lengths = np.array([len(line) for line in data], dtype=np.int64)
    offsets = start + np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    end = start + int(lengths.sum())
    chunk = RecordChunk(
        source_id,
        generation,
        f"/var/log/{source_id}.log",
        start,
        b"".join(data),
        offsets,
        lengths,
        READ_NS,
        Checkpoint(source_id, generation, f"/var/log/{source_id}.log", end),
    )
    return BatchParser().parse(RecordBatch(1, (chunk,))).events


def access_lines(n: int, seed: int = 1) -> list[str]:
    """Access-log lines that differ in client, time, request, size and agent."""
    random = np.random.default_rng(seed)
    return [
        f"10.{random.integers(4)}.{random.integers(200)}.{random.integers(250)} - - "
        f"[17/May/2015:{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02} +0000] "
        f'"GET /page/{random.integers(50)}?q={random.integers(9)} HTTP/1.1" '
        f'{random.choice([200, 304, 404])} {random.integers(9000)} "-" "agent/{i % 7}"'
        for i in range(n)
    ]


def joined(*batches: EventBatch) -> EventBatch:
    """Several batches as one."""
    frame = pl.concat([batch.frame for batch in batches], how="diagonal")
    return EventBatch(1, frame)


def ids(frame: pl.DataFrame) -> list[tuple[int, int, int]]:
    """(source, generation, offset) of each row, sorted."""
    return sorted(frame.select(c.SOURCE_ID, c.GENERATION, c.OFFSET).rows())
