r"""Values of chosen keys out of JSON lines, all lines at once.

Polars decodes JSON into one schema for all lines and gives up at the first that does not fit, so
lines are made to fit: a strict JSON reader writes each in one canonical form (and says which are
no JSON), then a key that holds an object or a list gets a mark ("user" and "user{"), after which
every key that is asked for has the one type in all lines. Keys not asked for cost nothing: a
stranger cannot add columns.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import polars as pl
from polars.exceptions import ComputeError

FITS: Final = "fits"  # Boolean: the line is a JSON object
JSON: Final = "json"  # String: the object in canonical form with marked keys, null where none is

# In canonical JSON a quote before ":{" that no backslash precedes can only end a key.
_CONTAINER_KEY: Final = r'([^\\])":([{\[])'

# What loggers write although it is no JSON; mended only in lines that could not be read.
_MENDS: Final = (
    (r"\\x([0-9A-Fa-f]{2})", r"\\x${1}"),  # nginx, and our own mark for invalid UTF-8
    (r"\\u[dD][89A-Fa-f][0-9A-Fa-f]{2}", r"\uFFFD"),  # half a surrogate pair
    (r"([:,\[]\s*)(?:NaN|-?Infinity)", "${1}null"),  # Python
)
_CONTROLS: Final = {chr(code): f"\\u{code:04x}" for code in range(0x20)}

_Leaves = dict[tuple[str, ...], pl.Series]


class JsonKeys:
    """The keys that a format asks for, ready to be looked up in any number of lines.

    Args:
        wanted: Names by column, the first that a line has is taken. Dots stand for nesting or
            for a dot in the key.
    """

    def __init__(self, wanted: Mapping[str, Sequence[str]]) -> None:
        self._wanted = {column: tuple(names) for column, names in wanted.items()}
        names = dict.fromkeys(name for names in self._wanted.values() for name in names)
        self._paths = [path for name in names for path in _splits(name)]
        self._keys = {f'"{step}":': step for path in self._paths for step in path}

    def read(self, lines: pl.Series) -> pl.DataFrame:
        """`FITS`, `JSON` and every wanted column as text, null where a line has none."""
        text = _canonical(lines)
        marked = text.str.replace_all(_CONTAINER_KEY, '${1}${2}":${2}')
        leaves = _leaves(self._decode(marked))
        return pl.DataFrame({FITS: text.is_not_null(), JSON: marked}).with_columns(
            _value(leaves, names).alias(column) for column, names in self._wanted.items()
        )

    def _decode(self, text: pl.Series) -> pl.Series:
        """Objects by one schema, of the keys that occur.

        Measured: with all keys there are, decoding takes three times as long.
        """
        found = text.str.extract_many(list(self._keys)).explode().unique().to_list()
        steps = {self._keys[key] for key in found if key is not None}
        paths = [path for path in self._paths if steps.issuperset(path)]
        return decode_by(_schema(paths or self._paths[:1]), text)


def decode_by(schema: pl.Struct, text: pl.Series) -> pl.Series:
    """Objects by the schema. A line that the decoder refuses after all becomes null."""
    try:
        return text.str.json_decode(schema)
    except ComputeError:
        if len(text) <= 1:
            return pl.Series([None] * len(text), dtype=schema)
        half = len(text) // 2
        return pl.concat([decode_by(schema, text.head(half)), decode_by(schema, text.slice(half))])


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
