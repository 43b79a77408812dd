"""Reads file activity: every form of it to one frame, one row for each input row.

Recordings (`read_csv`), other tables of accesses, JSON lines (`read_json_lines`) and the events of
a pipeline's batch (`from_batch`) all become `SCHEMA`. No column of it is ever null: text that is
not known is "", a number that is not known is NaN.

A stream is what the detector judges as one. It is the source, the host and the user, as far as
they are known, and never the process: an attack that runs `openssl` or `shred` once for each file
has as many processes as files, and each alone did nothing worth a word. The process stays a column.
"""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NoReturn

import polars as pl
from polars.exceptions import PolarsError

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
from soc_copilot.domain.errors import SourceError

EVENT_ID: Final = "event_id"
STREAM: Final = "stream"
TIME: Final = "time"  # seconds, since 1970 or since a recording began
OPERATION: Final = "operation"
PATH: Final = "path"
TARGET: Final = "target"  # where a renamed file went
SIZE: Final = "size"  # bytes
PREVIOUS_SIZE: Final = "previous_size"
ENTROPY: Final = "entropy"  # bits per byte, [0, 8]
PREVIOUS_ENTROPY: Final = "previous_entropy"
IS_FOLDER: Final = "is_folder"
USER: Final = "user"
PROCESS: Final = "process"

SCHEMA: Final = pl.Schema(
    {
        EVENT_ID: pl.String,
        STREAM: pl.String,
        TIME: pl.Float64,
        OPERATION: pl.UInt8,
        PATH: pl.String,
        TARGET: pl.String,
        SIZE: pl.Float64,
        PREVIOUS_SIZE: pl.Float64,
        ENTROPY: pl.Float64,
        PREVIOUS_ENTROPY: pl.Float64,
        IS_FOLDER: pl.Boolean,
        USER: pl.String,
        PROCESS: pl.String,
    }
)

PAIR_S: Final = 0.05  # chosen: longest time between the two halves of a rename, as inotify tells it
MAX_SIZE: Final = 2.0**63  # bytes; no file system has larger files
MAX_BYTES: Final = 4 << 30  # chosen: of a file, unpacked; some 60 million rows
DATASETS: Final = ("host.file", "host.audit", "windows")  # of events that may be file activity

# As `activity.Operation`; the two halves of a rename are put together before anyone sees them.
_CREATE, _WRITE, _RENAME, _DELETE, _ATTRIBUTES, _OTHER, _MOVED_FROM, _MOVED_TO = range(8)

# Words for what happened, in lower case with "-"; the first operation that has one counts.
_WORDS: Final[dict[int, tuple[str, ...]]] = {
    _MOVED_FROM: ("moved-from",),
    _MOVED_TO: ("moved-to",),
    _RENAME: ("rename", "renamed", "renameat", "renameat2", "move", "moved", Action.FILE_RENAMED),
    _CREATE: (
        "create", "created", "creat", "add", "added", "new", "mkdir", "mkdirat", "mknod",
        "mknodat", "link", "linkat", "symlink", "symlinkat", Action.FILE_CREATED,
    ),
    _DELETE: (
        "delete", "deleted", "remove", "removed", "unlink", "unlinkat", "rmdir",
        Action.FILE_DELETED,
    ),
    _WRITE: (
        "write", "written", "modify", "modified", "close-write", "change", "changed", "update",
        "updated", "truncate", "ftruncate", "save", "saved", "writev", "pwrite", "pwrite64",
        "pwritev", Action.FILE_WRITTEN,
    ),
    _ATTRIBUTES: (
        "attrib", "attributes", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown",
        "lchown", "fchownat", "setattr", "setxattr", "lsetxattr", "fsetxattr", "removexattr",
        "utime", "utimes", "utimensat", "futimesat", Action.FILE_MODE_CHANGED,
        "file-time-changed", "file-attributes-changed",
    ),
}  # fmt: skip

