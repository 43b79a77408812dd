"""E-mail messages taken apart, with limits: hostile ones are the rule here.

The standard library's parser is used with its lenient policy; what it cannot read is noted
and passed over. Relay headers (Received, authentication results and the like) are never
looked at: they tell where a corpus was collected.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.html import Page, read_html, tidy
from soc_copilot.domain.phishing import Attachment, Link, ParsedEmail, defang

MAX_MESSAGE_BYTES: Final = 8 << 20  # chosen: the parser takes 10 times that in memory
MAX_PARTS: Final = 100  # chosen
MAX_DEPTH: Final = 12  # chosen: messages within messages
MAX_LINES: Final = 1_000_000  # chosen: lines times nested boundaries, a second's work
MAX_EDGES: Final = 5_000  # chosen: lines that begin as edges of parts do
MAX_HEADER_CHARS: Final = 2_000  # chosen
MAX_HEADER_BYTES: Final = 256 << 10  # chosen: of all headers of a message
MAX_TEXT_BYTES: Final = 1 << 20  # chosen: of a text part, decoded
MAX_LINKS: Final = 300  # chosen
_MAX_SENDER_CHARS: Final = 600  # chosen: of a sender's header
_EDGE: Final = re.compile(rb"[\r\n]--")
_EDGES: Final = (b"\n--", b"\r--")
_BOUNDARY: Final = re.compile(rb'boundary\s*=\s*"?([^"\s;]{1,70})', re.IGNORECASE)
_URL: Final = re.compile(r"(?:https?://|hxxps?://|www\.)[^\s<>\"'\])}]{3,2000}", re.IGNORECASE)
_URL_STARTS: Final = ("http", "hxxp", "www.")
# Senders written as nearly all are: the standard library says the same of them, and takes longer.
_ADDRESS: Final = r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*"
_SENDER: Final = re.compile(
    rf'(?:(?:"([^"\\]*)"|([A-Za-z0-9]+(?: [A-Za-z0-9]+)*)) )?<({_ADDRESS})>|({_ADDRESS})'
)
_LOOKED_AT: Final = frozenset({"from", "subject", "reply-to", "return-path", "date"})
_SUBJECT_ONLY: Final = re.compile(rb"\A\s*subject:", re.IGNORECASE)


@dataclass(slots=True)
class _Found:
    """What was gathered of a message's parts so far."""

    plain: list[str] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def parse_email(raw: bytes) -> ParsedEmail:
    """What an analyst and a model may see of a message; anything is taken, nothing raises.

    Args:
        raw: A message as RFC 5322 has it, or "Subject: ...", an empty line and a text.
    """
    found = _Found()
    if len(raw) > MAX_MESSAGE_BYTES:
        found.note(f"Only the first {MAX_MESSAGE_BYTES:,} of {len(raw):,} bytes were read.")
        raw = raw[:MAX_MESSAGE_BYTES]
    raw = _bounded(raw, found)
    try:
        message = message_from_bytes(raw, policy=policy.compat32)
    except (ValueError, LookupError, RecursionError, AssertionError, TypeError) as error:
        found.note(f"The message's structure cannot be read ({type(error).__name__}).")
        return ParsedEmail(
            text=tidy(raw[:MAX_TEXT_BYTES].decode("utf-8", "replace")), notes=tuple(found.notes)
        )
    for depth, part in _parts(message, found):
        _read_part(part, depth, found)
    return _put_together(message, found)


def _bounded(raw: bytes, found: _Found) -> bytes:
    """The message with what makes parsers slow taken out."""
    raw = raw.replace(b"\0", b"")
    if raw.startswith((b"From ", b">From ")):
        raw = raw.partition(b"\n")[2]
    head, gap, body = raw.partition(b"\n\n")
    if b"\r\n\r\n" in head:
        head, gap, body = raw.partition(b"\r\n\r\n")
    if len(head) > MAX_HEADER_BYTES:
        found.note(f"Only the first {MAX_HEADER_BYTES:,} bytes of the headers were read.")
        head = head[:MAX_HEADER_BYTES].rpartition(b"\n")[0]
    boundaries = _boundaries(raw)
    if len(boundaries) > MAX_PARTS:
        # Each open multipart is tried on every line: so many are only there to keep us busy.
        found.note(f"More than {MAX_PARTS} nested boundaries: read as one text.")
        return b"Content-Type: text/plain\n\n" + body[:MAX_TEXT_BYTES]
    whole = head + gap + body
    n_lines = MAX_LINES // max(len(boundaries), 1)
    if sum(map(whole.count, (b"\n", b"\r"))) > n_lines:
        whole = _cut_before(whole, _line_ends(whole), n_lines, found)
    if sum(map(whole.count, _EDGES)) > MAX_EDGES:
        edges = np.fromiter((at.start() for at in _EDGE.finditer(whole)), np.int64)
        whole = _cut_before(whole, edges, MAX_EDGES, found)
    return whole


