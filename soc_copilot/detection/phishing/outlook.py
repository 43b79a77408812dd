"""Outlook's own files (.msg) as messages that mail programs exchange.

A .msg is a compound file: small files within one, each a property of the message. The container
is read by olefile; the numbers of properties are those of Microsoft's MS-OXPROPS, their layout
that of MS-OXMSG. Nothing is opened or run: attachments are carried over as bytes.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime
from io import BytesIO
from typing import Any, Final

import olefile

from soc_copilot.detection.phishing.mail import MAX_HEADER_CHARS, MAX_MESSAGE_BYTES
from soc_copilot.detection.phishing.rtf import RtfError, code_page, html_in, inflate, text_in
from soc_copilot.domain.errors import SourceError

MAX_FILES: Final = 100  # chosen: attachments carried over, as parts of a message are read
MAX_DEPTH: Final = 4  # chosen: messages within messages
_NO_MESSAGE: Final = (
    "No Outlook message (.msg) is in this compound file; old Office documents are such files, too."
)
_MAGIC: Final = olefile.MAGIC
_HEADER_BYTES: Final = 256 << 10  # chosen: of the headers that came with it
_SECTORS: Final = {b"\x09\x00": 512, b"\x0c\x00": 4_096}  # bytes of a sector, as the header says it
_MINI_SHIFT, _CUTOFF = b"\x06\x00", 4_096  # the only ones of MS-CFB
_BODY_BYTES: Final = 4 << 20  # chosen: of a text in one form
_LINE_BYTES: Final = 57  # of Base64: 76 characters a line, RFC 2045
_PROPERTIES: Final = "__properties_version1.0"
_TOP_BYTES, _WITHIN_BYTES, _FILE_BYTES = 32, 24, 8  # headers of that stream: MS-OXMSG 2.4.1
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)  # of Windows' times
# Of what a message says of itself, as it came; who relayed it is never looked at.
_KEPT: Final = ("From", "Reply-To", "Return-Path", "Subject", "Date")

_SUBJECT, _BODY, _RTF, _HTML, _HEADERS = "0037", "1000", "1009", "1013", "007D"
_SENDER_NAME, _SENT_FOR_NAME = "0C1A", "0042"
_ADDRESSES: Final = ("5D01", "5D02", "0C1F", "0065")  # sender's and on whose behalf, SMTP first
_SUBMITTED, _DELIVERED = "0039", "0E06"
_CODE_PAGES: Final = ("3FFD", "3FDE")
_LONG_NAME, _SHORT_NAME, _MIME, _DATA = "3707", "3704", "370E", "3701"


def is_compound(raw: bytes) -> bool:
    """True for the beginning of a compound file: a .msg, or an old Office document."""
    return raw.startswith(_MAGIC)


def message_of(raw: bytes) -> bytes:
    """A .msg as RFC 5322 and MIME have it: headers, texts, attachments.

    Args:
        raw: The whole file.

    Raises:
        SourceError: It is cut off, damaged, too large, or another kind of compound file.
    """
    if len(raw) > MAX_MESSAGE_BYTES:
        raise _refused(f"it has more than {MAX_MESSAGE_BYTES >> 20} MiB")
    _check_header(raw)
    try:
        with olefile.OleFileIO(BytesIO(raw)) as opened:
            if not opened.exists(_PROPERTIES):
                raise SourceError(_NO_MESSAGE)
            return _Message(_Opened(opened, len(raw)), (), 0).told()
    except SourceError:
        raise
    except Exception as error:  # olefile lets through whatever a damaged file makes it meet
        raise _refused(f"it is cut off or damaged: {type(error).__name__}") from error


def _refused(why: str) -> SourceError:
    return SourceError(f"This Outlook .msg cannot be read: {why}; save the message as .eml.")


def _check_header(raw: bytes) -> None:
    """That the tables are no larger than the file, which olefile takes as they say: MS-CFB 2.2.

    Raises:
        SourceError: They are, or sizes are none that a writer may choose.
    """
    numbers = [int.from_bytes(raw[at : at + 4], "little") for at in range(40, 76, 4)]
    n_directory, n_fat, cutoff, n_mini, n_more = (numbers[at] for at in (0, 1, 4, 6, 8))
    shift, mini_shift = raw[30:32], raw[32:34]
    sector = _SECTORS.get(shift, 0)
    most = len(raw) // sector if sector else 0
    if mini_shift != _MINI_SHIFT or cutoff != _CUTOFF:
        most = 0
    if max(n_directory, n_fat, n_mini, n_more) > most:
        raise _refused("it is cut off or damaged: its tables are larger than the file")


class _Opened:
    """The container, read once: what it hands out together is no longer than the file."""

    def __init__(self, opened: Any, n_bytes: int) -> None:
        self._opened = opened
        self._n_left = n_bytes
        self._within: dict[tuple[str, ...], list[str]] = {}
        for path in opened.listdir(streams=True, storages=True):
            self._within.setdefault(tuple(path[:-1]), []).append(path[-1])

    def names(self, place: tuple[str, ...]) -> list[str]:
        """What is in a folder."""
        return self._within.get(place, [])

    def is_folder(self, place: tuple[str, ...]) -> bool:
        """True for a folder within the file."""
        return bool(self._opened.get_type(list(place)) == olefile.STGTY_STORAGE)

    def read(self, place: tuple[str, ...]) -> bytes:
        """A stream's bytes; nothing for what is no stream.

        Raises:
            ValueError: All that was read together is longer than the file.
        """
        if self._opened.get_type(list(place)) != olefile.STGTY_STREAM:
            return b""
        self._n_left -= self._opened.get_size(list(place))
        if self._n_left < 0:
            raise ValueError("it holds more than it is long")
        found: bytes = self._opened.openstream(list(place)).read()
        return found


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a message: its MIME headers and its bytes."""

    headers: tuple[str, ...]
    body: bytes

    def told(self) -> bytes:
        return "\r\n".join(self.headers).encode("ascii", "replace") + b"\r\n\r\n" + self.body


