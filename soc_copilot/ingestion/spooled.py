"""What receives messages and what reads them again, with a spool between."""

from dataclasses import dataclass
from typing import Protocol

from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import SpoolWriter


@dataclass(frozen=True, slots=True)
class ProducerStatus:
    """How a producer stands.

    Attributes:
        state: "listening" (a socket, open), "live" (anything else that works), "error",
            "missing", "denied", "stopped".
        detail: One sentence for the operator, empty when all is well.
        address: Where it listens, such as "udp 127.0.0.1:5514"; empty otherwise.
        n_connections: Open connections.
        messages: What happened lately, newest last.
    """

    state: str
    detail: str = ""
    address: str = ""
    n_connections: int = 0
    messages: tuple[str, ...] = ()


class Producer(Protocol):
    """Something that receives messages on a thread of its own and writes them to a spool."""

    def start(self, spool: SpoolWriter) -> None:
        """Begin to write to `spool`; returns at once.

        Raises:
            SourceError: It cannot; the message names the thing and the way out. It may be
                started again later.
        """
        ...

    def stop(self, timeout_s: float) -> bool:
        """Receive no more and write what was received; no line is written after it returned.

        May be called when not started, and again. A stopped producer may be started again.

        Returns:
            False when its thread did not end in time.
        """
        ...

    def status(self) -> ProducerStatus:
        """How it stands; safe to call from any thread."""
        ...

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What happened since the last call, to be stored; each event is handed out once."""
        ...
