"""Streams and datagrams to messages, and messages to the lines of a spool."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final, Protocol

from typing_extensions import override

from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES, cut_line

MAX_COUNT_DIGITS: Final = 9  # chosen: a count of a gigabyte or more is none
_LF, _NUL, _SPACE, _LESS = 10, 0, 32, 60
_NONZERO_DIGITS: Final = range(49, 58)
_DIGITS: Final = range(48, 58)
_ENDS: Final = b"\n\0"


@dataclass(frozen=True, slots=True)
class LongMessage:
    """A message that outgrew what is kept.

    Attributes:
        kept: Its first `MAX_LINE_BYTES` bytes.
        length: Bytes of the whole message.
        digest: BLAKE2b-128 (hex) of the whole message.
    """

    kept: bytes
    length: int
    digest: str


Message = bytes | LongMessage


@dataclass(slots=True)
class _Growing:
    """A long message whose end was not seen yet."""

    kept: bytes
    left: int  # bytes to come by its count; -1 when a line end ends it
    length: int = 0
    hasher: "blake2b" = field(default_factory=lambda: blake2b(digest_size=16))

    def add(self, part: bytes) -> None:
        self.length += len(part)
        self.hasher.update(part)

    def message(self) -> LongMessage:
        return LongMessage(self.kept, self.length, self.hasher.hexdigest())


class Framer(Protocol):
    """Cuts one connection's bytes into messages.

    However the bytes arrive, in one piece or one by one, the messages are the same.
    """

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete with these bytes, in order; empty ones left out."""
        ...

    def finish(self) -> list[Message]:
        """The last message, when the sender ended the stream without a line end.

        A message with a count is not handed out before it is whole; `is_inside` is True then.
        """
        ...

    @property
    def is_inside(self) -> bool:
        """True when the bytes of a message wait for the rest of it."""
        ...