class _Storage:
    """A folder within the file, its properties by number."""

    def __init__(self, opened: _Opened, place: tuple[str, ...], n_header: int) -> None:
        self._opened = opened
        self._place = place
        # Names are compared without regard to capitals, as the container does.
        self._names = {name.lower(): name for name in opened.names(place)}
        self._fixed = self._read_fixed(n_header)
        self._encoding = self._code_page()

    def data(self, number: str, kind: str = "0102") -> bytes:
        """A property's bytes; nothing where it is not there."""
        name = self._names.get(f"__substg1.0_{number}{kind}".lower())
        return self._opened.read((*self._place, name)) if name is not None else b""

    def text(self, number: str) -> str:
        """A text, in either of its two forms; "" where it is not there."""
        if wide := self.data(number, "001F"):
            return wide[:_BODY_BYTES].decode("utf-16-le", "replace").rstrip("\0")
        return self.plain(self.data(number, "001E"))

    def plain(self, raw: bytes) -> str:
        """Bytes in the message's code page as a text."""
        return raw[:_BODY_BYTES].decode(self._encoding, "replace").rstrip("\0")

    def number(self, number: str) -> int:
        """A number or time; 0 where it is not there."""
        return self._fixed.get(number, 0)

    def below(self, start: str) -> list[tuple[str, ...]]:
        """Places of folders whose names begin so, in order."""
        found = sorted(own for name, own in self._names.items() if name.startswith(start))
        places = [(*self._place, name) for name in found]
        return [place for place in places if self._opened.is_folder(place)]

    def _read_fixed(self, n_header: int) -> dict[str, int]:
        """Numbers and times: entries of 16 bytes, number and kind, flags, value."""
        name = self._names.get(_PROPERTIES)
        raw = self._opened.read((*self._place, name)) if name is not None else b""
        entries = (raw[at : at + 16] for at in range(n_header, len(raw) - 15, 16))
        return {
            f"{int.from_bytes(entry[2:4], 'little'):04X}": int.from_bytes(entry[8:16], "little")
            for entry in entries
        }

    def _code_page(self) -> str:
        for number in _CODE_PAGES:
            if (page := self.number(number) & 0xFFFFFFFF) and (name := code_page(page)):
                return name
        return "cp1252"


