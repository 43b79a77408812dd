r"""JSON lines: one object a line, ECS or not, flat or nested.

Polars decodes JSON into one schema for all lines and gives up at the first that does not fit, so
lines are made to fit: a strict JSON reader writes each in one canonical form (and says which are
no JSON), then a key that holds an object or a list gets a mark ("user" and "user{"), after which
every key that is asked for has the one type in all lines. Keys not asked for cost nothing: a
stranger cannot add columns.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl
from polars.exceptions import ComputeError
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.access import REQUEST, url_parts
from soc_copilot.parsing.json_keys import ALIASES, KEPT, REQUEST_LINE, URL_BESIDE_METHOD
from soc_copilot.parsing.protocol import Format, ParseContext, kind, present
from soc_copilot.parsing.timestamps import any_time

_NUMBERS: Final = {
    c.SOURCE_PORT: pl.Int32,
    c.STATUS: pl.Int32,
    c.PID: pl.Int64,
    c.BODY_BYTES: pl.Int64,
}
# Other programs' words for the actions that detectors know.
_ACTIONS: Final = {"ssh_login": c.Action.SSH_LOGIN, "sudo_command": c.Action.SUDO}

# In canonical JSON a quote before ":{" that no backslash precedes can only end a key.
_CONTAINER_KEY: Final = r'([^\\])":([{\[])'
_FIRST_CATEGORY: Final = r'"(?:event\.)?category\[":\["([^"\\]*)"'  # ECS has a list there

# What loggers write although it is no JSON; mended only in lines that could not be read.
_MENDS: Final = (
    (r"\\x([0-9A-Fa-f]{2})", r"\\x${1}"),  # nginx, and our own mark for invalid UTF-8
    (r"\\u[dD][89A-Fa-f][0-9A-Fa-f]{2}", r"\uFFFD"),  # half a surrogate pair
    (r"([:,\[]\s*)(?:NaN|-?Infinity)", "${1}null"),  # Python
)
_CONTROLS: Final = {chr(code): f"\\u{code:04x}" for code in range(0x20)}


def _splits(name: str) -> Iterator[tuple[str, ...]]:
    """Every way in which dots in a name may be nesting: "a.b" as ("a.b",) and ("a{", "b")."""
    yield (name,)
    parts = name.split(".")
    for i in range(1, len(parts)):
        head = ".".join(parts[:i]) + "{"
        for rest in _splits(".".join(parts[i:])):
            yield (head, *rest)


def _schema(paths: Sequence[tuple[str, ...]]) -> pl.Struct:
    tree: dict[str, object] = {}
    for path in paths:
        node = tree
        for step in path[:-1]:
            child = node.setdefault(step, {})
            assert isinstance(child, dict)  # noqa: S101 - steps end in "{", leaves do not
            node = child
        node.setdefault(path[-1], None)
    return _struct(tree)


def _struct(tree: dict[str, object]) -> pl.Struct:
    return pl.Struct(
        {
            name: _struct(child) if isinstance(child, dict) else pl.String()
            for name, child in tree.items()
        }
    )


_Leaves = dict[tuple[str, ...], pl.Series]


def _leaves(objects: pl.Series, path: tuple[str, ...] = ()) -> _Leaves:
    """Every value that some line has, by its path in the schema."""
    found: _Leaves = {}
    for column in objects.struct.unnest().get_columns():
        if column.null_count() == len(column):
            continue
        if isinstance(column.dtype, pl.Struct):
            found |= _leaves(column, (*path, column.name))
        else:
            found[*path, column.name] = column
    return found


def _value(leaves: _Leaves, names: Sequence[str]) -> pl.Expr:
    """The first of the names that an object has, nested or not, as text."""
    found = [leaves[path] for name in names for path in _splits(name) if path in leaves]
    if not found:
        return pl.lit(None, dtype=pl.String)
    return pl.coalesce([pl.lit(series) for series in found])


_WANTED: Final = {column: (column, *aliases) for column, aliases in ALIASES.items()}
_PATHS: Final = [
    path
    for name in dict.fromkeys(
        (*itertools.chain(*_WANTED.values()), *REQUEST_LINE, *URL_BESIDE_METHOD, *KEPT)
    )
    for path in _splits(name)
]
_KEYS: Final = {f'"{step}":': step for path in _PATHS for step in path}


class JsonFormat(Format):
    """JSON lines with ECS or other common keys."""

    name = "json"
    title = "JSON lines"
    dataset = "json"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        text = _canonical(lines)
        marked = text.str.replace_all(_CONTAINER_KEY, '${1}${2}":${2}')
        leaves = _leaves(_decode(marked))
        values = pl.DataFrame(
            {"fits": text.is_not_null(), "category": marked.str.extract(_FIRST_CATEGORY)}
        ).with_columns(
            _value(leaves, REQUEST_LINE).alias("request"),
            _value(leaves, URL_BESIDE_METHOD).alias("path"),
            *(_value(leaves, names).alias(name) for name, names in _WANTED.items()),
            *(_value(leaves, (name,)).alias(name) for name in KEPT),
        )
        return _typed(_with_request(values), context)


def _canonical(lines: pl.Series) -> pl.Series:
    """Each line's object in one spelling; null for a line that holds none.

    The reader stops at a depth of 128, so no line can make a later one overflow the stack.
    """
    text = _read(lines)
    broken = text.is_null() & lines.str.contains(r"^\s*\{")
    if not broken.any():
        return text
    mended = lines.filter(broken)
    for pattern, replacement in _MENDS:
        mended = mended.str.replace_all(pattern, replacement)
    mended = mended.str.replace_many(_CONTROLS)
    return text.scatter(broken.arg_true(), _read(mended))


def _read(lines: pl.Series) -> pl.Series:
    text = lines.str.json_path_match("$")
    is_object = lines.str.contains(r"^\s*\{")
    return pl.select(pl.when(is_object).then(text)).to_series()


def _decode(text: pl.Series) -> pl.Series:
    """Objects by one schema, of the keys that occur.

    Measured: with all keys there are, decoding takes three times as long.
    """
    found = text.str.extract_many(list(_KEYS)).explode().unique().to_list()
    steps = {_KEYS[key] for key in found if key is not None}
    paths = [path for path in _PATHS if steps.issuperset(path)]
    return _decode_by(_schema(paths or [(c.MESSAGE,)]), text)


def _decode_by(schema: pl.Struct, text: pl.Series) -> pl.Series:
    """Objects by the schema. A line that the decoder refuses after all becomes null."""
    try:
        return text.str.json_decode(schema)
    except ComputeError:
        if len(text) <= 1:
            return pl.Series([None] * len(text), dtype=schema)
        half = len(text) // 2
        return pl.concat(
            [_decode_by(schema, text.head(half)), _decode_by(schema, text.slice(half))]
        )


def _with_request(values: pl.DataFrame) -> pl.DataFrame:
    """Fill method, URL and version from a request line or a path where they are not given."""
    path_asked_for = pl.when(pl.col(c.METHOD).is_not_null()).then(pl.col("path"))
    parts = pl.col("request").str.extract_groups(REQUEST)
    values = values.with_columns(
        pl.coalesce(c.METHOD, parts.struct.field("1")).alias(c.METHOD),
        pl.coalesce(c.URL, parts.struct.field("2"), path_asked_for).alias(c.URL),
        pl.coalesce(c.HTTP_VERSION, parts.struct.field("3")).alias(c.HTTP_VERSION),
    )
    path, query = url_parts(pl.col(c.URL))
    return values.with_columns(
        pl.coalesce(c.URL_PATH, path).alias(c.URL_PATH),
        pl.coalesce(c.URL_QUERY, query).alias(c.URL_QUERY),
    )


def _typed(values: pl.DataFrame, context: ParseContext) -> pl.DataFrame:
    is_web = pl.col(c.METHOD).is_not_null() & pl.col(c.URL).is_not_null()
    status = pl.col(c.STATUS).cast(pl.Int32, strict=False)
    special = {c.TIMESTAMP, c.ACTION, c.CATEGORY, c.OUTCOME, c.MESSAGE, *_NUMBERS}
    return values.select(
        kind(pl.col("fits")),
        any_time(pl.col(c.TIMESTAMP), context.reference).alias(c.TIMESTAMP),
        pl.coalesce(
            pl.col(c.ACTION).replace(_ACTIONS),
            pl.when(is_web).then(pl.lit(c.Action.HTTP_REQUEST)),
        ).alias(c.ACTION),
        pl.coalesce(c.CATEGORY, "category", pl.when(is_web).then(pl.lit("web"))).alias(c.CATEGORY),
        *(pl.col(name).cast(dtype, strict=False) for name, dtype in _NUMBERS.items()),
        pl.coalesce(
            c.OUTCOME,
            pl.when(is_web & (status < 400))
            .then(pl.lit("success"))
            .when(is_web & (status >= 400))
            .then(pl.lit("failure")),
        ).alias(c.OUTCOME),
        pl.col(c.MESSAGE),
        *(present(name) for name in (*_WANTED, *KEPT) if name not in special),
    )
