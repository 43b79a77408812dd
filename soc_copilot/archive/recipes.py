"""Raw lines rebuilt from their parsed columns, so that a line is not kept twice.

A recipe is a guess at how a program wrote its lines. It need not be right: each row is
compared when it is written, and a row that a recipe does not give back byte for byte keeps
its raw text.
"""

import re
from collections.abc import Callable, Collection
from functools import reduce
from operator import or_
from typing import Final

import polars as pl

from soc_copilot.archive.texts import formatted, has_text
from soc_copilot.domain import columns as c

SAMPLE_ROWS: Final = 2_000  # chosen: rows on which recipes are tried
WORTH: Final = 0.3  # chosen: share of the text that a recipe must give back to be used

_ZONE: Final = re.compile(
    r"\[[^\]]{20} ([+-][0-9]{4})\]"  # of an access log
    r"|T[0-9:.]{8,15}([+-][0-9]{2}:[0-9]{2})"  # of ISO 8601
)


_DIVIDER: Final = re.compile(r"[\s\"\[\]:]+")
_LETTERS: Final = re.compile(r"[a-z]+")
_MADE_SIGNS: Final = re.compile(r"[0-9A-Za-z/.+-]*")
_MADE_WORDS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    "http", "t",
)  # fmt: skip
_MADE: Final = frozenset({c.TIMESTAMP, c.STATUS, c.BODY_BYTES, c.PID})
"""Columns that are no text; what recipes make of them is told by its letters and signs."""

Get = Callable[[str], pl.Expr]
"""Gives a column by name; nulls where the events have none of this name."""


def _zoned(get: Get, zone: str, layout: str) -> pl.Expr:
    sign = -1 if zone[0] == "-" else 1
    minutes = sign * (int(zone[1:3]) * 60 + int(zone[-2:]))
    return (get(c.TIMESTAMP) + pl.duration(minutes=minutes)).dt.strftime(layout)


def _dashed(column: pl.Expr) -> pl.Expr:
    return column.cast(pl.String).fill_null("-")


def _common(get: Get, zone: str) -> pl.Expr:
    return formatted(
        '{} - {} [{} {}] "{} {} HTTP/{}" {} {}',
        get(c.SOURCE_IP),
        _dashed(get(c.USER)),
        _zoned(get, zone, "%d/%b/%Y:%H:%M:%S"),
        pl.lit(zone),
        get(c.METHOD),
        get(c.URL),
        get(c.HTTP_VERSION),
        get(c.STATUS),
        _dashed(get(c.BODY_BYTES)),
    )


def _combined(get: Get, zone: str) -> pl.Expr:
    referrer, agent = _dashed(get(c.REFERRER)), _dashed(get(c.USER_AGENT))
    return formatted('{} "{}" "{}"', _common(get, zone), referrer, agent)


def _syslog(get: Get, stamp: pl.Expr) -> pl.Expr:
    pid = formatted("[{}]", get(c.PID)).fill_null("")
    return formatted("{} {} {}{}: {}", stamp, get(c.HOST), get(c.PROCESS), pid, get(c.MESSAGE))


def _syslog_bsd(get: Get, zone: str) -> pl.Expr:
    return _syslog(get, _zoned(get, zone, "%b %e %H:%M:%S"))


def _syslog_iso(get: Get, zone: str) -> pl.Expr:
    stamp = _zoned(get, zone, "%Y-%m-%dT%H:%M:%S%.6f")
    return _syslog(get, formatted("{}{}", stamp, pl.lit(f"{zone[:3]}:{zone[3:]}")))


def _message(get: Get, zone: str) -> pl.Expr:
    return get(c.MESSAGE)


