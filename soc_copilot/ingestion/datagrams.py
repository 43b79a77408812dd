"""Syslog over UDP: one datagram, one message; taken from the kernel in bursts."""

import contextlib
import ctypes
import errno
import ipaddress
import logging
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Final

import numpy as np
from typing_extensions import override

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.ingestion.framing import spool_line
from soc_copilot.ingestion.receiving import Address, Listener, Waker, bound_socket, host_and_port
from soc_copilot.ingestion.spool import SpoolWriter

logger = logging.getLogger(__name__)

_BUFFER_BYTES = 32 * 1024 * 1024  # chosen: asked of the kernel; it grants what it allows
_BURST = 256  # chosen: datagrams of one call
_SLOT_BYTES = 64 * 1024  # standard: no datagram is longer
_BURSTS = 16  # chosen: bursts gathered into one write
_NAP_S = 0.002  # chosen: few calls per datagram, and the smallest buffers hold that long
_COUNT_S = 1.0  # chosen: how often the kernel is asked what it dropped
_SENDERS = 4_096  # chosen: senders whose names are remembered

# Linux, include/uapi/asm-generic/socket.h and linux/sock_diag.h
_SO_RCVBUFFORCE: Final = 33
_SO_MEMINFO: Final = 55
_SK_MEMINFO: Final = struct.Struct("=9I")  # the last one is the number of drops

Datagram = tuple[bytes, bytes]  # sender with its tab, message


