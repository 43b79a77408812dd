"""Writes small Windows event log files, so that tests need nobody else's.

Records are plain binary XML without templates, which Windows itself does not write but every
reader understands. Source: Metz, Windows XML Event Log (EVTX) format, the libevtx documentation.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

CHUNK_BYTES = 65_536
_EPOCH_1601_S = 11_644_473_600
_FRAGMENT = b"\x0f\x01\x01\x00"
_OPEN, _OPEN_WITH_ATTRIBUTES, _CLOSE_START, _END = 0x01, 0x41, 0x02, 0x04
_VALUE, _ATTRIBUTE, _EOF, _STRING = 0x05, 0x06, 0x00, 0x01


def filetime(seconds: float) -> int:
    """Seconds since 1970 as Windows counts."""
    return int((seconds + _EPOCH_1601_S) * 10_000_000)


class _Xml:
    """Binary XML at a place in a chunk; names stand where they are used."""

    def __init__(self, at: int) -> None:
        self._at = at
        self._out = bytearray(_FRAGMENT)

    def done(self) -> bytes:
        return bytes(self._out) + bytes([_EOF])

    def element(
        self,
        name: str,
        content: str | Sequence[tuple] = "",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self._out.append(_OPEN_WITH_ATTRIBUTES if attributes else _OPEN)
        size_at = len(self._out)
        self._out += bytes(4)
        self._name(name)
        if attributes:
            list_at = len(self._out)
            self._out += bytes(4)
            for i, (key, value) in enumerate(attributes.items()):
                self._out.append(_ATTRIBUTE | (0x40 if i < len(attributes) - 1 else 0))
                self._name(key)
                self._text(value)
            struct.pack_into("<I", self._out, list_at, len(self._out) - list_at - 4)
        self._out.append(_CLOSE_START)
        if isinstance(content, str):
            if content:
                self._text(content)
        else:
            for child in content:
                self.element(*child)
        self._out.append(_END)
        struct.pack_into("<I", self._out, size_at, len(self._out) - size_at - 4)

    def _name(self, name: str) -> None:
        place = self._at + len(self._out) + 4
        self._out += struct.pack("<I", place)
        hashed = 0
        for letter in name:
            hashed = (hashed * 65_599 + ord(letter)) & 0xFFFFFFFF
        self._out += struct.pack("<IHH", 0, hashed & 0xFFFF, len(name))
        self._out += name.encode("utf-16-le") + b"\0\0"

    def _text(self, text: str) -> None:
        data = text.encode("utf-16-le")
        self._out += struct.pack("<BBH", _VALUE, _STRING, len(data) // 2) + data


def _record(at: int, number: int, when: int, code: int, data: Mapping[str, str]) -> bytes:
    xml = _Xml(at + 24)
    system = [
        ("Provider", "", {"Name": "Microsoft-Windows-Security-Auditing"}),
        ("EventID", str(code)),
        ("Level", "0"),
        ("TimeCreated", "", {"SystemTime": "2026-03-10T09:00:00.000000Z"}),
        ("EventRecordID", str(number)),
        ("Channel", "Security"),
        ("Computer", "desk7.example.test"),
    ]
    event_data = [("Data", value, {"Name": name}) for name, value in data.items()]
    xml.element("Event", [("System", system), ("EventData", event_data)])
    body = xml.done()
    body += bytes(-(28 + len(body)) % 8)
    size = 28 + len(body)
    return struct.pack("<IIQQ", 0x2A2A, size, number, when) + body + struct.pack("<I", size)


def chunk(first: int, events: Sequence[tuple[int, Mapping[str, str]]], start_s: float) -> bytes:
    """A chunk of events (number, data) with record numbers from `first` on."""
    out = bytearray(512)
    last_at = 512
    for i, (code, data) in enumerate(events):
        last_at = len(out)
        out += _record(last_at, first + i, filetime(start_s + first + i), code, data)
    if len(out) > CHUNK_BYTES:
        raise ValueError(f"{len(events)} events do not fit a chunk.")
    end = len(out)
    last = first + len(events) - 1
    head = struct.pack("<8sQQQQIII", b"ElfChnk\0", first, last, first, last, 128, last_at, end)
    head += struct.pack("<I", zlib.crc32(bytes(out[512:end])))
    out[: len(head)] = head
    struct.pack_into("<I", out, 124, zlib.crc32(bytes(out[:120]) + bytes(out[128:512])))
    return bytes(out) + bytes(CHUNK_BYTES - len(out))


def header(n_chunks: int, next_number: int) -> bytes:
    """The first 4,096 bytes of a log."""
    head = struct.pack(
        "<8sQQQIHHHH", b"ElfFile\0", 0, max(n_chunks - 1, 0), next_number, 128, 1, 3, 4096, n_chunks
    )
    head += bytes(120 - len(head))
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0")


def log(n: int, *, first: int = 1, per_chunk: int = 20, start_s: float = 1_773_133_200.0) -> bytes:
    """A log of `n` failed logons; the user's name ends in the record's number."""
    chunks = []
    for begin in range(first, first + n, per_chunk):
        numbers = range(begin, min(begin + per_chunk, first + n))
        events = [
            (4625, {"TargetUserName": f"user{i}", "LogonType": "3", "IpAddress": "192.0.2.1"})
            for i in numbers
        ]
        chunks.append(chunk(begin, events, start_s))
    return header(len(chunks), first + n) + b"".join(chunks)


def write(path: Path, n: int, **how: float) -> None:
    """Write `log(n)` to a file."""
    path.write_bytes(log(n, **how))