class SyslogFramer:
    r"""Syslog over a stream, either way of RFC 6587; RFC 5425 is the first of them over TLS.

    Each message says which way it comes: a count and a space, then that many bytes; or
    text up to b"\n" or b"\0". A count is digits without a leading zero, at most
    `MAX_COUNT_DIGITS`, then a space. Where what follows is no b"<", and the connection
    sent text lines before, it was text that begins with a number after all.

    Line ends at the end of a message (b"\n", b"\r\n", b"\0") are taken off, also of one with
    a count. At most `MAX_LINE_BYTES` and one piece of data are held.

    Source:
        RFC 6587, sections 3.4.1 and 3.4.2; RFC 5425, section 4.3. Telling the ways apart by
        the first byte of each message is what rsyslog does; a NUL as an end, syslog-ng.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._growing: _Growing | None = None
        self._has_lines = False

    @property
    def is_inside(self) -> bool:
        """True when the bytes of a message wait for the rest of it."""
        return bool(self._buffer) or self._growing is not None

    def feed(self, data: bytes) -> list[Message]:
        """Messages that are complete with these bytes, in order; empty ones left out."""
        out: list[Message] = []
        at = 0
        if self._growing is not None:
            at = self._grow(self._growing, data, out)
        buffer = self._buffer + data[at:] if self._buffer else data[at:] if at else data
        self._buffer = buffer[self._cut(buffer, out) :]
        return out

    def finish(self) -> list[Message]:
        """The last message, when the sender ended the stream without a line end."""
        out: list[Message] = []
        growing = self._growing
        if growing is not None:
            if growing.left < 0:
                out.append(growing.message())
                self._growing = None
        elif self._buffer and self._count(self._buffer, 0, is_over=True) is None:
            self._put(self._buffer, out)
            self._buffer = b""
        return out

    def _cut(self, buffer: bytes, out: list[Message]) -> int:
        """Cut off whole messages; returns how many bytes were used."""
        at, size = 0, len(buffer)
        has_nul = _NUL in buffer
        while at < size:
            counted = self._count(buffer, at)
            if counted is not None:
                begin, n = counted
                if begin < 0:
                    return at  # too little to tell
                if begin + n > size:
                    return self._begin_counted(buffer, at, begin, n)
                self._put(buffer[begin : begin + n], out)
                at = begin + n
                continue
            end = buffer.find(b"\n", at)
            if has_nul and (nul := buffer.find(b"\0", at, end if end >= 0 else size)) >= 0:
                end = nul
            if end < 0:
                return self._begin_line(buffer, at)
            if end > at:
                self._has_lines = True
                self._put(buffer[at:end], out)
            at = end + 1
        return at

    def _count(self, buffer: bytes, at: int, *, is_over: bool = False) -> tuple[int, int] | None:
        """Where a counted message begins, and its length; -1 when that needs more bytes.

        None when it is no count.
        """
        if buffer[at] not in _NONZERO_DIGITS:
            return None
        end = at + 1
        limit = min(len(buffer), at + MAX_COUNT_DIGITS + 1)
        while end < limit and buffer[end] in _DIGITS:
            end += 1
        if end - at > MAX_COUNT_DIGITS:
            return None
        undecided = None if is_over and self._has_lines else (-1, 0)
        if end == len(buffer):
            return undecided
        if buffer[end] != _SPACE:
            return None
        if self._has_lines:
            if end + 1 == len(buffer):
                return undecided
            if buffer[end + 1] != _LESS:
                return None
        return end + 1, int(buffer[at:end])

    def _begin_counted(self, buffer: bytes, at: int, begin: int, n: int) -> int:
        if n <= MAX_LINE_BYTES:
            return at  # wait for the rest; it is bounded
        growing = _Growing(buffer[begin : begin + MAX_LINE_BYTES], n - (len(buffer) - begin))
        if len(growing.kept) < MAX_LINE_BYTES:
            return at
        growing.add(buffer[begin:])
        self._growing = growing
        return len(buffer)

    def _begin_line(self, buffer: bytes, at: int) -> int:
        if len(buffer) - at <= MAX_LINE_BYTES:
            return at
        self._has_lines = True
        growing = _Growing(buffer[at : at + MAX_LINE_BYTES], -1)
        growing.add(buffer[at:])
        self._growing = growing
        return len(buffer)

    def _grow(self, growing: _Growing, data: bytes, out: list[Message]) -> int:
        """Pass over what belongs to a long message; returns how many bytes did."""
        if growing.left >= 0:
            n = skip = min(growing.left, len(data))
            growing.left -= n
            is_whole = growing.left == 0
        else:
            n = _first_end(data)
            is_whole = n >= 0
            n = n if is_whole else len(data)
            skip = n + is_whole
        growing.add(data[:n])
        if is_whole:
            out.append(growing.message())
            self._growing = None
        return skip

    def _put(self, text: bytes, out: list[Message]) -> None:
        if len(text) > MAX_LINE_BYTES:
            out.append(whole_message(text))
        elif text := text.rstrip(b"\r\n\0"):
            out.append(text)


class LineFramer(SyslogFramer):
    r"""Text lines over a stream, each ended by b"\n" or b"\0"; nothing else counts."""

    @override
    def _count(self, buffer: bytes, at: int, *, is_over: bool = False) -> tuple[int, int] | None:
        return None


def whole_message(data: bytes) -> Message:
    """A message that came in one piece, cut when it is too long."""
    if len(data) <= MAX_LINE_BYTES:
        return data
    digest = blake2b(data, digest_size=16).hexdigest()
    return LongMessage(data[:MAX_LINE_BYTES], len(data), digest)


def spool_line(sender: bytes, message: Message) -> bytes:
    r"""A message as one line of a spool, without its line end.

    What would end the line or hide what follows is made visible the way rsyslog does it
    (b"#012" for a line feed, b"#015" for a carriage return, b"#000" for a NUL), so that no
    message can pass for two.

    Args:
        sender: What the line begins with, its tab included.
        message: As the framer handed it out.
    """
    text = message if isinstance(message, bytes) else message.kept
    if b"\n" in text or b"\r" in text or b"\0" in text:
        text = text.replace(b"\n", b"#012").replace(b"\r", b"#015").replace(b"\0", b"#000")
    line = sender + text
    if isinstance(message, bytes):
        if len(line) <= MAX_TEXT_BYTES:
            return line
        length, digest = len(message), blake2b(message, digest_size=16).hexdigest()
    else:
        length, digest = message.length, message.digest
    return cut_line(line[:MAX_TEXT_BYTES], length + 1, digest)


def _first_end(data: bytes) -> int:
    lf = data.find(b"\n")
    nul = data.find(b"\0", 0, lf if lf >= 0 else len(data))
    return nul if nul >= 0 else lf
