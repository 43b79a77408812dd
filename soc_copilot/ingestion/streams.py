"""Messages over TCP and TLS: many senders on one thread, none of whom can hold up another."""

import contextlib
import logging
import selectors
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from typing_extensions import override

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock, from_us
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.framing import Framer, LineFramer, Message, SyslogFramer, spool_line
from soc_copilot.ingestion.receiving import Address, Listener, Waker, bound_socket, host_and_port
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.tls import server_context, trouble_with_dates

logger = logging.getLogger(__name__)

_RECEIVE_BYTES = 128 * 1024  # chosen: one sender's share of a round
_BACKLOG = 1_024  # chosen: connections that wait to be accepted; the system may allow fewer
_ACCEPTS = 64  # chosen: new connections of one round, so that a flood leaves time for others
_HANDSHAKE_S = 15.0  # chosen: a TLS handshake that takes longer is given up
_IDLE_S = 24 * 3600.0  # chosen: senders may be silent for long, and most resend nothing
_UNPROVEN_S = 10.0  # chosen: without a message for so long, a sender makes room for others
_TICK_S = 1.0  # chosen: how often times are looked at
_ROOM_S = 0.25  # chosen: a full spool is offered its lines so often
_QUIET_S = 0.3  # chosen: a sender that is quiet so long after our end has seen it
_PAUSE_S = 1.0  # chosen: wait after the system refused a new connection
_MAX_SELECT = 500  # Windows: select() takes 512 sockets


@dataclass(slots=True, eq=False)
class _Connection:
    """One sender."""

    sock: socket.socket
    sender: bytes
    framer: Framer
    since_s: float
    heard_s: float
    is_open: bool = True  # False while a TLS handshake is under way
    has_spoken: bool = False
    is_ended: bool = False  # the sender closed its side


@dataclass(slots=True)
class _Round:
    """What one look at all sockets brought."""

    lines: list[bytes] = field(default_factory=list)
    ended: list[_Connection] = field(default_factory=list)