class _Message:
    """One message, the file's own or one within."""

    def __init__(self, opened: _Opened, place: tuple[str, ...], depth: int) -> None:
        self._opened = opened
        self._depth = depth
        self._of = _Storage(opened, place, _WITHIN_BYTES if place else _TOP_BYTES)

    def told(self) -> bytes:
        """The message as bytes."""
        texts = self._texts()
        parts = [*self._files()]
        body = texts[0] if len(texts) == 1 else _together("alternative", texts)
        whole = _together("mixed", [body, *parts]) if parts else body
        headers = (*self._headers(), "MIME-Version: 1.0", *whole.headers)
        return _Part(headers, whole.body).told()

    def _headers(self) -> list[str]:
        came = _headers_in(self._of.text(_HEADERS)[:_HEADER_BYTES])
        own = {"Subject": self._of.text(_SUBJECT), "From": self._sender(), "Date": self._date()}
        found = []
        for name in _KEPT:
            # Outlook's own subject is what the reader saw; all else is better as it came.
            said = own.get(name, "") if name == "Subject" else came.get(name.lower(), "")
            said = said or came.get(name.lower(), "") or own.get(name, "")
            if said:
                told = " ".join(said[:MAX_HEADER_CHARS].split())
                found.append(f"{name}: {told if told.isascii() else _encoded(told)}")
        return found

    def _sender(self) -> str:
        name = (self._of.text(_SENDER_NAME) or self._of.text(_SENT_FOR_NAME))[:MAX_HEADER_CHARS]
        name = " ".join(name.replace('"', "'").replace("\\", " ").split())
        addresses = (self._of.text(number).strip() for number in _ADDRESSES)
        address = next((one for one in addresses if "@" in one), "")[:MAX_HEADER_CHARS]
        shown = _encoded(name) if not name.isascii() else f'"{name}"'
        if not name or name == address:
            return f"<{address}>" if address else ""
        return f"{shown} <{address}>" if address else shown

    def _date(self) -> str:
        ticks = self._of.number(_SUBMITTED) or self._of.number(_DELIVERED)
        try:
            return format_datetime(_EPOCH + timedelta(microseconds=ticks // 10)) if ticks else ""
        except OverflowError:
            return ""

    def _texts(self) -> list[_Part]:
        """The body in each form that is there; one part at least."""
        plain, html = self._of.text(_BODY), self._of.text(_HTML)
        html = html or self._of.plain(self._of.data(_HTML))
        if not html and (packed := self._of.data(_RTF)):
            try:
                rich = inflate(packed)
            except RtfError:
                rich = b""
            html = html_in(rich)
            plain = plain or ("" if html else text_in(rich))
        parts = [_text("plain", plain)] if plain or not html else []
        return [*parts, _text("html", html)] if html else parts

    def _files(self) -> list[_Part]:
        found = []
        for place in self._of.below("__attach_version1.0_")[:MAX_FILES]:
            file = _Storage(self._opened, place, _FILE_BYTES)
            name = file.text(_LONG_NAME) or file.text(_SHORT_NAME)
            inner = file.below(f"__substg1.0_{_DATA}000d")
            if inner and self._depth < MAX_DEPTH:
                message = _Message(self._opened, inner[0], self._depth + 1).told()
                found.append(_Part(("Content-Type: message/rfc822",), message))
            else:
                found.append(_file(name, file.text(_MIME), file.data(_DATA)))
        return found


def _headers_in(text: str) -> dict[str, str]:
    """Headers by name in lower case, the first of each; continued lines are one."""
    found: dict[str, str] = {}
    for line in re.sub(r"\r?\n[ \t]+", " ", text).splitlines():
        name, colon, said = line.partition(":")
        if colon:
            found.setdefault(name.strip().lower(), " ".join(said.split()))
    return found


def _encoded(text: str) -> str:
    """A header's text in ASCII, on one line."""
    return Header(text, "utf-8", maxlinelen=998).encode(linesep="\r\n")


def _text(kind: str, text: str) -> _Part:
    headers = (f'Content-Type: text/{kind}; charset="utf-8"', "Content-Transfer-Encoding: base64")
    return _Part(headers, _lines(text.encode("utf-8", "replace")))


def _file(name: str, said: str, data: bytes) -> _Part:
    kind = said.lower() if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", said, re.ASCII) else ""
    told = re.sub(r'[\x00-\x1f"\\]', "_", name[:MAX_HEADER_CHARS])
    told = told if told.isascii() else _encoded(told)
    return _Part(
        (
            f"Content-Type: {kind or 'application/octet-stream'}",
            "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{told}"',
        ),
        _lines(data),
    )


def _lines(data: bytes) -> bytes:
    pieces = (data[at : at + _LINE_BYTES] for at in range(0, len(data), _LINE_BYTES))
    return b"\r\n".join(map(base64.b64encode, pieces))


def _together(kind: str, parts: Sequence[_Part]) -> _Part:
    """Parts as one; the boundary is made of what they hold, so that the same file reads alike."""
    told = [part.told() for part in parts]
    mark = "=_" + hashlib.sha256(b"\0".join(told)).hexdigest()[:40]
    edge = f"--{mark}\r\n".encode()
    body = b"".join(edge + one + b"\r\n" for one in told) + f"--{mark}--\r\n".encode()
    return _Part((f'Content-Type: multipart/{kind}; boundary="{mark}"',), body)
