"""The process that reads messages out of files, so that a poisoned one harms nothing else.

It is asked by lines of JSON on its standard input and answers by lines; `ingestion.drop` says what
they hold. Files are opened for reading and nothing else; what they name is never opened.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from soc_copilot.detection.phishing.html import read_html
from soc_copilot.detection.phishing.mail import MAX_MESSAGE_BYTES, is_message, parse_email
from soc_copilot.detection.phishing.outlook import is_compound, message_of
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.mail_lines import FoundMessage, line_of
from soc_copilot.domain.phishing import Link, ParsedEmail, defang
from soc_copilot.ingestion.asking import READY
from soc_copilot.ingestion.child import Limits, restrict_self
from soc_copilot.ingestion.drop_folder import stamp_of
from soc_copilot.ingestion.files import HEAD_BYTES, MARKER_BYTES, digest, open_log, read_at

MAX_PAGE_BYTES: Final = 2 * 1024 * 1024  # chosen: of a saved page
_CPU_S: Final = 3_600  # chosen: the process is let go after some thousand files
_BLOCK_BYTES: Final = 1024 * 1024
_PROGRESS_BYTES: Final = 64 * 1024 * 1024  # chosen: how often a long search says that it goes on
_WHY_CHARACTERS: Final = 200
_START_BYTES: Final = 4_096  # of a file, by which it is told what it is
_MAILBOXES: Final = frozenset({".mbox", ".mbx"})
_MESSAGES: Final = frozenset({".eml", ".mail", ".emlx"})
_PAGES: Final = frozenset({".html", ".htm", ".xhtml"})
_FROM: Final = b"From "
_STRANGE: Final = "it is neither a message nor a mailbox nor a saved page"


class _ChangedError(Exception):
    """Somebody writes to the file."""


def main(arguments: list[str]) -> int:
    """Answer questions until there are no more.

    Args:
        arguments: Address space in bytes.
    """
    restrict_self(Limits(int(arguments[0]), _CPU_S))
    out = sys.stdout.buffer
    try:
        out.write(READY + b"\n")
        out.flush()
        for line in sys.stdin.buffer:
            answer(json.loads(line), out)
    except BrokenPipeError:
        return 1  # nobody listens any more
    return 0


def answer(question: dict[str, Any], out: BinaryIO) -> None:
    """Answer one question."""
    _Reading(question, out).answer()
    out.flush()


class _Reading:
    """One question, and the file that it is about."""

    def __init__(self, question: dict[str, Any], out: BinaryIO) -> None:
        self._out = out
        self._number = int(question["n"])
        self._path = Path(question["path"])
        self._stamp = tuple(question["stamp"])
        self._is_message = bool(question["is_message"])
        self._is_same_file = bool(question["is_same_file"])
        known = question["known"]
        self._end, self._n_head, self._n_marker = int(known[0]), int(known[1]), int(known[3])
        self._head, self._marker = str(known[2]), str(known[4])
        self._fd = -1
        self._size = 0

    def answer(self) -> None:
        """Read the file, and say how that went."""
        state, end, why = "read", 0, ""
        try:
            self._fd = open_log(self._path, follow=False)
        except FileNotFoundError:
            state = "gone"
        except PermissionError:
            state = "denied"
        except (OSError, SourceError) as error:
            state, why = "failed", _words(error)
        else:
            try:
                state, end, why = self._read()
            except _ChangedError:
                state = "changed"
            except OSError as error:
                state, why = "failed", _words(error)
            finally:
                marker = self._marker_at(end) if state in {"read", "same", "refused"} else ""
                os.close(self._fd)
            self._say("E", state, end, marker, why)
            return
        self._say("E", state, end, "", why)

    def _read(self) -> tuple[str, int, str]:
        self._check()
        self._size = os.fstat(self._fd).st_size
        kind = self._kind()
        begin, how = self._where(kind)
        if begin == self._size and not how:
            return "same", begin, ""
        head = read_at(self._fd, 0, min(HEAD_BYTES, self._size))
        self._say("H", how, len(head), digest(head))
        if kind == "mailbox":
            return "read", self._read_mailbox(begin), ""
        if kind in {"email", "outlook", "page"}:
            try:
                self._read_one(kind)
            except SourceError as error:
                return "refused", self._size, str(error)
            return "read", self._size, ""
        return "refused", self._size, kind

    def _check(self) -> None:
        """That the file is as it was when the question was asked.

        Raises:
            _ChangedError: It is not.
        """
        if stamp_of(os.fstat(self._fd)) != self._stamp:
            raise _ChangedError

    def _kind(self) -> str:
        """What the file holds: "email", "outlook", "mailbox", "page", or why it is not read."""
        start = read_at(self._fd, 0, _START_BYTES)
        suffix = self._path.suffix.lower()
        if is_compound(start):
            return "outlook"
        if start.startswith(_FROM) or (suffix in _MAILBOXES and start.lstrip().startswith(_FROM)):
            return "mailbox"
        if self._is_message or suffix in _MESSAGES or is_message(start):
            return "email"
        is_page = (
            start.lstrip().lower().startswith((b"<!doctype html", b"<html", b"<head", b"<body"))
        )
        return "page" if is_page or suffix in _PAGES else _STRANGE

    def _where(self, kind: str) -> tuple[int, str]:
        """From which byte to read, and how that differs from going on."""
        if not self._end:
            return 0, ""
        has_head = digest(read_at(self._fd, 0, self._n_head)) == self._head
        is_known = (
            has_head and self._end <= self._size and self._marker_at(self._end) == self._marker
        )
        if is_known and (kind == "mailbox" or self._end == self._size):
            return self._end, ""
        is_changed = self._is_same_file and (has_head or kind == "mailbox")
        return 0, "anew" if is_changed else "other"

    def _marker_at(self, end: int) -> str:
        n_bytes = min(end, MARKER_BYTES)
        return digest(read_at(self._fd, end - n_bytes, n_bytes))

    def _read_one(self, kind: str) -> None:
        limit, take_apart = _KINDS[kind]
        raw = read_at(self._fd, 0, min(self._size, limit))
        found = take_apart(raw, self._size)
        self._check()
        self._tell(found, self._size)

    def _read_mailbox(self, begin: int) -> int:
        """Messages from a byte on; returns the byte after the last one."""
        start = begin
        for number, end in enumerate(self._ends(begin), 1):
            raw = read_at(self._fd, start, min(end - start, MAX_MESSAGE_BYTES))
            if end == self._size:
                self._check()  # the last one may be half written
            if not raw.strip():  # the empty line before a message that was added
                start = end
                continue
            found = replace(_message(raw, end - start), number=0 if begin else number)
            self._tell(found, end)
            start = end
        return start

    def _ends(self, begin: int) -> Iterator[int]:
        """Bytes after each message: where the next "From " begins a line, and the file's end."""
        at, carried, told = begin, b"", begin
        while at < self._size:
            block = read_at(self._fd, at, min(_BLOCK_BYTES, self._size - at))
            if not block:
                raise _ChangedError
            data, base = carried + block, at - len(carried)
            place = data.find(b"\n" + _FROM)
            while place >= 0:
                yield base + place + 1
                place = data.find(b"\n" + _FROM, place + 1)
            at += len(block)
            carried = data[-len(_FROM) :]  # the mark may lie across two blocks
            if at - told >= _PROGRESS_BYTES:
                told = at
                self._say("P")
        if self._size > begin:
            yield self._size

    def _tell(self, found: FoundMessage, end: int) -> None:
        line = line_of(found)
        fields = f"R\t{self._number}\t{end}\t{self._marker_at(end)}\t".encode("ascii")
        self._out.write(fields + line + b"\n")
        self._out.flush()

    def _say(self, kind: str, *fields: object) -> None:
        line = "\t".join(map(str, (kind, self._number, *fields)))
        self._out.write(line.encode("utf-8", "backslashreplace") + b"\n")
        self._out.flush()


