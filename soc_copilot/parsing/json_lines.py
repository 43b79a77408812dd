"""JSON lines: one object a line, ECS or not, flat or nested."""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.access import REQUEST, url_parts
from soc_copilot.parsing.json_keys import ALIASES, KEPT, REQUEST_LINE, URL_BESIDE_METHOD
from soc_copilot.parsing.json_values import FITS, JSON, JsonKeys
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

_FIRST_CATEGORY: Final = r'"(?:event\.)?category\[":\["([^"\\]*)"'  # ECS has a list there

_WANTED: Final = {column: (column, *aliases) for column, aliases in ALIASES.items()}
_KEYS: Final = JsonKeys(
    {
        "request": REQUEST_LINE,
        "path": URL_BESIDE_METHOD,
        **_WANTED,
        **{name: (name,) for name in KEPT},
    }
)


class JsonFormat(Format):
    """JSON lines with ECS or other common keys."""

    name = "json"
    title = "JSON lines"
    dataset = "json"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines).with_columns(
            pl.col(JSON).str.extract(_FIRST_CATEGORY).alias("category")
        )
        return _typed(_with_request(values), context)


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
        kind(pl.col(FITS)),
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
