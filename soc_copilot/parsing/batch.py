"""From a batch of records to one event frame and the ledger that accounts for it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import from_us, utc_now
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.records import LedgerDelta, RecordBatch, RecordChunk
from soc_copilot.parsing.protocol import DATETIME, Format, ParseContext
from soc_copilot.parsing.registry import AUTO, LAST_RESORT, SNIFF_LINES, detect, get_format

RECHECK_LINES: Final = 20  # chosen: fewer say little about a file's format
RECHECK_SHARE: Final = 0.5  # chosen: share of unparsed lines that casts doubt on the format

PREVIEW_ROWS: Final = 3
_PREVIEW_FIRST: Final = (
    c.TIMESTAMP,
    c.HOST,
    c.PROCESS,
    c.SOURCE_IP,
    c.USER,
    c.ACTION,
    c.OUTCOME,
    c.METHOD,
    c.URL,
    c.STATUS,
    c.MESSAGE,
)

FileKey = tuple[int, int]
PolarsType = type[pl.DataType] | pl.DataType

BASE: Final[dict[str, PolarsType]] = {
    c.SOURCE_ID: pl.Int32,
    c.GENERATION: pl.Int32,
    c.OFFSET: pl.Int64,
    c.LENGTH: pl.Int64,
    c.FILE_PATH: pl.String,
    c.ORIGINAL: pl.String,
    c.INGESTED: DATETIME,
}
_WHOLE: Final = r"^(?:\{|(?:node=\S+ )?type=\S+ msg=audit\()"  # JSON, audit records
_N_LINES: Final = "n_lines"  # Int64, lines of each record; only while parsing
_EMPTY: Final[dict[str, PolarsType]] = {
    **BASE,
    c.KIND: pl.String,
    c.TIMESTAMP: DATETIME,
    c.DATASET: pl.String,
}


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """What came of a record batch.

    Attributes:
        events: Every record of the batch, unparsed ones too; each file's in the order read.
        ledger: For each (source_id, generation) in the batch, what it adds.
    """

    events: EventBatch
    ledger: dict[FileKey, LedgerDelta]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first lines of a file as they would be parsed.

    Attributes:
        format: Name of the format, found or asked for.
        title: Its title.
        share: Of the lines looked at that fit it, in [0, 1].
        columns: Event columns that one of the rows fills, the time and what happened first.
        rows: Up to three parsed lines, texts by column; hostile like every text from a log.
    """

    format: str
    title: str
    share: float
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]


@dataclass(slots=True)
class _FileState:
    """A file's format, and the first lines it was told from while they are few."""

    format: Format
    first_lines: list[str] = field(default_factory=list)
    n_lines: int = 0
    recheck_at: int = 2 * RECHECK_LINES


