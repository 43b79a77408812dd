"""HTTP/1.1 by hand: requests sent byte for byte over connections that are kept."""

import contextlib
import re
import selectors
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from soc_copilot.detection.web.request import Request

_UNSENDABLE: Final = re.compile(rb"[\x00-\x20\x7f]")  # end the target, or break the line
_BROWSER: Final = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "*/*",
}
# About the connection or the framing, which are the sender's.
_OURS: Final = frozenset(
    {"connection", "keep-alive", "content-length", "transfer-encoding", "expect", "te", "upgrade"}
)
# Every browser sent it once and none does now: rule 920450 refuses all requests that have it.
_OUTDATED: Final = "accept-charset"
_FORM: Final = "application/x-www-form-urlencoded"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_TIMEOUT_S: Final = 30.0


def completed(request: Request) -> Request:
    """The request as a client of today sends it, without what is about the connection.

    A Host where there is none; where there is no header at all, those of a plain browser; a
    Content-Type for a body.
    """
    dropped = _OURS | {_OUTDATED}
    headers = {k: v for k, v in request.headers.items() if k.lower() not in dropped}
    names = {name.lower() for name in headers}
    if not headers:
        headers |= _BROWSER
    if request.body and "content-type" not in names:
        headers["Content-Type"] = _FORM
    if "host" not in names:
        headers = {"Host": "www.example.com", **headers}
    return Request(request.method, request.path, request.query, headers, request.body)


def as_bytes(text: str) -> bytes:
    """Text as it was on the wire: what is no Latin-1 was UTF-8."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def message(request: Request) -> bytes | None:
    """The bytes of a completed request; None when its target cannot stand in a request line."""
    target = as_bytes(request.target)
    if not target or _UNSENDABLE.search(target):
        return None
    body = as_bytes(request.body)
    lines = [b"%s %s HTTP/1.1" % (request.method.encode("ascii"), target)]
    lines += [b"%s: %s" % (as_bytes(k), as_bytes(v)) for k, v in request.headers.items()]
    if body or request.method in {"POST", "PUT", "PATCH"}:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass(slots=True)
class Answer:
    """What came back: status, 0 for none, and how long it took."""

    status: int = 0
    took_s: float = 0.0


class _Connection:
    """One socket with at most one request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None
        self._got = b""
        self._sent_at = 0.0
        self._is_head = False
        self.index = -1

    def send(self, index: int, data: bytes) -> socket.socket | None:
        """Send a request; a new socket when one was opened."""
        fresh = None
        if self._socket is None:
            fresh = self._socket = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT_S)
            fresh.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.index, self._got = index, b""
        self._is_head = data.startswith(b"HEAD ")
        self._sent_at = time.perf_counter()
        with contextlib.suppress(OSError):  # refused half-way: the answer is there to be read
            self._socket.sendall(data)
        return fresh

    def receive(self) -> tuple[Answer | None, socket.socket | None]:
        """Read what is there: the answer when it is whole, and a socket that is of no more use."""
        sock = self._socket
        assert sock is not None
        try:
            data = sock.recv(65_536)
        except OSError:
            data = b""
        self._got += data
        took_s = time.perf_counter() - self._sent_at
        if not data:
            self._socket = None
            return Answer(self._status(), took_s), sock
        head, mark, body = self._got.partition(b"\r\n\r\n")
        if not mark:
            return None, None
        status = self._status()
        length = _LENGTH.search(head)
        bare = self._is_head or status in {204, 304} or length is None
        if not bare and length is not None and len(body) < int(length[1]):
            return None, None
        if _CLOSE.search(head):
            self._socket = None
            return Answer(status, took_s), sock
        return Answer(status, took_s), None

    def _status(self) -> int:
        word = self._got[9:12]
        return int(word) if word.isdigit() else 0

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()


def drive(port: int, messages: Sequence[bytes], n_connections: int) -> list[Answer]:
    """Send all messages, each connection one after the other; answers in the messages' order."""
    answers = [Answer() for _ in messages]
    waiting = iter(range(len(messages)))
    connections = [_Connection(port) for _ in range(n_connections)]
    with selectors.DefaultSelector() as selector:

        def send_next(connection: _Connection) -> bool:
            index = next(waiting, None)
            if index is None:
                return False
            fresh = connection.send(index, messages[index])
            if fresh is not None:
                selector.register(fresh, selectors.EVENT_READ, connection)
            return True

        n_busy = sum(map(send_next, connections))
        while n_busy:
            ready = selector.select(_TIMEOUT_S)
            if not ready:
                raise TimeoutError(f"No answer within {_TIMEOUT_S:.0f} s.")
            for key, _ in ready:
                connection: _Connection = key.data
                answer, done = connection.receive()
                if done is not None:
                    selector.unregister(done)
                    done.close()
                if answer is not None:
                    answers[connection.index] = answer
                    n_busy -= not send_next(connection)
    for connection in connections:
        connection.close()
    return answers