class TcpListener(Listener):
    """Receives messages over TCP.

    While the spool is full nothing is read, so that senders wait. Stopping ends our side
    first: a sender that notices connects again later, and what it sent before is kept. A
    killed process loses what was only in the kernel's buffers; plain syslog has no
    acknowledgements, so that its senders take these messages for delivered.

    Args:
        address: Where to listen.
        max_connections: Senders at once.
        framer: Makes what cuts a connection's bytes into messages.
        clock: Where the time comes from.
    """

    word = "tcp"

    def __init__(
        self,
        address: str,
        *,
        max_connections: int = 256,
        framer: Callable[[], Framer] = SyslogFramer,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(address, clock=clock)
        on_windows = sys.platform == "win32"
        self._max_connections = min(max_connections, _MAX_SELECT) if on_windows else max_connections
        self._framer = framer
        self._socket: socket.socket | None = None
        self._waker: Waker | None = None
        self._selector: selectors.BaseSelector | None = None
        self._connections: set[_Connection] = set()
        self._is_waiting = False  # for room in the spool
        self._accept_again_s: float | None = None
        self._no_room_until_s = 0.0
        self._resumed_s = 0.0  # when reading went on after the spool was full
        self.n_received = 0

    # Life

    @override
    def _open(self, address: Address) -> tuple[str, int]:
        self._socket = sock = bound_socket(address, socket.SOCK_STREAM)
        sock.listen(_BACKLOG)
        self._waker = Waker()
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._selector.register(self._waker.reading, selectors.EVENT_READ)
        self._accept_again_s = None
        host, port = sock.getsockname()[:2]
        return host, port

    @override
    def _close(self) -> None:
        for connection in list(self._connections):
            self._drop(connection)
        for one in (self._socket, self._waker, self._selector):
            if one is not None:
                one.close()

    @override
    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()

    @override
    def _detail(self) -> str:
        return "Senders wait until there is room." if self._is_waiting else ""

    @override
    def _n_connections(self) -> int:
        return len(self._connections)

    @override
    def _receive(self, spool: SpoolWriter) -> None:
        ticked_s = time.monotonic()
        while not self._stop.is_set():
            found = self._look(_TICK_S)
            self._write(found.lines, spool)
            for connection in found.ended:
                self._drop(connection)
            if (now := time.monotonic()) - ticked_s >= _TICK_S:
                ticked_s = now
                self._tick(now)
        self._finish(spool)

    # Receiving

    def _look(self, timeout_s: float) -> _Round:
        found, now = _Round(), time.monotonic()
        for key, _ in self._sel.select(timeout_s):
            connection = key.data
            if connection is not None:
                self._serve(connection, found, now)
            elif key.fileobj is self._socket:
                self._accept(self._socket)
        return found

    @property
    def _sel(self) -> selectors.BaseSelector:
        assert self._selector is not None  # noqa: S101 - opened before the thread began
        return self._selector

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, peer = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:  # no descriptors left, say: those waiting wait a little
                self._tally.add("connection", f"New senders wait: {error.strerror or error}.")
                self._accept_again_s = time.monotonic() + _PAUSE_S
                self._sel.unregister(listening)
                return
            if len(self._connections) >= self._max_connections and not self._make_room():
                sock.close()
                self._tally.add(
                    "connection",
                    f"Connections turned away because {self._max_connections:,} senders were "
                    "connected already: {n}.",
                )
                continue
            self._welcome(sock, host_and_port(*peer[:2]))

    def _welcome(self, sock: socket.socket, peer: str) -> None:
        now = time.monotonic()
        try:
            sock.setblocking(False)
            _keep_alive(sock)
            sock = self._wrap(sock)
        except OSError:  # gone already
            sock.close()
            return
        connection = _Connection(sock, f"{peer}\t".encode(), self._framer(), now, now)
        connection.is_open = not isinstance(sock, ssl.SSLSocket)
        self._connections.add(connection)
        self._sel.register(sock, selectors.EVENT_READ, connection)

    def _wrap(self, sock: socket.socket) -> socket.socket:
        return sock

    def _make_room(self) -> bool:
        """Let go of a connection that never brought a message, if there is one."""
        now = time.monotonic()
        if now < self._no_room_until_s:
            return False  # looked lately: a flood must not make us look at all each time
        silent = (c for c in self._connections if not c.has_spoken)
        oldest = min(silent, key=lambda c: c.since_s, default=None)
        if oldest is None or now - oldest.since_s < _UNPROVEN_S:
            self._no_room_until_s = now + _TICK_S
            return False
        self._drop(oldest)
        return True

    def _serve(self, connection: _Connection, found: _Round, now: float) -> None:
        try:
            if not connection.is_open and not self._shake_hands(connection):
                return
            data = self._read(connection)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError, InterruptedError):
            return
        except OSError as error:  # ssl.SSLError among them
            self._note_end(connection, error)
            found.ended.append(connection)
            return
        connection.heard_s = now
        messages = connection.framer.feed(data) if data else self._end(connection)
        if not data:
            found.ended.append(connection)
        if messages:
            connection.has_spoken = True
            found.lines += [spool_line(connection.sender, message) for message in messages]

    def _read(self, connection: _Connection) -> bytes:
        """What waits; nothing at the end of the stream."""
        sock = connection.sock
        data = sock.recv(_RECEIVE_BYTES)
        if isinstance(sock, ssl.SSLSocket) and data:
            parts = [data]  # what TLS holds already wakes no selector
            while sock.pending():
                parts.append(sock.recv(_RECEIVE_BYTES))
            data = b"".join(parts)
        return data

    def _shake_hands(self, connection: _Connection) -> bool:
        return True

    def _note_end(self, connection: _Connection, error: OSError) -> None:
        if not connection.is_open:
            reason = getattr(error, "reason", None) or error.strerror
            self._tally.add(
                "connection",
                "TLS handshakes that failed: {n}. Look at the senders' certificates and settings, "
                f"or at who else connects here ({reason}).",
            )

    def _end(self, connection: _Connection) -> list[Message]:
        connection.is_ended = True
        return [] if self._stop.is_set() else connection.framer.finish()

    def _drop(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        with contextlib.suppress(KeyError, ValueError, OSError):
            self._sel.unregister(connection.sock)
        connection.sock.close()
        if connection.framer.is_inside:
            self._tally.add(
                "unterminated",
                "Messages incomplete when their connection ended: {n}.",
                is_loss=True,
            )

    def _tick(self, now: float) -> None:
        for connection in list(self._connections):
            limit_s = _IDLE_S if connection.is_open else _HANDSHAKE_S
            if now - max(connection.heard_s, self._resumed_s) > limit_s:
                if not connection.is_open:
                    self._note_end(connection, TimeoutError(0, "timed out"))
                self._drop(connection)
        if self._accept_again_s is not None and now >= self._accept_again_s:
            self._accept_again_s = None
            assert self._socket is not None  # noqa: S101 - opened before the thread began
            self._sel.register(self._socket, selectors.EVENT_READ)

    # Writing

    def _write(self, lines: list[bytes], spool: SpoolWriter) -> None:
        """Write what came, waiting for room as long as it takes; senders wait with us."""
        done = spool.write(lines) if lines else 0
        while done < len(lines):
            self._is_waiting = True
            if self._stop.is_set():
                done += spool.write_last(lines[done:])
                self._lose(len(lines) - done)
                break
            spool.wait_for_room(_ROOM_S)
            done += spool.write(lines[done:])
            self._resumed_s = time.monotonic()  # silence was ours
        self._is_waiting = False
        self.n_received += len(lines)

    def _lose(self, n: int) -> None:
        if n:
            self._tally.add(
                "lost",
                "Messages received but not written when the listener stopped: {n}.",
                n,
                is_loss=True,
            )

    # Stopping

    def _finish(self, spool: SpoolWriter) -> None:
        """End our side, then read on until senders have noticed or the time is over."""
        assert self._socket is not None  # noqa: S101 - opened before the thread began
        assert self._waker is not None  # noqa: S101
        if self._accept_again_s is None:
            self._accept(self._socket)  # these think that they are connected
            self._sel.unregister(self._socket)
        self._socket.close()
        self._sel.unregister(self._waker.reading)
        began = time.monotonic()
        for connection in list(self._connections):
            if connection.is_open:
                _end_our_side(connection.sock)
            else:
                self._drop(connection)
        while self._connections and (now := time.monotonic()) < self._stop_by_s:
            if spool.is_full:
                break  # nothing can be kept: the less is taken from senders, the better
            found = self._look(min(self._stop_by_s - now, _QUIET_S / 4))
            self._write(found.lines, spool)
            quiet = [c for c in self._connections if now - max(c.heard_s, began) > _QUIET_S]
            for connection in {*found.ended, *quiet}:
                self._drop(connection)
        self._count_cut_off()

    def _count_cut_off(self) -> None:
        busy = sum(_has_more(connection.sock) for connection in self._connections)
        if busy:
            self._tally.add(
                "lost",
                "Senders still sending when the listener stopped: {n}. What the system had taken "
                "from them may be lost.",
                busy,
                is_loss=True,
                is_known=False,
            )


class TlsListener(TcpListener):
    """Receives syslog over TLS (RFC 5425).

    Args:
        address: Where to listen.
        certificate: Path of the certificate chain, PEM.
        key: Path of its key, PEM.
        client_ca: Path of what senders' certificates must be signed by; empty asks for none.
        max_connections: Senders at once.
        clock: Where the time comes from.
    """

    word = "tls"

    def __init__(
        self,
        address: str,
        *,
        certificate: str,
        key: str,
        client_ca: str = "",
        max_connections: int = 256,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(address, max_connections=max_connections, clock=clock)
        self._files = (certificate, key, client_ca)
        self._context: ssl.SSLContext | None = None

    @override
    def _open(self, address: Address) -> tuple[str, int]:
        self._context = server_context(*self._files)
        return super()._open(address)

    @override
    def _detail(self) -> str:
        now = from_us(self._clock.now_ns() // 1_000)
        return super()._detail() or trouble_with_dates(self._files[0], now)

    @override
    def _wrap(self, sock: socket.socket) -> socket.socket:
        assert self._context is not None  # noqa: S101 - made before the thread began
        return self._context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)

    @override
    def _shake_hands(self, connection: _Connection) -> bool:
        assert isinstance(connection.sock, ssl.SSLSocket)  # noqa: S101 - `_wrap` made it
        connection.sock.do_handshake()
        connection.is_open = True
        return True


def make_tcp(kind: str, address: str, options: SourceOptions, clock: Clock) -> TcpListener:
    """The listener for one of "syslog-tcp", "syslog-tls" and "json-tcp"."""
    n = int(options.number("max_connections"))
    if kind == "syslog-tls":
        return TlsListener(
            address,
            certificate=options.text("tls_certificate"),
            key=options.text("tls_key"),
            client_ca=options.text("tls_client_ca"),
            max_connections=n,
            clock=clock,
        )
    framer = LineFramer if kind == "json-tcp" else SyslogFramer
    return TcpListener(address, max_connections=n, framer=framer, clock=clock)


def _keep_alive(sock: socket.socket) -> None:
    """Have the system find out about senders that are gone without a word."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 300)


def _end_our_side(sock: socket.socket) -> None:
    # Under TLS, too, without its own farewell before: rsyslog looks for the end of the TCP
    # stream only, and a farewell that it never reads would hide that from it.
    with contextlib.suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_WR)


def _has_more(sock: socket.socket) -> bool:
    """True when the sender is still there, with bytes that nobody read."""
    try:
        return bool(socket.socket.recv(sock, 1, socket.MSG_PEEK))
    except OSError:
        return False