_ACCESS: Final = (
    c.SOURCE_IP, c.USER, c.TIMESTAMP, c.METHOD, c.URL, c.HTTP_VERSION, c.STATUS, c.BODY_BYTES,
)  # fmt: skip
_SYSLOG: Final = (c.TIMESTAMP, c.HOST, c.PROCESS, c.PID, c.MESSAGE)
_RECIPES: Final[dict[str, tuple[Callable[[Get, str], pl.Expr], tuple[str, ...]]]] = {
    "combined": (_combined, (*_ACCESS, c.REFERRER, c.USER_AGENT)),
    "common": (_common, _ACCESS),
    "syslog-bsd": (_syslog_bsd, _SYSLOG),
    "syslog-iso": (_syslog_iso, _SYSLOG),
    "message": (_message, (c.MESSAGE,)),
}


def _getter(there: Collection[str]) -> Get:
    return lambda name: pl.col(name) if name in there else pl.lit(None, dtype=pl.String)


def needs(recipe: str) -> tuple[str, ...]:
    """Columns that a recipe is made of."""
    return _RECIPES[recipe.partition(" ")[0]][1] if recipe else ()


def rebuilt(recipe: str, there: Collection[str]) -> pl.Expr:
    """The beginning of each raw line, or all of it; null where it cannot be told.

    Args:
        recipe: Name and time zone, such as "combined +0200"; nothing gives null.
        there: Columns that the events have.
    """
    if not recipe:
        return pl.lit(None, dtype=pl.String)
    name, _, zone = recipe.partition(" ")
    return _RECIPES[name][0](_getter(there), zone)


def piece_of(text: str) -> str | None:
    """The longest piece of a text that can only stand within one value of a rebuilt line.

    Recipes put spaces, quotes, brackets or colons between any two values, so a piece without
    them lies within one. None when each piece may also be part of a time or a number.
    """
    pieces = [piece for piece in _DIVIDER.split(text) if not _may_be_made(piece)]
    return max(pieces, key=len, default=None)


def texts_of(recipe: str, there: Collection[str]) -> list[str]:
    """Columns whose values a rebuilt line has as they are."""
    return [name for name in needs(recipe) if name in there and name not in _MADE]


def may_have(recipe: str, there: Collection[str], text: str) -> pl.Expr | None:
    """True where a rebuilt line can have a text, told from its columns without building it.

    Args:
        recipe: As in `rebuilt`.
        there: Columns that the events have.
        text: What the line must have, in any ASCII case.

    Returns:
        None when it cannot be told.
    """
    piece = piece_of(text) if recipe else None
    if piece is None:
        return None
    texts = texts_of(recipe, there)
    found = (has_text(pl.col(name), piece).fill_null(value=False) for name in texts)
    return reduce(or_, found, pl.lit(value=False))


def _may_be_made(piece: str) -> bool:
    """True when a piece of text can be part of what recipes make: times, numbers, signs."""
    if not piece:
        return True
    if piece.count(".") > 1 and "/" not in piece:  # an address: no time or number has two dots
        return False
    words = _LETTERS.findall(piece.lower())
    return _MADE_SIGNS.fullmatch(piece) is not None and all(
        any(word in made for made in _MADE_WORDS) for word in words
    )


def choose(frame: pl.DataFrame) -> str:
    """The recipe that gives back most of the first lines' text; empty when none is worth it."""
    sample = frame.head(SAMPLE_ROWS)
    zone = _zone(sample[c.ORIGINAL])
    best, most = "", WORTH
    line = pl.col(c.ORIGINAL)
    for name, (make, _) in _RECIPES.items():
        told = make(_getter(sample.columns), zone)
        covered = pl.when(line.str.starts_with(told)).then(told.str.len_bytes()).sum()
        share = sample.select(covered / line.str.len_bytes().sum()).item() or 0.0
        if share > most:
            best, most = f"{name} {zone}", share
    return best


def _zone(lines: pl.Series) -> str:
    """The time zone that the first lines were written in."""
    for line in lines.head(20):
        found = _ZONE.search(line)
        if found:
            return (found[1] or found[2]).replace(":", "")
    return "+0000"