class BatchParser:
    """Parses batches, remembering each file's format from one to the next.

    Thread:
        One thread at a time: the pipeline's.
    """

    def __init__(self) -> None:
        self._wanted: dict[int, str] = {}
        self._with_sender: set[int] = set()
        self._files: dict[FileKey, _FileState] = {}

    def set_format(self, source_id: int, name: str, *, has_sender: bool = False) -> None:
        """Fix a source's format, or let it be told from the lines with "auto".

        Args:
            source_id: The source.
            name: A format's name, or "auto".
            has_sender: Its lines begin with who sent them and a tab, as a listener writes
                them; that goes to a column of its own.

        Raises:
            ParseError: There is no format of this name.
        """
        if name != AUTO:
            get_format(name)
        self._wanted[source_id] = name
        self._with_sender.discard(source_id)
        if has_sender:
            self._with_sender.add(source_id)
        for key in [key for key in self._files if key[0] == source_id]:
            del self._files[key]

    def format_of(self, source_id: int, generation: int) -> str | None:
        """The name of a file's format; None when no line of it was seen yet."""
        state = self._files.get((source_id, generation))
        return state.format.name if state is not None else None

    def formats_of(self, source_id: int) -> tuple[str, ...]:
        """The names of the formats of a source's files seen so far, sorted, each once."""
        found = {state.format.name for key, state in self._files.items() if key[0] == source_id}
        return tuple(sorted(found))

    def parse(self, batch: RecordBatch) -> ParsedBatch:
        """Parse all lines of a batch.

        Returns:
            Events, grouped by format, and within it by file; the ledger for each file, whose
            counts add up to the batch's bytes and lines.
        """
        context = ParseContext(_reference(batch))
        by_format: dict[str, list[pl.DataFrame]] = {}
        for key, chunks in batch.by_file():
            filled = [chunk for chunk in chunks if chunk.n_lines]
            if filled:
                base = _base_frame(filled, has_sender=key[0] in self._with_sender)
                name = self._name(key, _texts(base))
                by_format.setdefault(name, []).append(base)
        frames = []
        for name, bases in by_format.items():
            frames += self._parse(get_format(name), pl.concat(bases, how="diagonal"), context)
        events = pl.concat(frames, how="diagonal") if frames else pl.DataFrame(schema=_EMPTY)
        ledger = _ledger(batch, events)
        return ParsedBatch(EventBatch(batch.sequence, events.drop(_N_LINES, strict=False)), ledger)

    def _name(self, key: FileKey, lines: pl.Series) -> str:
        """The format's name with what a person chose of it, such as columns."""
        own, wanted = self._format(key, lines).name, self._wanted.get(key[0], AUTO)
        return wanted if wanted.startswith(f"{own}:") else own

    def _format(self, key: FileKey, lines: pl.Series) -> Format:
        """The file's format, told from its first lines unless it was set."""
        wanted = self._wanted.get(key[0], AUTO)
        state = self._files.get(key)
        if state is None:
            name = LAST_RESORT if wanted == AUTO else wanted
            state = self._files[key] = _FileState(get_format(name))
        if wanted != AUTO:
            return state.format
        if len(state.first_lines) < RECHECK_LINES:
            room = SNIFF_LINES - len(state.first_lines)
            state.first_lines += lines.head(room).to_list()
            state.format = detect(state.first_lines).format
        elif state.format.name == LAST_RESORT and state.n_lines >= state.recheck_at:
            # Plain text takes everything, so it is never found not to fit; look ever less often.
            state.recheck_at = 2 * state.n_lines
            state.format = detect(lines.head(SNIFF_LINES).to_list()).format
        state.n_lines += len(lines)
        return state.format

    def _parse(
        self, current: Format, base: pl.DataFrame, context: ParseContext
    ) -> list[pl.DataFrame]:
        """Parse lines in one format, then those of files that left it again in their new one."""
        frame = _with_events(current, base, context)
        frames = []
        for source_id, generation in _doubtful(frame):
            key = (source_id, generation)
            its = (pl.col(c.SOURCE_ID) == source_id) & (pl.col(c.GENERATION) == generation)
            lines = frame.filter(its).select(base.columns)
            better = detect(_texts(lines.head(SNIFF_LINES)).to_list()).format
            # Never to plain text: a flood of rubbish must not switch parsing off.
            is_free = self._wanted.get(source_id, AUTO) == AUTO
            if is_free and better.name not in {current.name, LAST_RESORT}:
                self._files[key].format = better
                frames.append(_with_events(better, lines, context))
                frame = frame.filter(~its)
        return [frame, *frames]


def _with_events(current: Format, base: pl.DataFrame, context: ParseContext) -> pl.DataFrame:
    texts = _texts(base)
    parsed = current.parse(texts, context)
    if _N_LINES in base.columns and c.MESSAGE in parsed.columns:
        # What the format was not shown goes on in the message.
        rest = pl.select(pl.lit(base[c.ORIGINAL]).str.slice(pl.lit(texts.str.len_chars())))
        parsed = parsed.with_columns(pl.col(c.MESSAGE) + rest.to_series())
    return base.hstack(parsed).with_columns(
        pl.col(c.TIMESTAMP).fill_null(pl.col(c.INGESTED)),
        pl.lit(current.dataset).alias(c.DATASET),
    )


def _texts(base: pl.DataFrame) -> pl.Series:
    """What formats look at: of an event of several lines the first, or all where they need them."""
    original = base[c.ORIGINAL]
    if _N_LINES not in base.columns:
        return original
    return base.select(
        pl.when(pl.col(c.ORIGINAL).str.contains(_WHOLE))
        .then(pl.col(c.ORIGINAL))
        .otherwise(pl.col(c.ORIGINAL).str.extract(r"^([^\n]*)"))
    ).to_series()