def _boundaries(raw: bytes) -> set[bytes]:
    """What is called a boundary anywhere in a message."""
    lower = raw.lower()
    found = set()
    at = lower.find(b"boundary")
    while at >= 0:
        said = _BOUNDARY.match(raw, at)
        if said is not None:
            found.add(said.group(1))
        at = lower.find(b"boundary", said.end() if said is not None else at + 1)
    return found


def _line_ends(raw: bytes) -> npt.NDArray[np.int64]:
    signs = np.frombuffer(raw, np.uint8)
    return np.flatnonzero((signs == ord("\n")) | (signs == ord("\r")))


def _cut_before(raw: bytes, places: npt.NDArray[np.int64], most: int, found: _Found) -> bytes:
    """A message up to its `most`-th place; the parser asks every open part at each line."""
    if len(places) <= most:
        return raw
    found.note("Only the beginning was read: it has too many lines or edges of parts.")
    return raw[: int(places[most])]


def _parts(
    message: "Message[str, str]", found: _Found
) -> Iterator[tuple[int, "Message[str, str]"]]:
    """Leaves of a message, and how deep they stand."""
    waiting: list[tuple[int, Message[str, str]]] = [(0, message)]
    n_seen = 0
    while waiting:
        depth, part = waiting.pop()
        n_seen += 1
        if n_seen > MAX_PARTS:
            found.note(f"Only the first {MAX_PARTS} parts were read.")
            return
        held = part.get_payload()
        if isinstance(held, list):
            if depth >= MAX_DEPTH:
                found.note(f"Parts nested deeper than {MAX_DEPTH} were not read.")
                continue
            parts = reversed(held[:MAX_PARTS])
            waiting.extend((depth + 1, sub) for sub in parts if isinstance(sub, Message))
            continue
        yield depth, part


def _read_part(part: "Message[str, str]", depth: int, found: _Found) -> None:
    kind = str(part.get_content_type())
    disposition = str(part.get("Content-Disposition") or "").strip().lower()
    data = _payload(part, found)
    if kind in {"text/plain", "text/html"} and not disposition.startswith("attachment"):
        text = _as_text(data[:MAX_TEXT_BYTES], part, found)
        if kind == "text/html" or _looks_like_html(text):
            found.pages.append(read_html(text))
        elif depth == 0 or len(found.plain) < MAX_PARTS:
            found.plain.append(text)
        return
    name = _decoded(str(part.get_filename() or "")) if _has_name(part) else ""
    found.attachments.append(
        Attachment(name[:200], kind[:100], len(data), hashlib.sha256(data).hexdigest())
    )


def _has_name(part: "Message[str, str]") -> bool:
    return "Content-Disposition" in part or "Content-Type" in part


def _payload(part: "Message[str, str]", found: _Found) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError, TypeError):
        found.note("A part's transfer encoding cannot be undone.")
        data = None
    if isinstance(data, bytes):
        return data
    held = part.get_payload()
    return str(held).encode("utf-8", "replace") if held is not None else b""


def _as_text(data: bytes, part: "Message[str, str]", found: _Found) -> str:
    said = part.get_param("charset", "")
    charset = said[2] if isinstance(said, tuple) else str(said or "")
    for name in (charset.strip("'\" ")[:40], "utf-8"):
        try:
            return data.decode(name) if name else data.decode("utf-8")
        except (UnicodeError, LookupError, ValueError):
            continue
    found.note("A part's characters are not what it says: read as Latin-1.")
    return data.decode("latin-1")


def _looks_like_html(text: str) -> bool:
    start = text[:300].lstrip().lower()
    return start.startswith(("<!doctype html", "<html", "<div", "<table", "<body", "<head"))


def _decoded(value: str) -> str:
    """A header's value with encoded words undone; as it stands where that cannot be."""
    value = value[:MAX_HEADER_CHARS]
    if "=?" in value:
        value = _undone(value)
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    if not value.isprintable():
        value = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(value.split())


