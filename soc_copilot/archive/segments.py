"""How a compacted segment is laid out, and how its events are read back.

Level 0 is a batch's frame as it was. From level 1 on a file holds one source in row groups of
up to `GROUP_ROWS` rows, ordered by generation and offset, with these columns changed:

- `@timestamp` is kept as the step from the row before (`~time`), `log.offset` as the gap after
  the line before (`~gap`); both begin anew in each group;
- the raw line is kept only where a recipe does not give it back; where it goes on after what
  the recipe gives, the rest is `~rest`;
- path and query of a URL are left out where they follow from it.

The footer says how each group was written, from when to when and from where to where it goes,
and which runs of bytes its lines have.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from soc_copilot.archive import recipes
from soc_copilot.archive.grams import GramTable
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment

GROUP_ROWS: Final = 131_072  # chosen: 1 MiB of an access log on disk, 12 ms to read
LAYOUT: Final = 1
_ABOUT: Final = "soc_copilot.layout"
_GRAMS: Final = "soc_copilot.grams"
_LEVEL: Final = 9  # measured: 15 takes twice as long to save 2%
_PAGE_BYTES: Final = 8 << 20  # measured: raw JSON lines take 7% less than in pages of 1 MiB
_TIME, _GAP, _REST = "~time", "~gap", "~rest"
ROW: Final = "~row"  # number of a row within its group
_UTC_US: Final = pl.Datetime("us", "UTC")

DAMAGE: Final = (
    pl.exceptions.PolarsError,
    pl.exceptions.PanicException,
    ValueError,
    KeyError,
    OSError,
)
"""What reading a damaged file may raise; a file that is gone raises FileNotFoundError first."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some consecutive rows of a segment, read at once.

    Attributes:
        start: The first row.
        n_rows: How many.
        min_us: Earliest `@timestamp`, microseconds since 1970 UTC.
        max_us: Latest one.
        first: (generation, offset) of the first row; None at level 0, which has no order.
        last: The same of the last one.
        recipe: How raw lines are rebuilt, see `recipes.rebuilt`.
        has_url_parts: Path and query of the URL were left out.
        columns: Names of the events' columns; empty at level 0, where they are the file's.
    """

    start: int
    n_rows: int
    min_us: int
    max_us: int
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    recipe: str = ""
    has_url_parts: bool = False
    columns: tuple[str, ...] = ()

    def may_hold(self, generation: int, start: int, end: int) -> bool:
        """False when no line of this stretch [start, end) of a file can be in the group."""
        if self.first is None or self.last is None:
            return True
        return self.first < (generation, end) and self.last >= (generation, start)


@dataclass(frozen=True, slots=True)
class Layout:
    """A segment's groups.

    Attributes:
        groups: In the order of their rows.
        grams: For each, what its lines have; none at level 0. See `may_have`.
        newest_us: When the last of its events was read, microseconds since 1970 UTC; 0 at
            level 0.
    """

    groups: tuple[Group, ...]
    grams: tuple[GramTable, ...] = ()
    newest_us: int = 0


def may_have(group: Group, grams: GramTable, text: str) -> bool:
    """False only when no line of the group has the text, in any ASCII case."""
    piece = recipes.piece_of(text) if group.recipe else text
    return piece is None or grams.may_have(piece)


@dataclass(frozen=True, slots=True)
class EncodedGroup:
    """A group as it will be written."""

    frame: pl.DataFrame
    group: Group
    grams: str
    newest_us: int
    check: int  # see `fingerprint`


def encode(events: pl.DataFrame, start: int) -> EncodedGroup:
    """A group made of one source's events, ordered by generation and offset.

    Args:
        events: At most `GROUP_ROWS` of them, at least one.
        start: Row of the segment at which the group begins.
    """
    events = events.sort(c.GENERATION, c.OFFSET)
    recipe = recipes.choose(events)
    line = pl.col(c.ORIGINAL)
    us = pl.col(c.TIMESTAMP).to_physical()
    end = pl.col(c.OFFSET) + pl.col(c.LENGTH)
    frame = events.with_columns(
        recipes.rebuilt(recipe, events.columns).alias("~told"),
        us.diff().fill_null(us).alias(_TIME),
        (pl.col(c.OFFSET) - end.shift(1)).fill_null(pl.col(c.OFFSET)).alias(_GAP),
    ).with_columns(line.str.starts_with(pl.col("~told")).fill_null(value=False).alias("~fits"))
    fits, told = pl.col("~fits"), pl.col("~told")
    frame = frame.with_columns(
        pl.when(fits & (line != told)).then(line.str.strip_prefix(told)).alias(_REST),
        pl.when(~fits).then(line).alias(c.ORIGINAL),
    ).drop("~told", "~fits", c.TIMESTAMP, c.OFFSET)
    has_url_parts = _follows(events)
    if has_url_parts:
        frame = frame.drop(c.URL_PATH, c.URL_QUERY)
    keys = events.select(c.GENERATION, c.OFFSET)
    times = events[c.TIMESTAMP].to_physical()
    newest = int(events[c.INGESTED].to_physical().max())  # type: ignore[arg-type]
    group = Group(
        start,
        events.height,
        int(times.min()),  # type: ignore[arg-type]  # numbers, as their type says
        int(times.max()),  # type: ignore[arg-type]
        keys.row(0),
        keys.row(-1),
        recipe,
        has_url_parts,
        tuple(events.columns),
    )
    return EncodedGroup(
        frame, group, GramTable.of(events[c.ORIGINAL]).pack(), newest, fingerprint(events)
    )


def _said(events: pl.DataFrame, recipe: str, kept: pl.Series) -> pl.Series:
    """What the group's lines say, much of it once.

    Of a line that is rebuilt, the values that it has as they are: a search asks for a piece
    that can stand nowhere else (`recipes.piece_of`). Of others (`kept`), the whole line.
    """
    values = [
        events[name].unique().drop_nulls() for name in recipes.texts_of(recipe, events.columns)
    ]
    lines = events[c.ORIGINAL] if not recipe else events[c.ORIGINAL].filter(kept)
    return pl.concat([lines.rename("said"), *(series.rename("said") for series in values)])


def fingerprint(events: pl.DataFrame) -> int:
    """A number that hardly another frame of these columns has; for one run of the program."""
    numbered = events.hash_rows() ^ pl.int_range(events.height, dtype=pl.UInt64, eager=True)
    return int(numbered.hash().sum() or 0)


def _follows(events: pl.DataFrame) -> bool:
    """True when path and query of every URL are what its parts are."""
    if not {c.URL, c.URL_PATH, c.URL_QUERY} <= set(events.columns):
        return False
    path, query = _url_parts()
    same = path.eq_missing(pl.col(c.URL_PATH)) & query.eq_missing(pl.col(c.URL_QUERY))
    return bool(events.select(same.all()).item())


def _url_parts() -> tuple[pl.Expr, pl.Expr]:
    parts = pl.col(c.URL).str.splitn("?", 2).struct
    return parts.field("field_0"), parts.field("field_1")


def write(groups: Sequence[EncodedGroup], target: Any) -> None:
    """Write groups as one Parquet file, each a row group of its own.

    Args:
        groups: In order; all but the last must have `GROUP_ROWS` rows, so that the writer's
            row groups are ours.
        target: A path or a binary file.
    """
    frame = pl.concat([group.frame for group in groups], how="diagonal_relaxed")
    about = {
        "layout": LAYOUT,
        "newest_us": max(group.newest_us for group in groups),
        "groups": [asdict(group.group) for group in groups],
    }
    frame.write_parquet(
        target,
        compression="zstd",
        compression_level=_LEVEL,
        row_group_size=GROUP_ROWS,
        data_page_size=_PAGE_BYTES,
        statistics=True,
        metadata={_ABOUT: json.dumps(about), _GRAMS: "\n".join(g.grams for g in groups)},
    )


def read_layout(folder: Path, segment: Segment) -> Layout:
    """What a segment's footer says of its groups.

    Raises:
        FileNotFoundError: The file is gone.
        Exception: One of `DAMAGE`: it cannot be read.
    """
    if segment.level == 0:
        return Layout((Group(0, segment.n_rows, segment.min_us, segment.max_us),))
    path = folder / segment.name
    found = pl.read_parquet_metadata(_existing(path))
    about = json.loads(found[_ABOUT])
    if about["layout"] != LAYOUT:
        raise ValueError(f"Layout {about['layout']} is unknown to this version.")
    groups = tuple(_group(fields) for fields in about["groups"])
    grams = tuple(map(GramTable.unpack, found[_GRAMS].split("\n")))
    return Layout(groups, grams, int(about["newest_us"]))


def _group(fields: dict[str, Any]) -> Group:
    first, last = (tuple(fields.pop(name)) for name in ("first", "last"))
    columns = tuple(fields.pop("columns"))
    return Group(**fields, first=first, last=last, columns=columns)


def _existing(path: Path) -> Path:
    path.stat()  # Polars has errors of its own for a missing file; this one is ours to catch
    return path


def columns_of(folder: Path, segment: Segment, group: Group) -> tuple[str, ...]:
    """Names of the columns that a group's events have."""
    if group.columns:
        return group.columns
    return tuple(pl.read_parquet_schema(_existing(folder / segment.name)))


