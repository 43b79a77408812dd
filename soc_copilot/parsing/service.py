"""Requests and contents that our own service scored: JSON lines with the verdict in them.

Never told from the lines: whoever may write such a line says what detectors are to find in it.
Only the service's own source is read in this format.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.domain.columns import Action
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
_PREDICTED: Final = (
    c.PATH, c.FILE_TARGET, c.FILE_TYPE, c.USER, c.PROCESS, c.PREDICT_STREAM, c.PREDICT_VERSION,
    c.PREDICT_REASONS,
)  # fmt: skip
_FILE_ACTIONS: Final = (
    Action.FILE_CREATED, Action.FILE_WRITTEN, Action.FILE_RENAMED, Action.FILE_DELETED,
    Action.FILE_MODE_CHANGED, Action.FILE_OTHER,
)  # fmt: skip
_SIZES: Final = (c.FILE_SIZE, c.FILE_OLD_SIZE)
_BITS: Final = (c.ENTROPY, c.OLD_ENTROPY)
_MOST_BITS: Final = 8.0  # entropy of a byte is at most this
_SCORES: Final = (
    c.TIMESTAMP, c.WEB_SCORE, c.WEB_THREAT, c.PHISH_SCORE, c.PREDICT_SCORE, c.PREDICT_THREAT,
    c.ACTION, *_SIZES, *_BITS,
)  # fmt: skip
_KEYS: Final = JsonKeys(
    {name: (name,) for name in dict.fromkeys((*_SCORES, *_TEXTS, *_ANALYSED, *_PREDICTED))}
)


class ServiceFormat(Format):
    """What `recording`, `analysed` and `predicted` of `soc_copilot.service` write."""

    name = "service"
    title = "Checking service"
    dataset = "web.service"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines)
        is_analysed = pl.col(c.PHISH_KIND).is_not_null()
        is_file = pl.col(c.PATH).is_not_null() & pl.col(c.ACTION).is_in(_FILE_ACTIONS)
        is_told = pl.col(c.PREDICT_VERSION).is_not_null() & is_file.fill_null(value=False)
        fits = pl.col(FITS) & (pl.col(c.URL).is_not_null() | is_analysed | is_told)
        path, query = url_parts(pl.col(c.URL))
        return values.select(
            kind(fits),
            iso_time(pl.col(c.TIMESTAMP)).alias(c.TIMESTAMP),
            pl.when(~fits)
            .then(None)
            .when(pl.col(c.PHISH_KIND) == "email")
            .then(pl.lit("email"))
            .when(is_told)
            .then(pl.lit("file"))
            .otherwise(pl.when(is_analysed).then(pl.lit("threat")).otherwise(pl.lit("web")))
            .alias(c.CATEGORY),
            pl.when(fits & is_analysed)
            .then(pl.lit(Action.CONTENT_ANALYSED))
            .when(fits & is_told)
            .then(pl.col(c.ACTION))
            .when(fits)
            .then(pl.lit(Action.HTTP_REQUEST))
            .alias(c.ACTION),
            path.alias(c.URL_PATH),
            query.alias(c.URL_QUERY),
            _score(c.WEB_SCORE),
            _score(c.PHISH_SCORE),
            _score(c.PREDICT_SCORE),
            (pl.col(c.PREDICT_THREAT) == "true").alias(c.PREDICT_THREAT),
            *(_between(name, pl.Int64, 2**62) for name in _SIZES),
            *(_between(name, pl.Float64, _MOST_BITS) for name in _BITS),
            (pl.col(c.WEB_THREAT) == "true").alias(c.WEB_THREAT),
            *(present(name) for name in dict.fromkeys((*_TEXTS, *_ANALYSED, *_PREDICTED))),
        )


def _between(name: str, dtype: type[pl.Int64 | pl.Float64], most: float) -> pl.Expr:
    number = pl.col(name).cast(dtype, strict=False)
    return pl.when(number.is_between(0, most)).then(number).alias(name)


def _score(name: str) -> pl.Expr:
    score = pl.col(name).cast(pl.Float32, strict=False)
    return pl.when(score.is_between(0, 1)).then(score).alias(name)