def _undone(value: str) -> str:
    """A header's value without encoded words."""
    try:
        pieces = [
            piece.decode(charset or "latin-1", "replace") if isinstance(piece, bytes) else piece
            for piece, charset in decode_header(value)
        ]
    except (ValueError, LookupError, AssertionError, TypeError, MessageError):
        return value
    return "".join(pieces)


def _headers(message: "Message[str, str]") -> dict[str, str]:
    """The first value of each header that is looked at, by its name."""
    found: dict[str, str] = {}
    for said, value in message.raw_items():
        name = said.lower()
        if name in _LOOKED_AT and name not in found:
            found[name] = _decoded(_as_written(str(value)))
    return found


def _as_written(value: str) -> str:
    """A header that holds bare bytes, which the parser keeps as lone surrogates, as text."""
    if value.isascii():
        return value
    raw = value.encode("utf-8", "surrogateescape")
    try:
        return raw.decode("utf-8")
    except UnicodeError:
        return raw.decode("latin-1")


def _address(value: str) -> tuple[str, str]:
    """Display name and lower-case address of a header."""
    if len(value) <= _MAX_SENDER_CHARS and (usual := _SENDER.fullmatch(value)) is not None:
        name, address = usual[1] or usual[2] or "", usual[3] or usual[4]
    else:
        name, address = _parsed_address(value)
    if "@" not in address:
        seen = re.search(r"[\w.+'-]{1,64}@[\w.-]{1,190}", value)
        address = seen.group() if seen else ""
        name = re.split(r"[<\"]", value.lstrip('" '))[0].strip(' ",') or name
    return name[:300], address.lower().strip("<> ")[:320]


def _parsed_address(value: str) -> tuple[str, str]:
    try:
        return parseaddr(value[:_MAX_SENDER_CHARS])
    except (ValueError, IndexError, TypeError, AttributeError, RecursionError):
        return "", ""


def _date(value: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(value[:100])
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
        return None


def _put_together(message: "Message[str, str]", found: _Found) -> ParsedEmail:
    headers = _headers(message)
    name, address = _address(headers.get("from", ""))
    texts = [tidy(text) for text in found.plain]
    from_pages = [page.text for page in found.pages if page.text]
    # The plain part repeats the HTML's, or hides harmless words: what a reader sees is the HTML.
    seen = from_pages if sum(map(len, from_pages)) > 20 else [*from_pages, *texts]
    text = "\n".join(seen) or "\n".join(texts)
    return ParsedEmail(
        subject=headers.get("subject", "")[:500],
        from_name=name,
        from_address=address,
        reply_to=_address(headers.get("reply-to", ""))[1],
        return_path=_address(headers.get("return-path", ""))[1],
        text=text,
        links=_links(found, texts),
        attachments=tuple(found.attachments),
        has_html=bool(found.pages),
        n_forms=sum(page.n_forms for page in found.pages),
        n_images=sum(page.n_images for page in found.pages),
        n_hidden=sum(page.n_hidden for page in found.pages),
        date=_date(headers.get("date", "")),
        notes=tuple(found.notes),
    )


def _links(found: _Found, texts: list[str]) -> tuple[Link, ...]:
    pairs = [pair for page in found.pages for pair in page.links]
    pairs += [("", url) for text in texts for url in urls_in(text)]
    pairs += [("", url) for page in found.pages for url in urls_in(page.text)]
    seen: dict[tuple[str, str], None] = {}
    known: set[str] = set()
    for text, target in pairs:
        plain = target.replace("hxxp", "http")
        if not text and plain in known:
            continue
        known.add(plain)
        seen.setdefault((text, plain))
        if len(seen) >= MAX_LINKS:
            break
    return tuple(Link(text, target, defang(target)) for text, target in seen)


def urls_in(text: str) -> list[str]:
    """Links that stand in a text, in order; `hxxp` counts as well."""
    lower = text.lower()
    if not any(start in lower for start in _URL_STARTS):  # told far quicker than by the pattern
        return []
    return [url.rstrip(".,;:!?") for url in _URL.findall(text)]


def is_message(raw: bytes) -> bool:
    """True where bytes begin as a message's headers do."""
    head = raw[:4_096].lstrip()
    if _SUBJECT_ONLY.match(head):
        return True
    lines = head.split(b"\n")[:12]
    names = [line for line in lines if re.match(rb"[A-Za-z][A-Za-z0-9-]{1,40}:\s", line)]
    known = re.search(rb"(?im)^(from|received|return-path|mime-version|message-id|date):", head)
    return len(names) >= 2 and known is not None