def _doubtful(frame: pl.DataFrame) -> list[FileKey]:
    """Files of which too many lines are unparsed."""
    unparsed = frame[c.KIND] == c.KIND_UNPARSED
    if not unparsed.any():
        return []
    shares = frame.group_by(c.SOURCE_ID, c.GENERATION, maintain_order=True).agg(
        pl.len().alias("lines"), (pl.col(c.KIND) == c.KIND_UNPARSED).mean().alias("share")
    )
    over = (pl.col("share") > RECHECK_SHARE) & (pl.col("lines") >= RECHECK_LINES)
    return shares.filter(over).select(c.SOURCE_ID, c.GENERATION).rows()


def preview(raw: bytes, format: str = AUTO) -> Preview:  # noqa: A002 - the word users see
    """How a file that begins with these bytes would be parsed.

    Args:
        raw: The first whole lines, unpacked if the file is compressed.
        format: A format's name, or "auto" to tell it from the lines.

    Raises:
        ParseError: There is no format of this name.
    """
    lines = decode_lines(raw, at_start=True).head(SNIFF_LINES)
    if format == AUTO:
        detected = detect(lines.to_list())
        found, share = detected.format, detected.share
    else:
        found = get_format(format)
        share = found.sniff(lines.to_list())
    parsed = found.parse(lines, ParseContext(utc_now()))
    frame = parsed.filter(pl.col(c.KIND) == c.KIND_EVENT).head(PREVIEW_ROWS).drop(c.KIND)
    filled = [name for name in frame.columns if frame[name].null_count() < frame.height]
    columns = tuple(sorted(filled, key=_preview_rank))
    rows = tuple(
        {name: _shown(row[name]) for name in columns} for row in frame.iter_rows(named=True)
    )
    return Preview(found.name, found.title, share, columns, rows)


def _preview_rank(column: str) -> int:
    return _PREVIEW_FIRST.index(column) if column in _PREVIEW_FIRST else len(_PREVIEW_FIRST)


