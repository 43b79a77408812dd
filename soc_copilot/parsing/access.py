r"""Access logs of web servers: Apache's and nginx's common and combined formats.

Well-formed lines go through one anchored expression that the regex engine can run in a single
pass without backtracking (measured on one core: 1.05 million lines/s; splitting at quotes and
spaces instead reaches 1.5 million, but checks nothing and breaks on escaped quotes, and with the
checks put back it is level). What it leaves goes through a second, tolerant and slower one.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.protocol import (
    Format,
    ParseContext,
    groups,
    kind,
    present,
)
from soc_copilot.parsing.timestamps import access_time

_QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'  # a quote in the text is written \"

_USER_TO_AGENT: Final = (
    r"([^ ]+) "  # user
    r"\[([^\]]+)\] "  # time
    r'"([A-Z]+) '  # method
    r'([^ "\\]+) '  # URL as sent
    r'HTTP/([0-9.]+)" '  # version
    r"([0-9]{3}) "  # status
    r"([0-9]+|-)"  # bytes of the body
    rf"(?: {_QUOTED} {_QUOTED})?"  # combined: referrer, user agent; what follows is let be
)
# Client (address or host name) and identity by RFC 1413, which nobody has.
_STRICT: Final = r"^([^ ]+) [^ ]+ " + _USER_TO_AGENT
# The same after a virtual host. The identity tells it from a user name with a space.
_WITH_HOST: Final = r"^[^ ,]+ ([^ ]+) - " + _USER_TO_AGENT

_TOLERANT: Final = (
    r"^(?:([^ ]+) )?"  # virtual host, or the first of several forwarded addresses
    r"([^ ]+) "  # client
    r"- "  # identity: needed here to tell the tokens apart
    r"(.*?) "  # user, which may hold spaces
    r"\[([0-9]{2}/[A-Za-z]{3}/[0-9]{4}:[^\]]{1,30})\] "  # time
    r'"((?:[^"\\]|\\.)*)(?:"|\\?$)'  # request line, whatever it is; cut when the line is too long
    r"(?: +([0-9]{3}|-))?"  # status
    r"(?: +([0-9]+|-))?"  # bytes of the body
    rf"(?: +{_QUOTED})?(?: +{_QUOTED})?"  # referrer, user agent
)

REQUEST: Final = (
    r"(?s)^([A-Za-z][A-Za-z0-9_-]{0,31}) "  # method
    r"(.*?)"  # URL, which may hold spaces when a client forgot to encode them
    r"(?: HTTP/([0-9](?:\.[0-9])?))?$"  # version; HTTP/0.9 has none
)

_STRICT_NAMES: Final = ("client", "user", "time", "method", "url", "version", "status", "bytes")
_TAIL_NAMES: Final = ("referrer", "agent")
_TOLERANT_NAMES: Final = ("host", "client", "user", "time", "request", "status", "bytes")


class AccessFormat(Format):
    """Apache and nginx access logs, common and combined, one request a line."""

    name = "access"
    title = "Web access log (Apache, nginx)"
    dataset = "web.access"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        frame = pl.DataFrame({"line": lines})
        pieces = _strict(frame, _STRICT)
        for take in (lambda rest: _strict(rest, _WITH_HOST), _tolerant):
            left = pieces["client"].is_null()
            if left.any():
                pieces = _fill(pieces, left, take(frame.filter(left)))
        return pieces.select(_columns())


def _strict(frame: pl.DataFrame, pattern: str) -> pl.DataFrame:
    return frame.select(groups(pattern, (*_STRICT_NAMES, *_TAIL_NAMES)))


def _tolerant(frame: pl.DataFrame) -> pl.DataFrame:
    pieces = frame.select(groups(_TOLERANT, (*_TOLERANT_NAMES, *_TAIL_NAMES)))
    forwarded = pl.col("host").str.ends_with(",")
    request = pl.col("request")
    parts = request.str.extract_groups(REQUEST)
    return pieces.with_columns(
        parts.struct.field("1").alias("method"),
        pl.coalesce(parts.struct.field("2"), request).alias("url"),
        parts.struct.field("3").alias("version"),
        pl.when(forwarded)
        .then(pl.col("host").str.strip_suffix(","))
        .otherwise(pl.col("client"))
        .alias("client"),
    ).select(*_STRICT_NAMES, *_TAIL_NAMES)


def _fill(pieces: pl.DataFrame, left: pl.Series, found: pl.DataFrame) -> pl.DataFrame:
    """The pieces with the rows marked in `left` replaced by those of `found`, in order."""
    rows = left.arg_true()
    return pieces.with_columns(pieces[name].scatter(rows, found[name]) for name in pieces.columns)


def url_parts(url: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Path and query of a URL as sent; an absolute one, as proxies are asked for, is cut first."""
    local = (
        pl.when(url.str.starts_with("/"))
        .then(url)
        .otherwise(url.str.replace(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*", ""))
    )
    parts = local.str.splitn("?", 2)
    return parts.struct.field("field_0"), parts.struct.field("field_1")


def _columns() -> list[pl.Expr]:
    url = present("url")
    path, query = url_parts(url)
    status = pl.col("status").cast(pl.Int32, strict=False)
    fits = pl.col("client").is_not_null()
    return [
        kind(fits),
        access_time(pl.col("time")).alias(c.TIMESTAMP),
        pl.when(fits).then(pl.lit("web")).alias(c.CATEGORY),
        pl.when(fits).then(pl.lit(c.Action.HTTP_REQUEST)).alias(c.ACTION),
        pl.when(status < 400)
        .then(pl.lit("success"))
        .when(status >= 400)
        .then(pl.lit("failure"))
        .alias(c.OUTCOME),
        pl.col("client").alias(c.SOURCE_IP),
        present("user").alias(c.USER),
        pl.col("method").alias(c.METHOD),
        url.alias(c.URL),
        path.alias(c.URL_PATH),
        query.alias(c.URL_QUERY),
        pl.col("version").alias(c.HTTP_VERSION),
        status.alias(c.STATUS),
        pl.col("bytes").cast(pl.Int64, strict=False).alias(c.BODY_BYTES),
        present("referrer").alias(c.REFERRER),
        present("agent").alias(c.USER_AGENT),
    ]
