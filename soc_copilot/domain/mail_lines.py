"""A message as one line of JSON, and back: what the reader of a drop folder writes."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from soc_copilot.domain import columns as c
from soc_copilot.domain.phishing import (
    Attachment,
    Content,
    ContentType,
    Link,
    ParsedEmail,
    defang,
)
from soc_copilot.domain.records import MAX_LINE_BYTES

# Chosen: characters of the text, how many links and attachments; the first that fit a line. The
# models read 6,000 characters of what is left of the first 24,000 once quoted text is taken out.
_LIMITS: Final = (
    (20_000, 100, 40), (20_000, 20, 20), (10_000, 20, 10), (10_000, 5, 3), (6_000, 5, 3),
    (6_000, 2, 1), (2_000, 2, 1), (500, 1, 0),
)  # fmt: skip
_LINK_CHARS: Final = (120, 600)  # chosen: of a link's text and target
_MAX_HOSTS: Final = 20  # chosen: distinct hosts that links lead to
# Told without the standard library's way, which says the same and takes ten times as long.
_USUAL_URL: Final = re.compile(r"https?://([A-Za-z0-9._-]+)(?::[0-9]*)?(?:[/?#]|\Z)")
_MAX_NOTES: Final = 8


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message or page as it was read.

    Attributes:
        kind: "email" or "page".
        mail: What is in it; of a page only text, links and counts.
        size_bytes: Of the whole message.
        sha256: Of the whole message; "" where only its beginning was read.
        number: Of the message in its mailbox, 1 the first; 0 for a file of its own.
        is_cut: Only its beginning was read, so that its last attachment is not whole.
    """

    kind: ContentType
    mail: ParsedEmail
    size_bytes: int
    sha256: str = ""
    number: int = 0
    is_cut: bool = False


def line_of(found: FoundMessage) -> bytes:
    """A message as one line, without its line end; at most `MAX_LINE_BYTES` with it."""
    line = b""
    for limits in _LIMITS:
        told = _told(found, *limits)
        line = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
        if len(line) < MAX_LINE_BYTES:
            break
    return line


def _told(found: FoundMessage, n_chars: int, n_links: int, n_files: int) -> dict[str, Any]:
    mail = found.mail
    files = _files(found)[:n_files]
    told: dict[str, Any] = {
        c.PHISH_KIND: found.kind,
        c.EMAIL_SUBJECT: mail.subject,
        c.EMAIL_FROM_NAME: mail.from_name,
        c.EMAIL_FROM: mail.from_address,
        c.EMAIL_REPLY_TO: mail.reply_to,
        "email.return_path": mail.return_path,
        c.EMAIL_DATE: mail.date.isoformat() if mail.date is not None else "",
        c.EMAIL_FILES: ", ".join(file.name or file.content_type for file in files),
        c.EMAIL_HASHES: " ".join(file.sha256 for file in files if file.sha256),
        c.EMAIL_DOMAINS: " ".join(hosts_of(link.target for link in mail.links)),
        c.FILE_SIZE: str(found.size_bytes),
        c.FILE_HASH: found.sha256,
        "number": found.number,
        "notes": [note[:300] for note in mail.notes[:_MAX_NOTES]],
        "attachments": [[f.name, f.content_type, f.size_bytes, f.sha256] for f in files],
        "text": mail.text[:n_chars],
        "links": [
            [link.text[: _LINK_CHARS[0]], link.target[: _LINK_CHARS[1]]]
            for link in mail.links[:n_links]
        ],
        "html": [int(mail.has_html), mail.n_forms, mail.n_images, mail.n_hidden],
    }
    return {name: value for name, value in told.items() if value not in ("", [], 0)}


def _files(found: FoundMessage) -> list[Attachment]:
    files = list(found.mail.attachments)
    if found.is_cut and files:  # what was read of it is not what anybody else hashes
        last = files[-1]
        files[-1] = Attachment(last.name, last.content_type, last.size_bytes, "")
    return files


def _host_of(target: str) -> str:
    return urlsplit(target if "//" in target else f"//{target}").hostname or ""


def hosts_of(targets: Iterable[str]) -> list[str]:
    """Hosts of links, each once, in order, at most `_MAX_HOSTS`."""
    hosts: dict[str, None] = {}
    for target in targets:
        usual = _USUAL_URL.match(target)
        try:
            host = usual[1].lower() if usual else _host_of(target)
        except ValueError:
            continue
        if "." in host and not any(map(str.isspace, host)):
            hosts.setdefault(host[:255])
        if len(hosts) >= _MAX_HOSTS:
            break
    return list(hosts)


def content_of_line(line: str) -> Content | None:
    """The message or page of a line, as models take it; None where it holds none.

    A page comes back as the text that a reader sees of it.
    """
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    kind, text = told.get(c.PHISH_KIND), _text(told, "text")
    if kind == "page":
        return Content("text", b"", text)
    if kind != "email":
        return None
    has_html, n_forms, n_images, n_hidden = _numbers(told.get("html"), 4)
    mail = ParsedEmail(
        subject=_text(told, c.EMAIL_SUBJECT),
        from_name=_text(told, c.EMAIL_FROM_NAME),
        from_address=_text(told, c.EMAIL_FROM),
        reply_to=_text(told, c.EMAIL_REPLY_TO),
        return_path=_text(told, "email.return_path"),
        text=text,
        links=tuple(Link(shown, target, defang(target)) for shown, target in _links(told)),
        attachments=tuple(_attachments(told)),
        has_html=bool(has_html),
        n_forms=n_forms,
        n_images=n_images,
        n_hidden=n_hidden,
    )
    return Content("email", b"", text, mail)


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name, "")
    return value if isinstance(value, str) else ""


def _numbers(value: object, n: int) -> list[int]:
    found = value if isinstance(value, list) else []
    found = [one if isinstance(one, int) else 0 for one in found[:n]]
    return found + [0] * (n - len(found))


def _links(told: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for pair in _rows(told.get("links"), 2):
        if isinstance(pair[0], str) and isinstance(pair[1], str):
            yield pair[0], pair[1]


def _attachments(told: Mapping[str, Any]) -> Iterable[Attachment]:
    for name, kind, size, sha256 in _rows(told.get("attachments"), 4):
        is_sound = isinstance(name, str) and isinstance(kind, str) and isinstance(sha256, str)
        if is_sound and isinstance(size, int):
            yield Attachment(name, kind, size, sha256)


def _rows(value: object, n: int) -> Iterable[Sequence[Any]]:
    rows = value if isinstance(value, list) else []
    return (row for row in rows if isinstance(row, list) and len(row) == n)
