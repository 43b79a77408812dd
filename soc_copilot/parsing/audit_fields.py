r"""Values in the audit system's records: plain, quoted, hexadecimal.

The kernel writes a name in double quotes, or as hexadecimal digits when it holds a quote, a space
or anything that is no printable ASCII; so no name can pretend to be another field. What auditd
makes of numbers (`log_format = ENRICHED`) follows after a group separator, its keys in capitals.
"""

import posixpath
from typing import Final

import polars as pl

HEADER: Final = (
    r"^(?:node=(\S+) )?"  # host, where auditd is told to name it
    r"type=(\S{1,64}) "
    r"msg=audit\(([0-9]{1,12}\.[0-9]{1,9}):([0-9]{1,19})\) ?: ?"  # seconds, serial number
)
HEADER_NAMES: Final = ("node", "type", "seconds", "serial")

_START: Final = r"(?m)^(?:node=\S+ )?type="
_EVENT: Final = r" msg=audit\([0-9.:]+\) ?: ?"
_NOTHING: Final = ("(null)", "(none)", "(unknown)", "?", "unset", "")
_HEX: Final = r"^(?:[0-9A-Fa-f]{2})+$"
_ODD_PARTS: Final = r"/\.{0,2}(?:/|$)"  # "//", "/./", "/../", and the last two at the end


def body(line: pl.Expr, kind: str) -> pl.Expr:
    """The fields of the first record of this type in an event of several lines."""
    return line.str.extract(f"{_START}{kind}{_EVENT}(.*)$")


def bodies(line: pl.Expr, kind: str) -> pl.Expr:
    """The records of this type in an event of several lines, a list."""
    return line.str.extract_all(f"{_START}{kind}{_EVENT}.*$")


def field(text: pl.Expr, name: str) -> pl.Expr:
    """A field's value as written."""
    return text.str.extract(rf"""(?:^|[\s\x1d'])(?:{name})=("[^"]*"|[^\s\x1d']+)""")


def decoded(raw: pl.Series, *, is_name: bool = True) -> pl.Series:
    r"""Values without quotes; null for nothing.

    Args:
        raw: As written.
        is_name: Hexadecimal digits stand for text: names of files, programs, users, commands.
            Bytes in them that are no UTF-8 become `\xNN`.
    """
    value = pl.when(raw.is_in(_NOTHING)).then(None).otherwise(raw.str.strip_chars('"'))
    plain = pl.select(value.alias(raw.name)).to_series()
    is_hex = raw.str.contains(_HEX).fill_null(value=False)
    if not is_name or not is_hex.any():
        return plain
    digits = pl.select(pl.when(is_hex).then(raw)).to_series()
    text = pl.select(pl.coalesce(_from_hex(digits), plain).alias(raw.name))
    return text.to_series()


def _from_hex(digits: pl.Series) -> pl.Series:
    found = digits.str.decode("hex", strict=False)
    try:
        return found.cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series(
            [None if text is None else text.decode("utf-8", "backslashreplace") for text in found],
            dtype=pl.String,
        )


def tidy(paths: pl.Series) -> pl.Series:
    """Absolute paths without "." and ".." and doubled slashes; others as they are."""
    is_odd = (paths.str.starts_with("/") & paths.str.contains(_ODD_PARTS)).fill_null(value=False)
    odd = paths.filter(is_odd)
    if odd.is_empty():
        return paths
    return paths.scatter(
        is_odd.arg_true(),
        pl.Series(["/" + posixpath.normpath(path).lstrip("/") for path in odd], dtype=pl.String),
    )
