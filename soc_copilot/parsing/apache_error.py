"""Apache's error log, as versions up to 2.2 and from 2.4 on write it."""

from typing import Final

import polars as pl
from typing_extensions import override

from soc_copilot.domain import columns as c
from soc_copilot.parsing import timestamps as ts
from soc_copilot.parsing.protocol import Format, ParseContext, groups, kind

_LINE: Final = (
    rf"(?s)^\[({ts.CTIME_PATTERN})\] "  # time
    r"\[(?:[a-z0-9_-]*:)?([a-z0-9]+)\] "  # module (from 2.4 on), level
    r"(?:\[pid ([0-9]+)(?::tid [0-9]+)?\] )?"  # process and thread, from 2.4 on
    r"((?:AH[0-9]+: )?(?:\([0-9]+\)[^:\[]*: )?"  # message number, system error
    r"(?:\[(?:client|remote) (?:\[([0-9A-Fa-f:.%]+)\]|([^\] ]*?))(?::([0-9]{1,5}))?\] )?"  # client
    r".*)"  # the rest of the message
)
_NAMES: Final = ("stamp", "level", "pid", "message", "address6", "address", "port")


class ApacheErrorFormat(Format):
    """Apache's error log."""

    name = "apache-error"
    title = "Apache error log"
    dataset = "apache.error"

    @override
    def parse(self, lines: pl.Series, context: ParseContext) -> pl.DataFrame:
        pieces = pl.DataFrame({"line": lines}).select(groups(_LINE, _NAMES))
        address, port = pl.col("address"), pl.col("port")
        # 2.4 (which gives the process) always adds the port; before, the last group of an IPv6
        # address only looks like one.
        no_port = address.str.contains(":", literal=True) & pl.col("pid").is_null()
        whole = pl.concat_str("address", "port", separator=":", ignore_nulls=True)
        return pieces.select(
            kind(pl.col("stamp").is_not_null()),
            ts.ctime(pl.col("stamp")).alias(c.TIMESTAMP),
            pl.col("level").alias(c.SEVERITY),
            pl.col("pid").cast(pl.Int64, strict=False).alias(c.PID),
            pl.coalesce("address6", pl.when(no_port).then(whole).otherwise(address)).alias(
                c.SOURCE_IP
            ),
            pl.when(~no_port.fill_null(value=False))
            .then(port.cast(pl.Int32, strict=False))
            .alias(c.SOURCE_PORT),
            pl.col("message").alias(c.MESSAGE),
        )
