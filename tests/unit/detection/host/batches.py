"""Batches of file activity as the pipeline gives them to detectors."""

import json
from itertools import pairwise

import polars as pl

from soc_copilot.detection.host.activity import Operation
from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.domain.events import EventBatch

ACTIONS = {
    Operation.CREATE: Action.FILE_CREATED,
    Operation.WRITE: Action.FILE_WRITTEN,
    Operation.RENAME: Action.FILE_RENAMED,
    Operation.DELETE: Action.FILE_DELETED,
    Operation.ATTRIBUTES: Action.FILE_MODE_CHANGED,
}
_SCHEMA = {
    c.SOURCE_ID: pl.Int32,
    c.GENERATION: pl.Int32,
    c.OFFSET: pl.Int64,
    c.LENGTH: pl.Int64,
    c.FILE_PATH: pl.String,
    c.ORIGINAL: pl.String,
    c.INGESTED: pl.Datetime("us", "UTC"),
    c.KIND: pl.String,
    c.TIMESTAMP: pl.Datetime("us", "UTC"),
    c.DATASET: pl.String,
    c.ACTION: pl.String,
    c.PATH: pl.String,
    c.FILE_TARGET: pl.String,
    c.FILE_SIZE: pl.Int64,
    c.FILE_OLD_SIZE: pl.Int64,
    c.ENTROPY: pl.Float64,
    c.OLD_ENTROPY: pl.Float64,
    c.FILE_TYPE: pl.String,
    c.HOST: pl.String,
    c.USER: pl.String,
    c.PROCESS: pl.String,
}


def _number(value):
    return None if value != value else value


def batch(events, first=0, *, has_host=True):
    """Events of host activity in a batch; `first` is the number of its first line."""
    rows = []
    for i, event in enumerate(events, start=first):
        raw = json.dumps({"path": event.path, "target": event.target, "n": i})
        at_us = round(event.timestamp * 1e6)
        size, before = _number(event.size), _number(event.previous_size)
        rows.append(
            (
                1, 0, i * 100, len(raw), "activity", raw, at_us, "event", at_us, "host.file",
                ACTIONS[event.operation], event.path, event.target or None,
                None if size is None else int(size), None if before is None else int(before),
                _number(event.entropy), _number(event.previous_entropy),
                "dir" if event.is_folder else "file", event.stream if has_host else None,
                event.user or None, event.process or None,
            )
        )  # fmt: skip
    return EventBatch(first, pl.DataFrame(rows, schema=_SCHEMA, orient="row"))


def other(n=5):
    """A batch of events that have nothing to do with files."""
    frame = batch([]).frame.clear(n).with_columns(
        pl.lit(1, pl.Int32).alias(c.SOURCE_ID), pl.lit("web.access").alias(c.DATASET),
        pl.lit("x").alias(c.ORIGINAL),
    )  # fmt: skip
    return EventBatch(0, frame)


def parts(events, cuts, **more):
    """The events in several batches."""
    bounds = [0, *sorted(cuts), len(events)]
    return [
        batch(events[a:b], a, **more)
        for a, b in pairwise(bounds)
        if a < b
    ]  # fmt: skip
