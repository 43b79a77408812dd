"""What every listener shares: addresses, sockets, one thread, and what it has to tell."""

import contextlib
import errno
import ipaddress
import logging
import re
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass

from typing_extensions import override

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.spooled import ProducerStatus

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
_TELL_S = 10.0  # chosen: counts of the same thing are told this often at most
_MESSAGES_KEPT = 50  # chosen: what is shown per source
_ADDRESS = re.compile(r"(?:(?P<host>[^\[\]:\s]*)|\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen.

    Attributes:
        host: An IP address, version 4 or 6, without brackets.
        port: 0 lets the system choose a free one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read "5514", "127.0.0.1:5514", "localhost:5514" or "[::1]:5514".

        Without a host it is this machine alone; other machines only reach addresses that
        say so.

        Raises:
            SourceError: It is none of these.
        """
        whole = text.strip()
        found = _ADDRESS.fullmatch(f":{whole}" if whole.isdigit() else whole)
        try:
            if found is None or int(found["port"]) > 65_535:
                raise ValueError(text)
            host = found["v6"] or found["host"]
            host = LOOPBACK if host in {"", "localhost"} else host
            version = ipaddress.ip_address(host).version
            if (version == 6) != bool(found["v6"]):
                raise ValueError(text)
        except ValueError:
            raise SourceError(
                f'"{text}" is no address to listen on. Give a port such as 5514 for this machine '
                "alone, or an IP address and a port such as 192.0.2.10:5514 or [::1]:5514."
            ) from None
        return cls(host, int(found["port"]))

    @property
    def family(self) -> socket.AddressFamily:
        """The socket family."""
        return socket.AF_INET6 if ":" in self.host else socket.AF_INET

    @override
    def __str__(self) -> str:
        return host_and_port(self.host, self.port)


def host_and_port(host: str, port: int) -> str:
    """An address as people write it, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bound_socket(address: Address, kind: socket.SocketKind) -> socket.socket:
    """A socket bound to the address, not blocking.

    Raises:
        SourceError: The system refuses; the message names the way out.
    """
    word = "UDP" if kind == socket.SOCK_DGRAM else "TCP"
    try:
        found = socket.getaddrinfo(
            address.host, address.port, address.family, kind, 0, socket.AI_NUMERICHOST
        )
        sock = socket.socket(address.family, kind)
    except OSError as error:
        raise SourceError(
            f"Cannot listen on {word} {address}: {error.strerror or error}."
        ) from error
    try:
        if address.family == socket.AF_INET6:  # the address says which version is meant
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if sys.platform == "win32":  # pragma: no cover - only there
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        elif kind == socket.SOCK_STREAM:
            # A restart must not wait for the connections of the last run to be forgotten.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setblocking(False)
        sock.bind(found[0][4])
    except OSError as error:
        sock.close()
        raise SourceError(_refusal(error, word, address)) from error
    return sock


def _refusal(error: OSError, word: str, address: Address) -> str:
    if error.errno in {errno.EACCES, errno.EPERM} and address.port < 1024:
        return (
            f"Cannot listen on {word} port {address.port}: ports below 1024 need special rights. "
            f"Choose a port such as {address.port + 5000} and point the senders there."
        )
    if error.errno in {errno.EADDRINUSE, errno.EACCES}:
        return (
            f"Cannot listen on {word} {address}: the port is in use by another program. "
            "Choose another port, or stop that program."
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"Cannot listen on {word} {address}: this machine has no address {address.host}. "
            "Use 127.0.0.1, or an address of one of its network cards."
        )
    return f"Cannot listen on {word} {address}: {error.strerror or error}."


@dataclass(slots=True)
class _Count:
    n: int = 0
    told_at_s: float = -1e9
    kind: str = ""
    text: str = ""
    is_loss: bool = False
    is_known: bool = True


class Tally:
    """Counts what happened and tells it in few words: at once, then every ten seconds.

    Thread:
        Any.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, _Count] = {}
        self._messages: deque[str] = deque(maxlen=_MESSAGES_KEPT)

    def add(
        self, kind: str, text: str, n: int = 1, *, is_loss: bool = False, is_known: bool = True
    ) -> None:
        """Count `n` more of the same.

        Args:
            kind: The event's.
            text: A sentence with "{n}" where the number goes.
            n: How many.
            is_loss: True when messages are gone.
            is_known: True when `n` is their number.
        """
        with self._lock:
            count = self._counts.setdefault(text, _Count())
            count.n += n
            count.kind, count.text = kind, text
            count.is_loss, count.is_known = is_loss, is_known

    def take(self, *, is_last: bool = False) -> tuple[SourceEvent, ...]:
        """Events for what was counted and is due; everything when it is the last time."""
        now, events = self._clock.monotonic_s(), []
        with self._lock:
            for count in self._counts.values():
                if not count.n or (now - count.told_at_s < _TELL_S and not is_last):
                    continue
                message = count.text.replace("{n}", f"{count.n:,}")
                n_lost = count.n if count.is_loss and count.is_known else None
                events.append(
                    SourceEvent(
                        count.kind,
                        message,
                        self._clock.now_ns(),
                        is_loss=count.is_loss,
                        n_lost=n_lost,
                    )
                )
                self._messages.append(message)
                count.n, count.told_at_s = 0, now
        return tuple(events)

    @property
    def messages(self) -> tuple[str, ...]:
        """What was told, newest last."""
        with self._lock:
            return tuple(self._messages)


class Listener(ABC):
    """A producer with one thread that receives.

    Args:
        address: Where to listen, as `Address.parse` reads it.
        clock: Where the time comes from.

    Thread:
        `start` and `stop` from one thread at a time, the rest from any.
    """

    word = ""  # how the address is called: "udp", "tcp", "tls"

    def __init__(self, address: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._address_text = address
        self._clock = clock
        self._tally = Tally(clock)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._stop_by_s = 0.0
        self._address = ""
        self._failure = ""

    def start(self, spool: SpoolWriter) -> None:
        """Open the port and begin to receive.

        Raises:
            SourceError: The port or a certificate cannot be used; the message names the
                way out.
        """
        if self._thread is not None:
            raise SourceError(f"The listener on {self._address} is still stopping.")
        address = Address.parse(self._address_text)
        try:
            host, port = self._open(address)
        except OSError as error:
            self._close()
            raise SourceError(_refusal(error, self.word.upper(), address)) from error
        self._address = f"{self.word} {host_and_port(host, port)}"
        self._failure = ""
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(spool,), name=f"listen-{self.word}", daemon=True
        )
        self._thread.start()
        logger.info("Listening. address=%s", self._address)

    def stop(self, timeout_s: float) -> bool:
        """Receive no more, write what came, close the port; may be called again.

        Returns:
            False when the thread did not end in time.
        """
        thread = self._thread
        if thread is None:
            return True
        self._stop_by_s = time.monotonic() + timeout_s
        self._stop.set()
        self._wake()
        thread.join(timeout_s + 1.0)  # a second to write what came
        if thread.is_alive():
            logger.error("A listener is still busy. address=%s", self._address)
            return False
        self._thread = None
        logger.info("Stopped listening. address=%s", self._address)
        return True

    def status(self) -> ProducerStatus:
        """How the listener stands."""
        messages = self._tally.messages
        if self._thread is None:
            return ProducerStatus("stopped", messages=messages)
        if self._failure:
            return ProducerStatus("error", self._failure, self._address, messages=messages)
        return ProducerStatus(
            "listening", self._detail(), self._address, self._n_connections(), messages
        )

    def take_events(self) -> tuple[SourceEvent, ...]:
        """What is due to be told; everything once the listener has stopped."""
        return self._tally.take(is_last=self._thread is None)

    def _run(self, spool: SpoolWriter) -> None:
        try:
            self._receive(spool)
        except Exception as error:
            logger.exception("A listener failed. address=%s", self._address)
            self._failure = (
                f"The listener failed ({type(error).__name__}: {error}). "
                "Stop and start ingestion; the log has the details."
            )
        finally:
            self._close()

    @abstractmethod
    def _open(self, address: Address) -> tuple[str, int]:
        """Open the sockets; returns host and real port."""

    @abstractmethod
    def _receive(self, spool: SpoolWriter) -> None:
        """Receive until asked to stop, then write what came."""

    @abstractmethod
    def _close(self) -> None:
        """Close the sockets."""

    @abstractmethod
    def _wake(self) -> None:
        """Make the thread look at the stop event."""

    def _detail(self) -> str:
        return ""

    def _n_connections(self) -> int:
        return 0


class Waker:
    """A socket pair that ends a wait in another thread."""

    def __init__(self) -> None:
        self.reading, self._writing = socket.socketpair()
        self.reading.setblocking(False)
        self._writing.setblocking(False)

    def wake(self) -> None:
        """End the wait, now or when it begins."""
        with contextlib.suppress(OSError):
            self._writing.send(b"\0")

    def close(self) -> None:
        """Close both ends."""
        self.reading.close()
        self._writing.close()
