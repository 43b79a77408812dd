"""Takes a content apart for the parts that look at it; nothing it names is fetched."""

from soc_copilot.detection.phishing.mail import parse_email
from soc_copilot.detection.phishing.urls import parse_url
from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.phishing import Content, ContentType

MAX_URL_CHARS = 16_384  # chosen: twice what servers take; a longer one is no URL


def read_content(kind: ContentType, raw: bytes, screenshot: bytes | None = None) -> Content:
    """A content as the parts take it.

    Raises:
        ParseError: It is not what it is said to be; the message says why.
    """
    if kind == "email":
        parsed = parse_email(raw)
        return Content(kind, raw, parsed.text, parsed, screenshot)
    text = raw.decode("utf-8", "replace")
    if kind == "url":
        text = text.strip()
        if len(text) > MAX_URL_CHARS or "\n" in text or "\r" in text:
            raise ParseError("This is no URL: it has several lines, or is far too long.")
        return Content(kind, raw, text, parse_url(text), screenshot)
    return Content(kind, raw, text, None, screenshot)
