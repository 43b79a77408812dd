"""HTTP/1.1 for the service: uvicorn's, with a bounded head and no waiting for slow senders."""

from typing import Any, Final

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from soc_copilot.service.front import CYCLE

_PER_HEADER: Final = 4  # ": " and the line's end


class BoundedProtocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        max_head_bytes: Of request line and headers; set by `bounded`.
        waiting_since_s: On the loop's clock, since when a call is being sent; None while none is.
    """

    max_head_bytes = 64 * 1024
    waiting_since_s: float | None = None
    _is_in_head = True
    _n_bytes = 0
    _is_head_too_large = False

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.waiting_since_s = self.loop.time()

    @override
    def data_received(self, data: bytes) -> None:
        self._n_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._n_bytes > self.max_head_bytes:
            self._refuse_head()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self.waiting_since_s is None:
            self.waiting_since_s = self.loop.time()

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._n_bytes > self.max_head_bytes:
            size = sum(len(name) + len(value) + _PER_HEADER for name, value in self.headers)
            if size + len(self.url) > self.max_head_bytes:
                self._is_head_too_large = True
                raise ValueError("too large a head")  # caught by the parser, answered below
        super().on_headers_complete()
        self.scope[CYCLE] = self.cycle  # type: ignore[typeddict-unknown-key]

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_in_head = True
        self._n_bytes = 0
        self.waiting_since_s = None

    @override
    def send_400_response(self, msg: str) -> None:
        if self._is_head_too_large:
            self._refuse_head()
        elif not self.transport.is_closing():
            super().send_400_response(msg)

    def _refuse_head(self) -> None:
        if self.transport.is_closing():
            return
        text = b'{"error":{"code":"head_too_large","message":"The head has more than %d bytes."}}'
        body = text % self.max_head_bytes
        self.transport.write(
            STATUS_LINE[431]
            + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        self.transport.close()

    def close_if_slow(self, before_s: float) -> bool:
        """Cut the connection off when the call on it was begun before a time."""
        since = self.waiting_since_s
        if since is None or since >= before_s or self.transport.is_closing():
            return False
        self.transport.abort()
        return True


def bounded(max_head_bytes: int) -> type[BoundedProtocol]:
    """The protocol with this bound for the head of a call."""
    return type("BoundedProtocol", (BoundedProtocol,), {"max_head_bytes": max_head_bytes})
