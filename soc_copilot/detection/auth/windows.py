"""Counts over sliding windows of event time that come out the same for any batches.

Each event is judged when it arrives, by what has arrived before it: the events of its key in its
own clock minute and the four before ("within 5 minutes"). What is kept between batches is one
number for each (key, member, minute), so that a flood takes no more room than a trickle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

MINUTE_US: Final = 60_000_000
WINDOW_MINUTES: Final = 5  # chosen: people mistype within seconds, tools guess for minutes
HORIZON_MINUTES: Final = 15  # chosen: window + 10 minutes that a line may come late
MAX_MEMBERS: Final = (
    64  # chosen: members told apart for each key and minute; further ones only count
)
MAX_ROWS: Final = 20_000  # chosen: rows kept in all (about 0.2 MB stored); the oldest go first

_SCHEMA: Final = {"key": pl.String, "member": pl.String, "minute": pl.Int64, "n": pl.Int64}

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """What stood in the window when each event had arrived.

    Attributes:
        total: int64, shape (n,), events of the key, weighted, this one included.
        distinct: int64, shape (n,), different members among them.
    """

    total: Int64s
    distinct: Int64s


class WindowTable:
    """Weights by (key, member, minute). Immutable: every change is a new table."""

    def __init__(self, rows: pl.DataFrame | None = None) -> None:
        self._rows = pl.DataFrame(schema=_SCHEMA) if rows is None else rows

    @property
    def height(self) -> int:
        """Rows kept."""
        return self._rows.height

    def fold(self, events: pl.DataFrame) -> tuple[Window, "WindowTable"]:
        """Judge events one after the other, and the table with them in it.

        Args:
            events: In the order of arrival: `key` and `member` (String, no nulls; an empty
                member is nobody and counts in totals only), `minute` (Int64, since 1970)
                and `n` (Int64, weight; 0 looks at the window without entering it).

        Returns:
            The window of each event, in their order, and the new table.
        """
        known = self._rows.filter(pl.col("key").is_in(events["key"].unique().implode()))
        joint = _capped(pl.concat([known, events.select(*_SCHEMA)]))
        window = _judge(joint, known.height)
        entered = joint[known.height :].filter(pl.col("n") > 0)
        merged = pl.concat([self._rows, entered]).group_by("key", "member", "minute")
        rows = merged.agg(pl.col("n").sum()).sort("minute", "key", "member")
        return window, WindowTable(rows)

    def pruned(self, clocks: Iterable[int]) -> "WindowTable":
        """Without the minutes that are far from every clock (minutes since 1970)."""
        near = pl.lit(False)
        for clock in clocks:
            near |= (pl.col("minute") - clock).abs() <= HORIZON_MINUTES
        return WindowTable(self._rows.filter(near))

    def bounded(self) -> "WindowTable":
        """With at most `MAX_ROWS` rows, the latest minutes'."""
        return WindowTable(self._rows.tail(MAX_ROWS))

    def minutes(self) -> set[int]:
        """Every minute kept."""
        return set(self._rows["minute"])

    def keys(self) -> set[str]:
        """Every key kept."""
        return set(self._rows["key"])

    def to_json(self) -> dict[str, list[Any]]:
        """Columns as lists."""
        return self._rows.to_dict(as_series=False)

    @classmethod
    def from_json(cls, data: Mapping[str, list[Any]]) -> "WindowTable":
        """The table that `to_json` gave.

        Raises:
            Exception: The value has another shape; which one depends on how.
        """
        rows = pl.DataFrame({name: data[name] for name in _SCHEMA}, schema=_SCHEMA, strict=True)
        if rows.null_count().sum_horizontal().item() if rows.height else 0:
            raise ValueError("A window table has empty cells.")
        return cls(rows.sort("minute", "key", "member"))


def _capped(joint: pl.DataFrame) -> pl.DataFrame:
    """Members beyond the first `MAX_MEMBERS` of a key and minute become nobody."""
    group = ["key", "minute"]
    busy = joint.group_by(group).agg(pl.col("member").n_unique().alias("m"))
    if not (busy["m"] > MAX_MEMBERS).any():
        return joint
    new = joint.select(pl.struct("key", "minute", "member").is_first_distinct()).to_series() & (
        joint["member"] != ""
    )
    ranked = joint.select(*group, "member", new.cast(pl.Int64).alias("new")).with_columns(
        pl.col("new").cum_sum().over(group).alias("place")
    )
    kept = ranked.filter((pl.col("new") == 1) & (pl.col("place") <= MAX_MEMBERS))
    kept = kept.select(*group, "member", pl.lit(True).alias("kept"))
    return joint.join(kept, on=[*group, "member"], how="left", maintain_order="left").select(
        "key",
        pl.when(pl.col("kept")).then(pl.col("member")).otherwise(pl.lit("")).alias("member"),
        "minute",
        "n",
    )


def _judge(joint: pl.DataFrame, n_known: int) -> Window:
    """Running totals and distinct members for the rows after the first `n_known`."""
    n = joint["n"].to_numpy()
    minute = joint["minute"].to_numpy()
    key = joint["key"].rank("dense").cast(pl.Int64).to_numpy()
    member = joint["member"].rank("dense").cast(pl.Int64).to_numpy()
    nobody = joint["member"].to_numpy() == "" if joint.height else np.empty(0, dtype=bool)
    # An event stands in the windows that end at its own minute and at the next four.
    rows = np.repeat(np.arange(len(n)), WINDOW_MINUTES)
    ends = np.tile(np.arange(WINDOW_MINUTES), len(n))
    use = (n[rows] > 0) | (ends == 0)
    rows, ends = rows[use], ends[use]
    target = minute[rows] + ends
    group = _codes(key[rows], target)
    order = np.argsort(group, kind="stable")
    rows, ends, group = rows[order], ends[order], group[order]
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    pair = group * (int(member.max(initial=0)) + 1) + member[rows]
    counts = (n[rows] > 0) & ~nobody[rows]
    new = np.zeros(len(rows), dtype=np.int64)
    at = np.flatnonzero(counts)
    new[at[np.unique(pair[at], return_index=True)[1]]] = 1
    total, distinct = _running(n[rows], starts), _running(new, starts)
    own = (ends == 0) & (rows >= n_known)
    window = Window(np.empty(len(n) - n_known, np.int64), np.empty(len(n) - n_known, np.int64))
    window.total[rows[own] - n_known] = total[own]
    window.distinct[rows[own] - n_known] = distinct[own]
    return window


def _codes(key: Int64s, target: Int64s) -> Int64s:
    """Small whole numbers, the same for the same (key, target)."""
    if not len(key):
        return key
    low = int(target.min())
    span = int(target.max()) - low + 1
    codes: Int64s = np.unique(key * span + (target - low), return_inverse=True)[1]
    return codes.reshape(-1).astype(np.int64)


def _running(values: Int64s, starts: Int64s) -> Int64s:
    """Cumulative sums that begin again at every start."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    before = sums[starts] - values[starts]
    lengths = np.diff(np.r_[starts, len(values)])
    result: Int64s = sums - np.repeat(before, lengths)
    return result
