"""What a query asks of a frame of events, and which groups of events it can pass over."""

from functools import reduce
from ipaddress import IPv4Network, IPv6Network, ip_address
from operator import and_, or_
from typing import Final

import polars as pl

from soc_copilot.archive.grams import GramTable
from soc_copilot.archive.query import (
    TIMES,
    And,
    Equals,
    Exists,
    Network,
    Not,
    Or,
    Pattern,
    Query,
    Range,
    Text,
)
from soc_copilot.archive.segments import Group, may_have
from soc_copilot.archive.texts import escaped, has_text
from soc_copilot.domain import columns as c

_TRUE: Final = pl.lit(value=True)
_V4: Final = r"^([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})\.([0-9]{1,3})$"
_FALSE: Final = pl.lit(value=False)


def columns(query: Query) -> frozenset[str]:
    """Columns that the query looks at."""
    match query:
        case And(parts) | Or(parts):
            return frozenset().union(*map(columns, parts))
        case Not(part):
            return columns(part)
        case Text():
            return frozenset({c.ORIGINAL})
        case _:
            return frozenset({query.field})


def split(query: Query) -> tuple[Query, Query]:
    """The query as two that must both hold: one that needs no raw line, and the rest."""
    parts = query.parts if isinstance(query, And) else (query,)
    light = tuple(part for part in parts if c.ORIGINAL not in columns(part))
    heavy = tuple(part for part in parts if c.ORIGINAL in columns(part))
    return And(light), And(heavy)


def expression(query: Query, there: frozenset[str]) -> pl.Expr:
    """The query over a frame with these columns: true or false for each event, never null."""
    match query:
        case And(parts):
            return reduce(and_, (expression(part, there) for part in parts), _TRUE)
        case Or(parts):
            return reduce(or_, (expression(part, there) for part in parts), _FALSE)
        case Not(part):
            return ~expression(part, there)
        case Text(text):
            return _has(text)
        case _:
            found = _leaf(query) if query.field in there else _FALSE
            return found.fill_null(value=False)


def _leaf(query: Pattern | Equals | Exists | Range | Network) -> pl.Expr:
    column = pl.col(query.field)
    match query:
        case Exists():
            return column.is_not_null()
        case Pattern(_, pattern):
            return column.str.contains(pattern)
        case Equals(_, text, has_wildcards):
            return _equals(column, text, has_wildcards=has_wildcards)
        case Network(_, network):
            return _in_network(column, network)
        case Range(field, low, high):
            return _between(column.to_physical() if field in TIMES else column, low, high)


def _between(column: pl.Expr, low: float | int | None, high: float | int | None) -> pl.Expr:
    found = column.is_not_null()
    if low is not None:
        found &= column >= low
    if high is not None:
        found &= column <= high
    return found


def raw_hint(query: Query) -> str | None:
    """A text that the raw line of every match has; None when there is none to be told."""
    if isinstance(query, Text):
        return query.text
    if isinstance(query, And):
        hints = [hint for part in query.parts if (hint := raw_hint(part)) is not None]
        return max(hints, key=len, default=None)
    return None


def _has(text: str) -> pl.Expr:
    return has_text(pl.col(c.ORIGINAL), text)


def _equals(column: pl.Expr, text: str, *, has_wildcards: bool) -> pl.Expr:
    if not has_wildcards and not any(char.isalpha() for char in text):
        return column == text
    body = ".*".join(map(escaped, text.split("*"))) if has_wildcards else escaped(text)
    return column.str.contains(f"(?is)^{body}$")


def _in_network(column: pl.Expr, network: IPv4Network | IPv6Network) -> pl.Expr:
    inside = _in_v6 if isinstance(network, IPv6Network) else _in_v4
    return column.map_batches(
        lambda series: inside(series, network),  # type: ignore[arg-type]  # as just chosen
        return_dtype=pl.Boolean,
        is_elementwise=True,
    )


def _in_v4(series: pl.Series, network: IPv4Network) -> pl.Series:
    # Few addresses are in a network and most repeat: those that begin like it, each once.
    octets = str(network.network_address).split(".")[: network.prefixlen // 8]
    start = "".join(f"{octet}." for octet in octets)[: 15 if network.prefixlen < 32 else -1]
    near = series.filter(series.str.starts_with(start)).unique().to_frame("address")
    parts = pl.col("address").str.extract_groups(_V4)
    numbers = [parts.struct.field(str(i + 1)).cast(pl.UInt32) for i in range(4)]
    sound = reduce(and_, (number <= 255 for number in numbers))
    value = reduce(lambda total, number: total * 256 + number, numbers)
    first = int(network.network_address)
    found = near.filter(sound & value.is_between(first, first + network.num_addresses - 1))
    return series.is_in(found["address"].implode())


def _in_v6(series: pl.Series, network: IPv6Network) -> pl.Series:
    inside = [text for text in series.unique().drop_nulls().to_list() if _lies_in(text, network)]
    return series.is_in(inside)


def _lies_in(text: str, network: IPv6Network) -> bool:
    try:
        return ":" in text and ip_address(text) in network
    except ValueError:
        return False


def may_match(query: Query, group: Group, grams: GramTable | None) -> bool:
    """False only when no event of the group can meet the query."""
    match query:
        case And(parts):
            return all(may_match(part, group, grams) for part in parts)
        case Or(parts):
            return any(may_match(part, group, grams) for part in parts)
        case Text(text):
            return grams is None or may_have(group, grams, text)
        case Range(c.TIMESTAMP, low, high):
            after = low is not None and group.max_us < low
            return not after and not (high is not None and group.min_us > high)
        case Not() | Pattern() | Equals() | Exists() | Range() | Network():
            if isinstance(query, Not) or not group.columns:
                return True
            return query.field in group.columns