class UdpListener(Listener):
    """Receives syslog over UDP.

    Nobody resends a datagram, so that what cannot be kept is counted: by the kernel while
    its buffer was full (known on Linux), and here while the spool is.

    Args:
        address: Where to listen.
        clock: Where the time comes from.
    """

    word = "udp"

    def __init__(self, address: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(address, clock=clock)
        self._socket: socket.socket | None = None
        self._waker: Waker | None = None
        self._dropped = 0
        self._is_refusing = False
        self._knows_drops = True
        self._granted_bytes = 0
        self.n_received = 0
        self.n_refused = 0
        self.n_dropped = 0

    @override
    def _open(self, address: Address) -> tuple[str, int]:
        sock = bound_socket(address, socket.SOCK_DGRAM)
        _enlarge(sock)
        self._granted_bytes = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        self._dropped = 0
        self._knows_drops = kernel_drops(sock) is not None
        self._waker = Waker()
        self._socket = sock
        host, port = sock.getsockname()[:2]
        return host, port

    @override
    def _close(self) -> None:
        for one in (self._socket, self._waker):
            if one is not None:
                one.close()

    @override
    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()

    @override
    def _detail(self) -> str:
        if self._is_refusing:
            return "Messages are refused and counted until there is room."
        if not self._knows_drops:
            return "This system does not tell how many messages it dropped."
        if self.n_dropped and self._granted_bytes < _BUFFER_BYTES:
            return (
                f"The system grants a receive buffer of {self._granted_bytes // 1024:,} KiB and "
                f"drops bursts. Allow more: sysctl -w net.core.rmem_max={_BUFFER_BYTES}"
            )
        return ""

    @override
    def _receive(self, spool: SpoolWriter) -> None:
        assert self._socket is not None  # noqa: S101 - opened before the thread began
        assert self._waker is not None  # noqa: S101
        sock, take = self._socket, receiver(self._socket)
        wait = _waiter(sock, self._waker.reading)
        counted_at = time.monotonic()
        while not self._stop.is_set():
            wait(_COUNT_S)
            if self._drain(take, spool):
                # Waiting a moment gathers a burst: one by one they cost ten times as much.
                time.sleep(_NAP_S)
            if time.monotonic() - counted_at >= _COUNT_S:
                counted_at = time.monotonic()
                self._count_drops(sock)
        _take_no_more(sock)
        while time.monotonic() < self._stop_by_s and self._drain(take, spool):
            pass
        self._count_drops(sock)

    def _drain(self, take: Callable[[], list[Datagram]], spool: SpoolWriter) -> int:
        """Take what waits, some bursts at most, and write it; returns how many there were."""
        lines: list[bytes] = []
        for _ in range(_BURSTS):
            burst = take()
            lines += [spool_line(sender, text.rstrip(b"\r\n\0")) for sender, text in burst]
            if len(burst) < _BURST:
                break
        refused = len(lines) - spool.write(lines) if lines else 0
        self.n_received += len(lines)
        self.n_refused += refused
        if refused:
            self._tally.add(
                "refused",
                "Messages refused because the spool was full: {n}.",
                refused,
                is_loss=True,
            )
        self._is_refusing = bool(refused) or (self._is_refusing and not lines)
        return len(lines)

    def _count_drops(self, sock: socket.socket) -> None:
        dropped = kernel_drops(sock)
        if dropped is None:
            return
        new = (dropped - self._dropped) % (1 << 32)
        self._dropped = dropped
        if new:
            self.n_dropped += new
            self._tally.add(
                "overflow",
                "Messages that came faster than they were taken, dropped by the system: {n}.",
                new,
                is_loss=True,
            )


def kernel_drops(sock: socket.socket) -> int | None:
    """Datagrams that the kernel dropped for this socket so far; None where it does not say."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _SK_MEMINFO.size)
    except OSError:
        return None
    return int(_SK_MEMINFO.unpack(found)[-1]) if len(found) == _SK_MEMINFO.size else None


def receiver(sock: socket.socket) -> Callable[[], list[Datagram]]:
    """The fastest way here to take a burst of datagrams that wait, up to `_BURST`."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(AttributeError, OSError):
            return _ManyAtOnce(sock)
    return _OneByOne(sock)


class _OneByOne:
    """Takes datagrams with one call each, everywhere."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray(_SLOT_BYTES)
        self._names: dict[tuple[str, int], bytes] = {}

    def __call__(self) -> list[Datagram]:
        out: list[Datagram] = []
        try:
            while len(out) < _BURST:
                n, address = self._socket.recvfrom_into(self._buffer)
                out.append((self._name(address[:2]), bytes(self._buffer[:n])))
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:  # Windows reports here that a datagram of ours met no one
            logger.debug("A datagram could not be taken. error=%s", error)
        return out

    def _name(self, address: tuple[str, int]) -> bytes:
        name = self._names.get(address)
        if name is None:
            if len(self._names) >= _SENDERS:
                self._names.clear()
            name = self._names[address] = f"{host_and_port(*address)}\t".encode()
        return name


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_IoVec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("hdr", _MsgHdr), ("len", ctypes.c_uint))


class _ManyAtOnce:
    """Takes many datagrams with one call of recvmmsg(2).

    Each call gives up the interpreter's lock once, where one call per datagram would wait
    for it each time while other threads compute. Measured beside such a thread, with 20,000
    datagrams a second and a buffer of 208 KiB: 11% dropped against 22%.

    Raises:
        AttributeError, OSError: The C library has no such call.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._is_v6 = sock.family == socket.AF_INET6
        self._name_bytes = 28 if self._is_v6 else 16  # sizeof struct sockaddr_in6, sockaddr_in
        self._call = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._data = bytearray(_BURST * _SLOT_BYTES)  # pages are real once they are touched
        self._names = bytearray(_BURST * self._name_bytes)
        data = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        names = ctypes.addressof(ctypes.c_char.from_buffer(self._names))
        self._vectors = (_IoVec * _BURST)()
        raw = bytearray(_BURST * ctypes.sizeof(_MMsgHdr))
        self._headers = (_MMsgHdr * _BURST).from_buffer(raw)
        for i in range(_BURST):
            self._vectors[i] = _IoVec(data + i * _SLOT_BYTES, _SLOT_BYTES)
            header = self._headers[i].hdr
            header.name, header.namelen = names + i * self._name_bytes, self._name_bytes
            header.iov, header.iovlen = ctypes.pointer(self._vectors[i]), 1
        words = np.frombuffer(raw, np.uint32).reshape(_BURST, -1)
        self._lengths = words[:, _MMsgHdr.len.offset // 4]
        self._view = memoryview(self._data)
        self._senders: dict[bytes, bytes] = {}

    def __call__(self) -> list[Datagram]:
        n = self._call(self._fd, self._headers, _BURST, socket.MSG_DONTWAIT, None)
        if n < 0:
            code = ctypes.get_errno()
            if code not in {errno.EAGAIN, errno.EINTR}:
                logger.debug("A datagram could not be taken. error=%s", os.strerror(code))
            return []
        size, names, view, known = self._name_bytes, self._names, self._view, self._senders
        out: list[Datagram] = []
        for i, length in enumerate(self._lengths[:n].tolist()):
            key = bytes(names[i * size : i * size + size])
            at = i * _SLOT_BYTES
            out.append((known.get(key) or self._name(key), bytes(view[at : at + length])))
        return out

    def _name(self, key: bytes) -> bytes:
        if len(self._senders) >= _SENDERS:
            self._senders.clear()
        port = int.from_bytes(key[2:4], "big")
        host = str(ipaddress.ip_address(key[8:24] if self._is_v6 else key[4:8]))
        name = self._senders[key] = f"{host_and_port(host, port)}\t".encode()
        return name


def _waiter(*sockets: socket.socket) -> Callable[[float], object]:
    """Waits until one of the sockets has something, or for some seconds."""
    if not hasattr(select, "poll"):  # pragma: no cover - Windows
        return lambda timeout_s: select.select(sockets, (), (), timeout_s)
    poll = select.poll()
    for sock in sockets:
        poll.register(sock, select.POLLIN)
    return lambda timeout_s: poll.poll(timeout_s * 1000)


def _enlarge(sock: socket.socket) -> None:
    """Ask for a large receive buffer, with the privilege to have it or without."""
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_BYTES)


def _take_no_more(sock: socket.socket) -> None:
    """Close the ears but keep what was heard: from now on only we could send to it."""
    with contextlib.suppress(OSError):
        host, port, *rest = sock.getsockname()
        nowhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
        sock.connect((nowhere.get(host, host), port, *rest))