def read(
    folder: Path,
    segment: Segment,
    group: Group,
    columns: Collection[str] | None = None,
    *,
    where: pl.Expr | None = None,
    rows: pl.Series | None = None,
    hint: str | None = None,
) -> pl.DataFrame:
    """A group's events.

    Args:
        folder: The archive's folder.
        segment: Where the group is.
        group: Which one.
        columns: Those to read; names that the group does not have are left out. None for all.
        where: Only events for which this is true. It may use any of `columns` but the raw
            line, which is made for these events only.
        rows: Only these rows of the group; they come in this order. `ROW` in `columns` gives
            the numbers.
        hint: Events whose raw line does not have this text may be left out.

    Raises:
        FileNotFoundError: The file is gone.
        Exception: One of `DAMAGE`: it cannot be read.
    """
    path = _existing(folder / segment.name)
    there = columns_of(folder, segment, group)
    wanted = [name for name in there if columns is None or name in columns]
    if segment.level == 0:
        frame = pl.read_parquet(path, columns=wanted)
    else:
        stored = pl.scan_parquet(path).slice(group.start, group.n_rows)
        names = stored.collect_schema().names()
        frame = stored.select(_stored(wanted, group, names)).collect()
    if frame.height != group.n_rows:
        raise ValueError(f"{frame.height} rows where {group.n_rows} were written.")
    frame = _decoded(frame, group)
    if columns is not None and ROW in columns:
        frame = frame.with_row_index(ROW)
        wanted = [ROW, *wanted]
    if rows is not None:
        frame = frame[rows]
    if where is not None:
        frame = frame.filter(where)
    if c.ORIGINAL in wanted and segment.level:
        likely = None if hint is None else recipes.may_have(group.recipe, there, hint)
        if likely is not None:
            frame = frame.filter(
                likely | pl.col(c.ORIGINAL).is_not_null() | pl.col(_REST).is_not_null()
            )
        told = recipes.rebuilt(group.recipe, there) + pl.col(_REST).fill_null("")
        frame = frame.with_columns(pl.coalesce(c.ORIGINAL, told).alias(c.ORIGINAL))
    return frame.select(wanted)


