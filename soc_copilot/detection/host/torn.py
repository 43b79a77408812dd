"""Audit events whose lines alternate with another's: who did it, from what came before.

When two processors write at the same time, the lines of two audit events may alternate. Each
stretch of lines is then an event of its own (`parsing.audit`): the first tells who made the
system call, a later one with the same number which files. The user is part of a stream's name, so
the files would go to a stream of nobody's; here they get their user and program back. Only what
came before counts, and it is remembered across batches, so that batches make no difference.
"""

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError

KEPT: Final = 256  # chosen: calls still waiting for their files; far more than processors at work
DATASET: Final = "host.audit"
_CHARS: Final = 256  # chosen: of a name; what is remembered is stored with every batch
_CALL: Final = "SYSCALL"
# A call whose files stand elsewhere has its own name as its action.
_CALLS: Final = (
    "open", "openat", "openat2", "creat", "truncate", "ftruncate", "rename", "renameat",
    "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat", "mknod", "mknodat", "link",
    "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown",
    "fchown", "lchown", "fchownat",
)  # fmt: skip
_NEEDED: Final = (c.AUDIT_ID, c.EVENT_CODE, c.ACTION, c.PATH, c.USER, c.DATASET)
_KEY: Final = ("source", "host", "at", "serial")
_TOLD: Final = (c.USER, c.EXECUTABLE, c.PROCESS)
SCHEMA: Final = pl.Schema(
    {
        "source": pl.Int32, "host": pl.String, "at": pl.Int64, "serial": pl.Int64,
        **dict.fromkeys(_TOLD, pl.String),
    }
)  # fmt: skip


def completed(frame: pl.DataFrame, before: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Events with users and programs where only an earlier stretch says them.

    Args:
        frame: Of an `EventBatch`.
        before: What the last call gave, `SCHEMA`; empty at first.

    Returns:
        The frame, and the calls to remember; the same object when there are no new ones.
    """
    if any(name not in frame.columns for name in _NEEDED):
        return frame, before
    is_audit = (pl.col(c.DATASET) == DATASET) & pl.col(c.AUDIT_ID).is_not_null()
    is_call = (
        is_audit
        & (pl.col(c.EVENT_CODE) == _CALL)
        & pl.col(c.ACTION).is_in(_CALLS)
        & pl.col(c.PATH).is_null()
        & pl.col(c.USER).is_not_null()
    ).fill_null(value=False)
    is_rest = (is_audit & pl.col(c.PATH).is_not_null() & pl.col(c.USER).is_null()).fill_null(
        value=False
    )
    rows = frame.with_row_index("row").with_columns(
        is_call.cum_sum().cast(pl.Int64).alias("n"), *_keys(frame)
    )
    calls = rows.filter(is_call).select("n", *_told(frame))
    rest = rows.filter(is_rest).select("row", "n", *_KEY)
    numbers = pl.int_range(1 - before.height, 1, dtype=pl.Int64, eager=True).alias("n")
    known = pl.concat([before.select(numbers, *SCHEMA), calls])
    kept = known.drop("n").tail(KEPT) if calls.height else before
    if rest.is_empty() or known.is_empty():
        return frame, kept
    return _filled(frame, rest, known), kept


def pack(calls: pl.DataFrame) -> npt.NDArray[np.uint8]:
    """The calls as bytes."""
    return np.frombuffer(json.dumps(calls.rows()).encode("ascii"), np.uint8)


def unpack(data: npt.NDArray[Any] | None) -> pl.DataFrame:
    """What `pack` gave; no calls for None.

    Raises:
        DetectorError: It is damaged.
    """
    if data is None:
        return SCHEMA.to_frame()
    try:
        return pl.DataFrame(json.loads(data.tobytes()), schema=SCHEMA, orient="row")
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise DetectorError(
            f"The host detector's memory of audit records is damaged ({error})."
        ) from error


def _keys(frame: pl.DataFrame) -> list[pl.Expr]:
    """What tells audit events apart: the source, the host, the time and the serial number."""
    host = pl.col(c.HOST) if c.HOST in frame.columns else pl.lit("")
    return [
        pl.col(c.SOURCE_ID).cast(pl.Int32).alias("source"),
        host.fill_null("").str.head(_CHARS).alias("host"),
        pl.col(c.TIMESTAMP).dt.epoch("us").alias("at"),
        pl.col(c.AUDIT_ID).cast(pl.Int64).alias("serial"),
    ]


def _told(frame: pl.DataFrame) -> list[pl.Expr]:
    """The columns of `SCHEMA`."""
    known = [pl.col(name) if name in frame.columns else pl.lit(None) for name in _TOLD]
    texts = [
        column.cast(pl.String).str.head(_CHARS).alias(name)
        for column, name in zip(known, _TOLD, strict=True)
    ]
    return [*(pl.col(name) for name in _KEY), *texts]


def _filled(frame: pl.DataFrame, rest: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """The frame with what the calls say of the rest.

    By the nearest call before, not by all that fit: lines that claim the same number over and
    over cannot make it large.
    """
    numbered = known.with_columns(pl.col("n").alias("of"))
    found = rest.join_asof(numbered, on="n", by=_KEY, strategy="backward", check_sortedness=False)
    near = found.filter(pl.col("of") > pl.col("n") - KEPT)
    if near.is_empty():
        return frame
    added = near.select("row", *(pl.col(name).alias(f"{name}?") for name in _TOLD))
    joined = frame.with_row_index("row").join(added, on="row", how="left", maintain_order="left")
    own = [pl.col(name) if name in frame.columns else pl.lit(None, pl.String) for name in _TOLD]
    return joined.with_columns(
        pl.coalesce(column, pl.col(f"{name}?")).alias(name)
        for column, name in zip(own, _TOLD, strict=True)
    ).drop("row", *(f"{name}?" for name in _TOLD))