def _message(raw: bytes, size: int) -> FoundMessage:
    """A message, of which at most the first bytes are there."""
    mail = parse_email(raw)
    if len(raw) == size:
        return FoundMessage("email", mail, size, hashlib.sha256(raw).hexdigest())
    note = f"Only the first {len(raw):,} of {size:,} bytes were read."
    return FoundMessage("email", replace(mail, notes=(note, *mail.notes)), size, is_cut=True)


def _outlook(raw: bytes, size: int) -> FoundMessage:
    """An Outlook file; it is read whole or not at all.

    Raises:
        SourceError: It is too large, damaged, or no message.
    """
    mail = parse_email(message_of(raw))
    return FoundMessage("email", mail, size, hashlib.sha256(raw).hexdigest())


def _page(raw: bytes, size: int) -> FoundMessage:
    page = read_html(raw.decode("utf-8", "replace"))
    mail = ParsedEmail(
        text=page.text,
        links=tuple(Link(text, target, defang(target)) for text, target in page.links[:100]),
        has_html=True,
        n_forms=page.n_forms,
        n_images=page.n_images,
        n_hidden=page.n_hidden,
    )
    sha256 = hashlib.sha256(raw).hexdigest() if len(raw) == size else ""
    return FoundMessage("page", mail, size, sha256, is_cut=len(raw) < size)


# How much of each kind is read at most, and how it is taken apart.
_KINDS: Final[dict[str, tuple[int, Callable[[bytes, int], FoundMessage]]]] = {
    "email": (MAX_MESSAGE_BYTES, _message),
    "outlook": (MAX_MESSAGE_BYTES + 1, _outlook),  # one more tells that it is too large
    "page": (MAX_PAGE_BYTES, _page),
}


def _words(error: Exception) -> str:
    words = getattr(error, "strerror", None) or str(error)
    return " ".join(str(words).split())[:_WHY_CHARACTERS]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