def _stored(wanted: Sequence[str], group: Group, there: Sequence[str]) -> list[str]:
    """Columns of the file that the wanted ones are made of."""
    needed = set(wanted) or {c.LENGTH}  # without any column nothing would tell the height
    if c.ORIGINAL in needed:
        needed |= {_REST, *recipes.needs(group.recipe)}
    if c.TIMESTAMP in needed:
        needed.add(_TIME)
    if c.OFFSET in needed:
        needed |= {_GAP, c.LENGTH}
    if needed & {c.URL_PATH, c.URL_QUERY} and group.has_url_parts:
        needed.add(c.URL)
    return [name for name in there if name in needed]


def _decoded(frame: pl.DataFrame, group: Group) -> pl.DataFrame:
    """The columns that are kept in another form, but for the raw line."""
    made = []
    if _TIME in frame.columns:
        made.append(pl.col(_TIME).cum_sum().cast(_UTC_US).alias(c.TIMESTAMP))
    if _GAP in frame.columns:
        before = pl.col(c.LENGTH).cum_sum() - pl.col(c.LENGTH)
        made.append((pl.col(_GAP).cum_sum() + before).alias(c.OFFSET))
    if group.has_url_parts and c.URL in frame.columns:
        path, query = _url_parts()
        made += [path.alias(c.URL_PATH), query.alias(c.URL_QUERY)]
    return frame.with_columns(made)
