"""Listeners by kind of source."""

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.source_options import LISTENERS, SourceOptions
from soc_copilot.ingestion.datagrams import UdpListener
from soc_copilot.ingestion.receiving import Address
from soc_copilot.ingestion.spooled import Producer
from soc_copilot.ingestion.streams import make_tcp

__all__ = ["check_address", "make_listener"]


def make_listener(
    kind: str, address: str, options: SourceOptions, *, clock: Clock = SYSTEM_CLOCK
) -> Producer:
    """What receives for a source of this kind; nothing is opened before it is started.

    Each line it writes to its spool is the sender, a tab, and the message:
    `192.0.2.7:40000<tab><13>...`.

    Args:
        kind: "syslog-udp", "syslog-tcp", "syslog-tls" or "json-tcp".
        address: Where to listen, as `check_address` takes it.
        options: The source's.
        clock: Where the time comes from.

    Raises:
        SourceError: The kind is no listener's.
    """
    if kind not in LISTENERS:
        raise SourceError(
            f'There is no listener of kind "{kind}". There are {", ".join(sorted(LISTENERS))}.'
        )
    if kind == "syslog-udp":
        return UdpListener(address, clock=clock)
    return make_tcp(kind, address, options, clock)


def check_address(text: str) -> str:
    """An address to listen on in its full form: "5514" becomes "127.0.0.1:5514".

    Raises:
        SourceError: It is none; the message says what would be.
    """
    return str(Address.parse(text))
