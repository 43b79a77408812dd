"""Requests that our own checking service scored: JSON lines with the verdict in them.

Never told from the lines: whoever may write such a line says what the web detector is to find
in it. Only the service's own source is read in this format.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.access import url_parts
from soc_copilot.parsing.json_values import FITS, JsonKeys
from soc_copilot.parsing.protocol import Format, ParseContext, kind, present
from soc_copilot.parsing.timestamps import iso_time

_TEXTS: Final = (
    c.SOURCE_IP, c.METHOD, c.URL, c.USER_AGENT, c.REFERRER, c.BODY, "url.domain",
    "http.request.id", c.WEB_CLASS, c.WEB_VERSION, c.WEB_TEXT,
)  # fmt: skip
_KEYS: Final = JsonKeys(
    {name: (name,) for name in (c.TIMESTAMP, c.WEB_SCORE, c.WEB_THREAT, *_TEXTS)}
)


class ServiceFormat(Format):
    """What `soc_copilot.service.recording` writes."""

    name = "service"
    title = "Checking service"
    dataset = "web.service"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines)
        fits = pl.col(FITS) & pl.col(c.URL).is_not_null()
        path, query = url_parts(pl.col(c.URL))
        score = pl.col(c.WEB_SCORE).cast(pl.Float32, strict=False)
        return values.select(
            kind(fits),
            iso_time(pl.col(c.TIMESTAMP)).alias(c.TIMESTAMP),
            pl.when(fits).then(pl.lit("web")).alias(c.CATEGORY),
            pl.when(fits).then(pl.lit(c.Action.HTTP_REQUEST)).alias(c.ACTION),
            path.alias(c.URL_PATH),
            query.alias(c.URL_QUERY),
            pl.when(score.is_between(0, 1)).then(score).alias(c.WEB_SCORE),
            (pl.col(c.WEB_THREAT) == "true").alias(c.WEB_THREAT),
            *(present(name) for name in _TEXTS),
        )
