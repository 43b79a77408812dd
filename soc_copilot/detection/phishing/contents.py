"""From what an analyst hands over to a content: which kind it is, and its parts."""

import mailbox
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.html import read_html
from soc_copilot.detection.phishing.mail import MAX_MESSAGE_BYTES, is_message, parse_email
from soc_copilot.detection.phishing.outlook import is_compound, message_of
from soc_copilot.detection.phishing.urls import MAX_URL_CHARS, parse_url
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.phishing import Content, ContentType, ParsedUrl

MAX_TEXT_CHARS: Final = 20_000  # chosen: of a short text
MAX_FILES: Final = 1_000_000  # chosen: messages of a mbox or maildir
_URL: Final = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,15}://\S+|(?:[\w-]+\.)+[\w-]{2,}(?:[:/?#]\S*)?)", re.IGNORECASE
)
_PAGE: Final = re.compile(rb"(?i)\A\s*(?:<!doctype html|<html|<head|<body)")


def guess_kind(raw: bytes) -> ContentType:
    """Which kind of content bytes are."""
    if _PAGE.match(raw[:2_000]):
        return "page"
    if raw.startswith(b"From ") or is_message(raw) or is_compound(raw):
        return "email"
    text = raw[: 2 * MAX_URL_CHARS].decode("utf-8", "replace").strip()
    return "url" if _URL.fullmatch(text) else "text"


def content_of(raw: bytes | str, kind: ContentType | None = None) -> Content:
    """A content, taken apart.

    Args:
        raw: As received.
        kind: None to have it guessed.

    Raises:
        SourceError: It is Outlook's own file, and damaged, too large or to be read as another kind.
    """
    data = raw.encode("utf-8", "replace") if isinstance(raw, str) else raw
    kind = kind or guess_kind(data)
    if is_compound(data) and kind != "email":
        raise SourceError("This Outlook .msg can be checked as an e-mail alone. Choose that.")
    if kind == "email":
        parsed = parse_email(message_of(data) if is_compound(data) else data)
        return Content(kind, data[:MAX_MESSAGE_BYTES], parsed.text, parsed)
    if kind == "url":
        text = data[: 4 * MAX_URL_CHARS].decode("utf-8", "replace").strip()
        return Content(kind, data, text, parse_url(text))
    text = data[: 4 * MAX_TEXT_CHARS].decode("utf-8", "replace")
    return Content(kind, data, text[:MAX_TEXT_CHARS] if kind == "text" else text)


def page_text(content: Content) -> str:
    """What a reader sees of a saved page."""
    return read_html(content.text).text


def url_of(content: Content) -> ParsedUrl | None:
    """The content as a URL taken apart, None where it is none."""
    return content.parsed if isinstance(content.parsed, ParsedUrl) else None


def messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the messages of a file, an mbox, a maildir or a folder.

    Raises:
        SourceError: It cannot be read.
    """
    try:
        if path.is_dir():
            yield from _folder(path)
            return
        with path.open("rb") as file:
            start = file.read(5)
        if start == b"From " or path.suffix.lower() in {".mbox", ".mbx"}:
            yield from _mbox(path)
            return
        with path.open("rb") as file:
            yield path.name, file.read(MAX_MESSAGE_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f'Cannot read "{path}": {error.strerror or error}. Check that it is there.'
        ) from error


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    if (path / "cur").is_dir() and (path / "new").is_dir():
        files = [f for part in ("new", "cur") for f in sorted((path / part).iterdir())]
    else:
        files = sorted(path.iterdir())
    for file in files[:MAX_FILES]:
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as opened:
                yield file.name, opened.read(MAX_MESSAGE_BYTES + 1)


def _mbox(path: Path) -> Iterator[tuple[str, bytes]]:
    box = mailbox.mbox(path, create=False)
    try:
        for number, key in enumerate(box.iterkeys()):
            if number >= MAX_FILES:
                return
            with box.get_file(key) as file:
                yield f"{path.name}#{number + 1}", file.read(MAX_MESSAGE_BYTES + 1)
    finally:
        box.close()