# Column names, and keys of JSON objects, by what they hold; the first that is there counts.
NAMES: Final[dict[str, tuple[str, ...]]] = {
    EVENT_ID: ("event_id", "event.id", "id"),
    STREAM: ("stream", "entity"),
    TIME: ("t", "timestamp", "@timestamp", "time", "time_ns", "datetime", "date", "ts"),
    OPERATION: ("event", "action", "operation", "event.action", "op", "syscall", "activity"),
    PATH: ("path", "file_path", "file.path", "filepath", "filename", "file_name", "file"),
    TARGET: (
        "target", "target_path", "file.target_path", "new_path", "destination", "dest", "to",
    ),
    SIZE: ("size", "file.size", "size_bytes", "bytes"),
    PREVIOUS_SIZE: ("previous_size", "file.previous_size", "old_size"),
    ENTROPY: ("entropy4k", "entropy", "file.entropy"),
    PREVIOUS_ENTROPY: ("previous_entropy", "file.previous_entropy", "old_entropy"),
    IS_FOLDER: ("is_folder", "is_dir", "folder", "type", "file.type"),
    USER: ("user", "username", "user_name", "user.name", "account"),
    PROCESS: (
        "process", "process_name", "process.name", "process.executable", "image", "exe", "comm",
        "program", "pid", "process_id", "process.pid",
    ),
    c.HOST: ("host", "hostname", "host_name", "host.name", "computer"),
}  # fmt: skip
_NEEDED: Final = (TIME, OPERATION, PATH)
_NUMBERS: Final = (SIZE, PREVIOUS_SIZE, ENTROPY, PREVIOUS_ENTROPY)
_LINE: Final = "line"  # Int64, of the file, from 1 on

_FOLDER_WORDS: Final = ("1", "true", "yes", "dir", "directory", "folder")
_SAYS_FOLDER: Final = "says folder"
_BITS: Final = 8.0  # entropy of a byte is at most this
_SHOWN: Final = 40  # chosen: characters of a wrong value in a message
_GZIP: Final = b"\x1f\x8b"
_UTF8_MARK: Final = b"\xef\xbb\xbf"
# In canonical JSON a quote before ":{" that no backslash precedes can only end a key.
_CONTAINER_KEY: Final = r'([^\\])":([{\[])'
_NO_NUMBER: Final = r"([:,\[]\s*)(?:NaN|-?Infinity)"  # Python writes them although JSON has none
_CLOCK_SLACK_S: Final = 1e-6  # of a float that counts seconds since 1970

_ACTIONS: Final = {
    Action.FILE_CREATED: _CREATE,
    Action.FILE_WRITTEN: _WRITE,
    Action.FILE_RENAMED: _RENAME,
    Action.FILE_DELETED: _DELETE,
    Action.FILE_MODE_CHANGED: _ATTRIBUTES,
    "file-time-changed": _ATTRIBUTES,
    "file-attributes-changed": _ATTRIBUTES,
}


def read(path: Path) -> pl.DataFrame:
    """A file of either form; JSON lines begin with "{".

    Raises:
        SourceError: As the two readers do.
    """
    data = _content(path)
    return _json_frame(path, data) if data.lstrip()[:1] == b"{" else _csv_frame(path, data)


def read_csv(path: Path) -> pl.DataFrame:
    """A table with a header, plain or gzip'd: a recording, or accesses told by someone else.

    A recording's header is `t,event,path,size,entropy4k` with inotify's names; other headers
    are known by `NAMES`, in any order and case, separated by ",", ";" or tabs. An operation that is
    not known is OTHER. Rows are kept in order, blank lines aside, and numbered from 0.

    Returns:
        `SCHEMA`. The two halves of a rename become one: RENAME on the second row, OTHER on the
        first. A first half alone is a deletion, a second one a creation.

    Raises:
        SourceError: The file cannot be read, is empty, lacks a column, or a time, size or entropy
            in it is none; the message names the line.
    """
    return _csv_frame(path, _content(path))


def read_json_lines(path: Path) -> pl.DataFrame:
    """One JSON object a line, plain or gzip'd, with the keys of `NAMES`; others do no harm.

    Also the product's own file activity lines. Times are ISO 8601, or seconds, milli-, micro- or
    nanoseconds, told by their size. `event_id` is the row's number where it is not given.

    Returns:
        `SCHEMA`, in the order of the lines, blank ones left out; renames as in `read_csv`.

    Raises:
        SourceError: The file cannot be read, is empty, a line is no JSON object, lacks the time,
            the operation or the path, or a number in it is none; the message names the line.
    """
    return _json_frame(path, _content(path))


