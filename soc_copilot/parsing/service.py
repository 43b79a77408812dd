"""Requests and contents that our own service scored: JSON lines with the verdict in them.

Never told from the lines: whoever may write such a line says what detectors are to find in it.
Only the service's own source is read in this format.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing import mail
from soc_copilot.parsing.access import url_parts
from soc_copilot.parsing.json_values import FITS, JsonKeys
from soc_copilot.parsing.protocol import Format, ParseContext, kind, present
from soc_copilot.parsing.timestamps import iso_time

_TEXTS: Final = (
    c.SOURCE_IP, c.METHOD, c.URL, c.USER_AGENT, c.REFERRER, c.BODY, "url.domain",
    "http.request.id", c.WEB_CLASS, c.WEB_VERSION, c.WEB_TEXT,
)  # fmt: skip
_ANALYSED: Final = (
    *mail.TEXTS, c.PHISH_VERDICT, c.PHISH_VERSION, c.PHISH_CONTENT, c.PHISH_HASH, c.PHISH_USER,
    c.PHISH_REASONS,
)  # fmt: skip
_SCORES: Final = (c.TIMESTAMP, c.WEB_SCORE, c.WEB_THREAT, c.PHISH_SCORE)
_KEYS: Final = JsonKeys({name: (name,) for name in (*_SCORES, *_TEXTS, *_ANALYSED)})


class ServiceFormat(Format):
    """What `soc_copilot.service.recording` and `soc_copilot.service.analysed` write."""

    name = "service"
    title = "Checking service"
    dataset = "web.service"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines)
        is_analysed = pl.col(c.PHISH_KIND).is_not_null()
        fits = pl.col(FITS) & (pl.col(c.URL).is_not_null() | is_analysed)
        path, query = url_parts(pl.col(c.URL))
        return values.select(
            kind(fits),
            iso_time(pl.col(c.TIMESTAMP)).alias(c.TIMESTAMP),
            pl.when(~fits)
            .then(None)
            .when(pl.col(c.PHISH_KIND) == "email")
            .then(pl.lit("email"))
            .otherwise(pl.when(is_analysed).then(pl.lit("threat")).otherwise(pl.lit("web")))
            .alias(c.CATEGORY),
            pl.when(fits & is_analysed)
            .then(pl.lit(c.Action.CONTENT_ANALYSED))
            .when(fits)
            .then(pl.lit(c.Action.HTTP_REQUEST))
            .alias(c.ACTION),
            path.alias(c.URL_PATH),
            query.alias(c.URL_QUERY),
            _score(c.WEB_SCORE),
            _score(c.PHISH_SCORE),
            (pl.col(c.WEB_THREAT) == "true").alias(c.WEB_THREAT),
            *(present(name) for name in (*_TEXTS, *_ANALYSED)),
        )


def _score(name: str) -> pl.Expr:
    score = pl.col(name).cast(pl.Float32, strict=False)
    return pl.when(score.is_between(0, 1)).then(score).alias(name)
