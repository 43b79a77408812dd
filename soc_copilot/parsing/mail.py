"""Messages out of a drop folder: JSON lines with what was read of each.

Never told from the lines: whoever may write such a line says what the phishing detector is to
find in it. Only mail sources are read in this format.
"""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing.json_values import FITS, JsonKeys
from soc_copilot.parsing.protocol import DATETIME, Format, ParseContext, kind, present

TEXTS: Final = (
    c.EMAIL_SUBJECT, c.EMAIL_FROM, c.EMAIL_FROM_NAME, c.EMAIL_REPLY_TO, c.EMAIL_DATE,
    c.EMAIL_FILES, c.EMAIL_HASHES, c.EMAIL_DOMAINS, c.PHISH_KIND,
)  # fmt: skip
"""Columns of a message, wherever it comes from."""
_MESSAGE_CHARS: Final = 300  # chosen: of the text, for tables; the line has it all
_KEYS: Final = JsonKeys({name: (name,) for name in (*TEXTS, c.FILE_HASH, c.FILE_SIZE, "text")})


class MailFormat(Format):
    """What `soc_copilot.domain.mail_lines` writes."""

    name = "mail"
    title = "Mail drop folder"
    dataset = "email.drop"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        values = _KEYS.read(lines)
        fits = pl.col(FITS) & pl.col(c.PHISH_KIND).is_not_null()
        text = pl.col("text").str.slice(0, _MESSAGE_CHARS)
        return values.select(
            kind(fits),
            # When it was found: what the message itself says of its time is no proof.
            pl.lit(None, DATETIME).alias(c.TIMESTAMP),
            pl.when(fits).then(pl.lit("email")).alias(c.CATEGORY),
            pl.when(fits).then(pl.lit(c.Action.EMAIL_FOUND)).alias(c.ACTION),
            pl.col(c.FILE_SIZE).cast(pl.Int64, strict=False),
            text.alias(c.MESSAGE),
            present(c.FILE_HASH),
            *(present(name) for name in TEXTS),
        )