def _shown(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "" if value is None else str(value)


def decode_lines(*parts: bytes, at_start: bool = False) -> pl.Series:
    r"""Lines of bytes as text: String series without line ends.

    Bytes that are no UTF-8 become `\xNN`, so that nothing is lost and each can be seen.

    Args:
        parts: Lines, each ended by LF or CRLF; the last of a part may lack it.
        at_start: The bytes are the first of a file, so a byte order mark is dropped.
    """
    if at_start:
        parts = tuple(part.removeprefix(b"\xef\xbb\xbf") for part in parts)
    raw = pl.Series([part for part in parts if part], dtype=pl.Binary)
    # Neither joined nor decoded by Python: fresh memory for either takes longer than the rest.
    try:
        texts = raw.cast(pl.String)
    except pl.exceptions.PolarsError:
        shown = [part.decode("utf-8", "backslashreplace") for part in raw]
        texts = pl.Series(shown, dtype=pl.String)
    lines = texts.str.strip_suffix("\n").str.split("\n").explode()
    return lines.str.strip_suffix("\r") if any(b"\r" in part for part in parts) else lines


def _base_frame(chunks: Sequence[RecordChunk], *, has_sender: bool) -> pl.DataFrame:
    """Where one file's records came from, and their text.

    Beside `BASE` it has the sender where there is one, the hash where a line is longer than
    what is kept, and how many lines each record has where one has several.
    """
    first = chunks[0]
    counts = [chunk.n_lines for chunk in chunks]
    lines = decode_lines(*(chunk.data for chunk in chunks))
    if len(lines) != sum(counts):
        raise ValueError(f"Chunks state {sum(counts)} lines but hold {len(lines)}.")
    offsets = np.concatenate([chunk.offsets for chunk in chunks])
    lengths = np.concatenate([chunk.lengths for chunk in chunks])
    more: list[pl.Series] = []
    starts = _record_starts(chunks)
    if starts is not None:
        sizes = np.diff(starts, append=len(lines))
        lines = _joined(lines, sizes)
        last = starts + sizes - 1
        lengths = offsets[last] + lengths[last] - offsets[starts]
        offsets = offsets[starts]
        more.append(pl.Series(_N_LINES, sizes))
    if any(chunk.long_lines for chunk in chunks):
        more.append(_hashes(chunks, len(lines)).alias(c.HASH))
    if has_sender:
        more.append(lines.str.extract(r"^([^\t\n]*)\t").alias(c.SENDER))
        lines = lines.str.replace(r"^[^\t\n]*\t", "")
    ingested = np.repeat(
        np.array([chunk.read_ns // 1_000 for chunk in chunks]),
        [chunk.n_records for chunk in chunks],
    )
    columns = (
        _constant(first.source_id, len(lines), c.SOURCE_ID),
        _constant(first.generation, len(lines), c.GENERATION),
        pl.Series(c.OFFSET, offsets),
        pl.Series(c.LENGTH, lengths),
        _constant(first.path, len(lines), c.FILE_PATH),
        lines.alias(c.ORIGINAL),
        pl.Series(c.INGESTED, ingested).cast(DATETIME),
        *more,
    )
    return pl.DataFrame(columns)


def _constant(value: int | str, n_rows: int, column: str) -> pl.Series:
    return pl.repeat(value, n_rows, dtype=BASE[column], eager=True).alias(column)


def _record_starts(chunks: Sequence[RecordChunk]) -> npt.NDArray[np.int64] | None:
    """Which of all lines begin a record; None when each does."""
    if all(chunk.record_starts is None for chunk in chunks):
        return None
    parts, n_before = [], 0
    for chunk in chunks:
        its = chunk.record_starts
        parts.append((np.arange(chunk.n_lines) if its is None else its) + n_before)
        n_before += chunk.n_lines
    return np.concatenate(parts).astype(np.int64, copy=False)


def _joined(lines: pl.Series, sizes: npt.NDArray[np.int64]) -> pl.Series:
    r"""Lines put together to records of so many lines each, with "\n" between them."""
    frame = pl.DataFrame({"line": lines, "record": np.repeat(np.arange(len(sizes)), sizes)})
    records = frame.group_by("record", maintain_order=True).agg(pl.col("line").str.join("\n"))
    return records["line"]


def _hashes(chunks: Sequence[RecordChunk], n_records: int) -> pl.Series:
    """The hash of each record that is a line longer than what is kept, else null."""
    hashes: list[str | None] = [None] * n_records
    n_before = 0
    for chunk in chunks:
        for line in chunk.long_lines:
            its = chunk.record_starts
            index = (
                line.index if its is None else int(np.searchsorted(its, line.index, "right")) - 1
            )
            hashes[n_before + index] = line.hash
        n_before += chunk.n_records
    return pl.Series(hashes, dtype=pl.String)


def _reference(batch: RecordBatch) -> datetime:
    newest_ns = max((chunk.read_ns for chunk in batch.chunks), default=0)
    return from_us(newest_ns // 1_000)


def _ledger(batch: RecordBatch, events: pl.DataFrame) -> dict[FileKey, LedgerDelta]:
    parsed = dict.fromkeys((key for key, _ in batch.by_file()), 0)
    needed = [name for name in (c.SOURCE_ID, c.GENERATION, _N_LINES) if name in events.columns]
    n_lines = pl.col(_N_LINES).fill_null(1).sum() if _N_LINES in needed else pl.len()
    fits = events.select(*needed, pl.col(c.KIND) == c.KIND_EVENT)
    counts = fits.filter(c.KIND).group_by(c.SOURCE_ID, c.GENERATION).agg(n_lines.alias("lines"))
    for source_id, generation, n_parsed in counts.iter_rows():
        parsed[source_id, generation] = n_parsed
    return {key: _delta(chunks, parsed[key]) for key, chunks in batch.by_file()}


def _delta(chunks: Sequence[RecordChunk], n_parsed: int) -> LedgerDelta:
    n_lines = sum(chunk.n_lines for chunk in chunks)
    n_skipped = sum(chunk.n_skipped_bytes for chunk in chunks)
    losses = [event for chunk in chunks for event in chunk.events if event.is_loss]
    return LedgerDelta(
        bytes_seen=sum(int(chunk.lengths.sum()) for chunk in chunks) + n_skipped,
        bytes_skipped=n_skipped,
        lines=n_lines,
        parsed=n_parsed,
        unparsed=n_lines - n_parsed,
        too_long=sum(chunk.n_too_long for chunk in chunks),
        undecodable=sum(chunk.n_undecodable for chunk in chunks),
        lost=sum(event.n_lost or 0 for event in losses),
        possible_losses=sum(event.n_lost is None for event in losses),
    )
