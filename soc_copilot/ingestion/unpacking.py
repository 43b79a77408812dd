"""Packed bytes to plain ones, forward and in pieces: gzip, xz, bzip2 and zstd, within limits."""

import bz2
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.files import read_at

if sys.version_info >= (3, 14):  # pragma: no cover - the older Pythons are those tested
    from compression import zstd
else:
    from backports import zstd

MAX_UNPACKED_BYTES = 4 * 1024**3  # chosen: more than a day of a busy server's log
MAX_RATIO = 1_000  # chosen: logs pack 5 to 50 times; deflate's own limit is 1,032
_RATIO_SLACK_BYTES = 1024 * 1024  # a tiny file of one repeated line is no bomb
_PIECE_BYTES = 256 * 1024
_FEED_BYTES = 32 * 1024  # small, since the ratio is judged by what was fed
_MEMORY_BYTES = 128 * 1024 * 1024  # chosen: what xz and zstd may ask for; xz -9 takes 65 MiB
_ZSTD_WINDOW_LOG = 27  # the same 128 MiB, as zstd counts
_GZIP_WRAPPER = 31  # zlib: the largest window, with gzip header and checksum
_HEADER_BYTES = 10

UNDECIDED: Final = "undecided"
"""What `packing_of` says while a file is too short to tell."""

_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")


class DamagedError(SourceError):
    """Packed data that cannot be what a packer wrote."""


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """Where unpacking stops, against files made to fill the memory or the disk."""

    max_bytes: int = MAX_UNPACKED_BYTES
    max_ratio: int = MAX_RATIO


def packing_of(fd: int) -> str:
    """What an open file is packed in by its first bytes: "" for nothing, or `UNDECIDED`."""
    return packing_of_head(read_at(fd, 0, _HEADER_BYTES))


def packing_of_head(head: bytes) -> str:
    """What begins like this; `UNDECIDED` where more bytes could make it packed."""
    is_short = False
    for name, pattern in _PATTERNS:
        if all(allowed(byte) for allowed, byte in zip(pattern, head, strict=False)):
            if len(head) >= len(pattern):
                return name
            is_short = bool(head)
    return UNDECIDED if is_short else ""


def _is(*values: int) -> Callable[[int], bool]:
    return lambda byte: byte in values


def _exactly(data: bytes) -> tuple[Callable[[int], bool], ...]:
    return tuple(_is(byte) for byte in data)


_ANY = (_is(*range(256)),)
# Whole headers, so that no text is taken for a packed file: gzip by deflate and no reserved
# flag, bzip2 by its first block.
_PATTERNS: Final = (
    ("gzip", (*_exactly(b"\x1f\x8b\x08"), _is(*range(0x20)), *_ANY * 6)),
    ("xz", _exactly(b"\xfd7zXZ\x00")),
    *(
        ("bzip2", (*_exactly(b"BZh"), _is(*b"123456789"), *_exactly(block)))
        for block in _BZIP2_BLOCKS
    ),
    ("zstd", _exactly(b"\x28\xb5\x2f\xfd")),
    ("zstd", (_is(*range(0x50, 0x60)), *_exactly(b"\x2a\x4d\x18"))),  # a skippable frame first
)


class _Decoder(Protocol):
    """One member, stream or frame. It keeps what it was fed until it is asked for more."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decoder with the manners of the others."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(_GZIP_WRAPPER)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail and not self._decoder.eof

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


def _zstd() -> _Decoder:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    )


_DECODERS: Final[dict[str, Callable[[], _Decoder]]] = {
    "gzip": _Gzip,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_BYTES),
    "bzip2": bz2.BZ2Decompressor,
    "zstd": _zstd,
}
# bz2 raises plain OSError and ValueError for damaged data; it reads no file here.
_ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, ValueError, EOFError)


class Unpacker:
    """Unpacks an open file forward, several members and later growth included.

    Args:
        packing: "gzip", "xz", "bzip2" or "zstd".
        limits: Where it stops.
    """

    def __init__(self, packing: str, limits: UnpackLimits | None = None) -> None:
        self._packing = packing
        self._limits = limits or UnpackLimits()
        self._decoder = _DECODERS[packing]()
        self._rest = b""  # read and not fed
        self._fed = 0  # bytes fed to the present member
        self.packed_at = 0
        self.unpacked_bytes = 0

    @property
    def is_at_member_end(self) -> bool:
        """True when everything taken in so far is whole members."""
        return (self._decoder.eof or not self._fed) and not self._rest.strip(b"\0")

    def pieces(self, fd: int) -> Iterator[bytes]:
        """Unpacked bytes from where the last call stopped, until the file has no more.

        Raises:
            DamagedError: It is damaged, or needs more memory than is given.
            SourceError: It unpacks beyond the limits.
        """
        while True:
            if self._decoder.eof and not self._begin_member(fd):
                return
            data = b""
            if self._decoder.needs_input:
                data = self._take(fd)
                if not data:
                    return
            try:
                piece = self._decoder.decompress(data, _PIECE_BYTES)
            except _ERRORS as error:
                raise DamagedError(
                    f"It is damaged after {self.unpacked_bytes:,} unpacked bytes ({error})."
                ) from error
            if self._decoder.eof:
                self._rest = self._decoder.unused_data + self._rest
            self.unpacked_bytes += len(piece)
            self._check_limits()
            if piece:
                yield piece

    def _take(self, fd: int) -> bytes:
        data = self._rest or self._read(fd)
        self._rest = b""
        self._fed += len(data)
        return data

    def _read(self, fd: int) -> bytes:
        data = read_at(fd, self.packed_at, _FEED_BYTES)
        self.packed_at += len(data)
        return data

    def _begin_member(self, fd: int) -> bool:
        """Go on after a whole member; False while nothing, or too little, follows."""
        while True:
            self._rest = self._rest.lstrip(b"\0")  # padding between members is allowed
            found = packing_of_head(self._rest[:_HEADER_BYTES])
            if found == self._packing:
                self._decoder, self._fed = _DECODERS[self._packing](), 0
                return True
            if self._rest and found != UNDECIDED:
                raise DamagedError(
                    f"What follows its first {self.unpacked_bytes:,} unpacked bytes is not packed."
                )
            more = self._read(fd)
            if not more:
                return False
            self._rest += more

    def _check_limits(self) -> None:
        if self.unpacked_bytes > self._limits.max_bytes:
            raise SourceError(
                f"It unpacks to more than {self._limits.max_bytes:,} bytes. "
                "Unpack it yourself and add the result."
            )
        if self.unpacked_bytes > self.packed_at * self._limits.max_ratio + _RATIO_SLACK_BYTES:
            raise SourceError(
                f"It unpacks to more than {self._limits.max_ratio:,} times its size, which no "
                "log does. Remove it, or unpack it yourself and add the result."
            )