def from_batch(frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """File activity among parsed events.

    Events of `DATASETS` that changed a file count; of audit records and Windows events those
    that failed do not.

    Args:
        frame: Of an `EventBatch`.

    Returns:
        `SCHEMA`, in the order of the batch, and for each row the number (Int64) of its event in
        the batch.
    """
    found = frame.with_row_index(_LINE).filter(_is_activity(frame))
    # By NumPy: Polars rounds the division of one row otherwise than that of many.
    seconds = found[c.TIMESTAMP].dt.epoch("us").to_numpy() / 1e6
    rows = found.select(
        # Not pl.format: Polars 2.1 panics over it where filtering left an empty chunk.
        pl.concat_str(c.SOURCE_ID, c.GENERATION, c.OFFSET, separator="-").alias(EVENT_ID),
        _batch_stream(found).alias(STREAM),
        pl.Series(TIME, seconds),
        pl.col(c.ACTION).replace_strict(_ACTIONS, default=_OTHER, return_dtype=pl.UInt8)
        .alias(OPERATION),
        _text(found, c.PATH).alias(PATH),
        _text(found, c.FILE_TARGET).alias(TARGET),
        _value(found, c.FILE_SIZE).alias(SIZE),
        _value(found, c.FILE_OLD_SIZE).alias(PREVIOUS_SIZE),
        _value(found, c.ENTROPY).alias(ENTROPY),
        _value(found, c.OLD_ENTROPY).alias(PREVIOUS_ENTROPY),
        (_text(found, c.FILE_TYPE) == "dir").alias(IS_FOLDER),
        _text(found, c.USER).alias(USER),
        _text(found, c.EXECUTABLE, c.PROCESS).alias(PROCESS),
    )  # fmt: skip
    return rows.cast(SCHEMA), found[_LINE].cast(pl.Int64).alias("row")


def _is_activity(frame: pl.DataFrame) -> pl.Expr:
    if c.ACTION not in frame.columns or c.PATH not in frame.columns:
        return pl.lit(value=False)
    is_activity = (
        pl.col(c.DATASET).is_in(DATASETS)
        & pl.col(c.ACTION).is_in(list(_ACTIONS))
        & pl.col(c.PATH).is_not_null()
    )
    if c.OUTCOME in frame.columns:
        is_activity &= pl.col(c.OUTCOME).fill_null("") != "failure"
    return is_activity.fill_null(value=False)


def _batch_stream(frame: pl.DataFrame) -> pl.Expr:
    """The source, and of it the host (or the machine that sent the line) and the user."""
    host = _text(frame, c.HOST)
    if c.SENDER in frame.columns:
        sender = pl.col(c.SENDER).str.replace(r":\d+$", "").fill_null("")
        host = pl.when(host == "").then(sender).otherwise(host)
    return _joined([pl.col(c.SOURCE_ID).cast(pl.String), host, _text(frame, c.USER)])


def _joined(parts: Sequence[pl.Expr]) -> pl.Expr:
    """Names with "/" between them, "-" for one that is not known; nothing for the last ones."""
    shown = [pl.when(part == "").then(pl.lit("-")).otherwise(part) for part in parts]
    return pl.concat_str(shown, separator="/").str.replace(r"(?:^|/)-(?:/-)*$", "")


def _text(frame: pl.DataFrame, *names: str) -> pl.Expr:
    found = [pl.col(name) for name in names if name in frame.columns]
    return pl.coalesce([*found, pl.lit("")])


def _value(frame: pl.DataFrame, name: str) -> pl.Expr:
    found = pl.col(name) if name in frame.columns else pl.lit(None)
    return found.cast(pl.Float64).fill_null(float("nan"))


# Files


def _content(path: Path) -> bytes:
    r"""The unpacked bytes, UTF-8 without a byte order mark; what is no UTF-8 stands as `\xNN`."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == _GZIP
        with gzip.open(path) if is_packed else path.open("rb") as file:
            data: bytes = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(
            f'Cannot read "{path}": {reason}. Check the file and its permissions.'
        ) from error
    if len(data) > MAX_BYTES:
        raise SourceError(f'"{path}" holds more than {MAX_BYTES >> 30} GiB. Split it.')
    if not data.strip():
        raise SourceError(
            f'"{path}" is empty. Give a recording (t,event,path,size,entropy4k) or JSON lines.'
        )
    data = data.removeprefix(_UTF8_MARK)
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode("utf-8", "backslashreplace").encode()
    return data


def _csv_frame(path: Path, data: bytes) -> pl.DataFrame:
    header = data.split(b"\n", 1)[0]
    separator = max((b",", b";", b"\t"), key=header.count).decode()
    try:
        table = pl.read_csv(io.BytesIO(data), separator=separator, infer_schema=False)
    except PolarsError as error:
        _raise_table_fault(path, data, separator, str(error).splitlines()[0])
    return _canonical(path, _renamed(path, table, _lines_of(table)))


def _lines_of(table: pl.DataFrame) -> pl.Series:
    """The line in which each row of a table begins; quoted fields may go over several."""
    breaks = pl.sum_horizontal(
        *(pl.col(name).str.count_matches("\n", literal=True).fill_null(0) for name in table.columns)
    )
    more = table.select(breaks.cast(pl.Int64).alias(_LINE))[_LINE]
    own = pl.int_range(2, table.height + 2, dtype=pl.Int64, eager=True)
    return (own + more.cum_sum() - more).alias(_LINE)


def _renamed(path: Path, table: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """The known columns by our names, and the line; blank lines left out."""
    spelled = {name.strip().lower(): name for name in reversed(table.columns)}
    picked: list[pl.Expr | pl.Series] = [lines]
    for ours, names in NAMES.items():
        found = [spelled[name] for name in names if name in spelled]
        if found:
            picked.append(pl.coalesce(found).alias(ours))
        elif ours in _NEEDED:
            raise SourceError(
                f'"{path}", line 1: there is no column for the {ours}. Found the columns '
                f"{_shown(', '.join(table.columns))}; a recording has t,event,path,size,entropy4k, "
                f"and {_either(names)} would do."
            )
    is_blank = pl.all_horizontal(pl.all().is_null())
    return table.select(*picked, is_blank.alias("blank")).filter(~pl.col("blank")).drop("blank")


def _raise_table_fault(path: Path, data: bytes, separator: str, reason: str) -> NoReturn:
    """Say in which line a table is broken.

    Raises:
        SourceError: Always.
    """
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, strict=True)
    n_columns, line = 0, 1
    try:
        for fields in reader:
            n_columns = n_columns or len(fields)
            if len(fields) > n_columns:
                raise SourceError(
                    f'"{path}", line {line}: found {len(fields)} fields in a table of {n_columns} '
                    f'columns. Put fields that hold "{separator}" in double quotes.'
                )
            line = reader.line_num + 1
    except csv.Error as error:
        reason = str(error)
    raise SourceError(
        f'"{path}", line {line}: no table can be read ({reason}). Write it as CSV with a header, '
        "and double every double quote inside a field."
    )


def _json_frame(path: Path, data: bytes) -> pl.DataFrame:
    lines = pl.Series([data]).cast(pl.String).str.strip_suffix("\n").str.split("\n").explode()
    numbered = pl.DataFrame({_LINE: pl.int_range(1, len(lines) + 1, eager=True), "raw": lines})
    numbered = numbered.filter(pl.col("raw").str.contains(r"\S"))
    text = _objects(numbered["raw"])
    if text.has_nulls():
        line = numbered.filter(text.is_null())[_LINE][0]
        raise SourceError(
            f'"{path}", line {line}: no JSON object was found. Write one object a line, '
            '{"timestamp":...,"action":...,"path":...}.'
        )
    marked = text.str.replace_all(_CONTAINER_KEY, '${1}${2}":${2}')
    table = marked.str.json_decode(_json_schema(marked)).struct.unnest()
    rows = table.select(
        numbered[_LINE],
        *(
            pl.coalesce([pl.col(name) for name in names if name in table.columns]).alias(ours)
            for ours, names in NAMES.items()
            if not set(names).isdisjoint(table.columns)
        ),
    )
    _check_needed(path, rows)
    return _canonical(path, rows)


def _objects(lines: pl.Series) -> pl.Series:
    """Each line's object in one spelling, null where there is none."""
    is_object = lines.str.contains(r"^\s*\{")
    text = lines.str.json_path_match("$")
    if (text.is_null() & is_object).any():
        mended = lines.str.replace_all(_NO_NUMBER, "${1}null").str.json_path_match("$")
        text = pl.select(pl.coalesce(text, mended)).to_series()
    return pl.select(pl.when(is_object).then(text)).to_series()


def _json_schema(text: pl.Series) -> pl.Struct:
    """Of the keys that occur, all as text. Measured: asking for all takes three times as long."""
    names = [name for names in NAMES.values() for name in names]
    keys = {f'"{name}":': name for name in names}
    found = text.str.extract_many(list(keys)).explode().unique().drop_nulls().to_list()
    return pl.Struct(dict.fromkeys([keys[key] for key in found] or names, pl.String))


def _check_needed(path: Path, rows: pl.DataFrame) -> None:
    """Raise for the first object that lacks what each must have.

    Raises:
        SourceError: One does.
    """
    for name in _NEEDED:
        lacking = rows if name not in rows.columns else rows.filter(pl.col(name).is_null())
        if lacking.height:
            raise SourceError(
                f'"{path}", line {lacking[_LINE][0]}: there is no key for the {name}. '
                f"Add {_either(NAMES[name])}."
            )


# From text to the canonical frame


def _canonical(path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """`SCHEMA` of text columns with our names.

    Raises:
        SourceError: A time or number is none.
    """
    missing = [pl.lit(None, pl.String).alias(name) for name in NAMES if name not in rows.columns]
    rows = rows.with_columns(missing).with_row_index("row")
    times = rows.select(_seconds(pl.col(TIME)).alias(TIME))[TIME]
    _check(path, rows, TIME, times.is_finite(), "seconds or an ISO time, 2026-03-10T09:00:00Z")
    numbers = rows.select(_number(pl.col(name)).alias(name) for name in _NUMBERS)
    for name in _NUMBERS:
        values, high, wanted = numbers[name], MAX_SIZE, "a number of bytes, or nothing"
        if name in {ENTROPY, PREVIOUS_ENTROPY}:
            high, wanted = _BITS, "bits per byte, from 0 to 8, or nothing"
        _check(path, rows, name, values.is_nan() | values.is_between(0.0, high), wanted)
    kinds = _kinds(rows[OPERATION].fill_null(""))
    given = pl.col(STREAM).fill_null("")
    derived = _joined([pl.col(c.HOST).fill_null(""), pl.col(USER).fill_null("")])
    folder = pl.col(IS_FOLDER).str.to_lowercase().is_in(_FOLDER_WORDS).fill_null(value=False)
    frame = rows.with_columns(
        times,
        *numbers.get_columns(),
        *kinds.get_columns(),
        pl.coalesce(EVENT_ID, pl.col("row").cast(pl.String)).alias(EVENT_ID),
        pl.when(given == "").then(derived).otherwise(given).alias(STREAM),
        *(pl.col(name).fill_null("") for name in (PATH, TARGET, USER, PROCESS)),
    ).with_columns((folder | pl.col(_SAYS_FOLDER)).alias(IS_FOLDER))
    return _with_renames(frame).select(SCHEMA.names()).cast(SCHEMA)


def _seconds(text: pl.Expr) -> pl.Expr:
    """Numbers in the unit that their size tells, ISO times; null for anything else."""
    stripped = text.str.strip_chars()
    number = stripped.cast(pl.Float64, strict=False)
    size = number.abs()
    in_seconds = (
        pl.when(size < 1e11)
        .then(number)
        .when(size < 1e14)
        .then(number / 1e3)
        .when(size < 1e17)
        .then(number / 1e6)
        .when(size < 1e20)
        .then(number / 1e9)
    )
    tidy = stripped.str.replace(" ", "T", literal=True).str.replace(",", ".", literal=True)
    has_zone = tidy.str.contains(r"T.*(?:[zZ]|[+-]\d\d:?\d\d)$")
    zoned = pl.when(has_zone).then(tidy.str.to_uppercase()).otherwise(tidy + pl.lit("Z"))
    moment = zoned.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", time_unit="us", strict=False)
    return pl.coalesce(in_seconds, moment.dt.epoch("us") / 1e6)


def _number(text: pl.Expr) -> pl.Expr:
    """Null for what is no number, NaN for nothing."""
    stripped = text.str.strip_chars()
    is_nothing = stripped.fill_null("").is_in(["", "-", "null", "None"])
    number = stripped.cast(pl.Float64, strict=False)
    return pl.when(is_nothing).then(float("nan")).otherwise(number)


def _kinds(words: pl.Series) -> pl.DataFrame:
    """The operation of each row, halves of renames among them, and whether it names a folder."""
    told = words.alias("word")
    each = told.unique().to_frame()
    tidy = pl.col("word").str.to_lowercase().str.replace_all(r"[_ ]", "-")
    operation = pl.lit(_OTHER)
    for code, names in reversed(_WORDS.items()):
        operation = pl.when(tidy.str.contains(_any_of(names))).then(code).otherwise(operation)
    known = each.with_columns(
        operation.cast(pl.UInt8).alias(OPERATION),
        tidy.str.contains(_any_of(["isdir", "in-isdir"])).alias(_SAYS_FOLDER),
    )
    return told.to_frame().join(known, on="word", how="left", maintain_order="left").drop("word")


def _any_of(names: Iterable[str]) -> str:
    """Expression for a list with "," or "|" in which one of these words stands."""
    return rf"(?:^|[,|])-*(?:in-)?(?:{'|'.join(map(re.escape, names))})-*(?:[,|]|$)"


def _with_renames(frame: pl.DataFrame) -> pl.DataFrame:
    """The two halves of renames put together, lone halves turned into what they amount to."""
    kind, at = pl.col(OPERATION), pl.col(TIME)
    moved = frame.select("row", STREAM, TIME, OPERATION, PATH, IS_FOLDER).filter(
        kind.is_in([_MOVED_FROM, _MOVED_TO])
    )
    if moved.is_empty():
        return frame

    def before(name: str) -> pl.Expr:
        return pl.col(name).shift(1).over(STREAM)

    completes = (
        (kind == _MOVED_TO)
        & (before(OPERATION) == _MOVED_FROM)
        & ((at - before(TIME)).abs() <= PAIR_S + _CLOCK_SLACK_S)
        & (before(IS_FOLDER) == pl.col(IS_FOLDER))
    ).fill_null(value=False)
    moved = moved.with_columns(completes.alias("completes"), before(PATH).alias("from"))
    is_completed = pl.col("completes").shift(-1, fill_value=False).over(STREAM)
    halves = moved.select(
        "row",
        "completes",
        "from",
        pl.when("completes")
        .then(_RENAME)
        .when(kind == _MOVED_TO)
        .then(_CREATE)
        .when(is_completed)
        .then(_OTHER)
        .otherwise(_DELETE)
        .alias("means"),
    )
    found = frame.join(halves, on="row", how="left", maintain_order="left")
    return found.with_columns(
        pl.coalesce(pl.col("means"), OPERATION).cast(pl.UInt8).alias(OPERATION),
        pl.when("completes").then("from").otherwise(PATH).alias(PATH),
        pl.when("completes").then(PATH).otherwise(TARGET).alias(TARGET),
    )


def _check(path: Path, rows: pl.DataFrame, name: str, fits: pl.Series, wanted: str) -> None:
    """Raise for the first row whose value does not fit.

    Raises:
        SourceError: One does not.
    """
    fits = fits.fill_null(value=False)
    if fits.all():
        return
    wrong = rows.filter(~fits).row(0, named=True)
    found = "nothing" if wrong[name] is None else _shown(str(wrong[name]))
    raise SourceError(
        f'"{path}", line {wrong[_LINE]}: the {name.replace("_", " ")} is {found}. '
        f"Write {wanted}, or leave the line out."
    )


def _shown(text: str) -> str:
    r"""A value for a message: quoted, short, control characters as `\uNNNN`."""
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _either(names: Sequence[str]) -> str:
    quoted = [f'"{name}"' for name in names[:4]]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"
