"""Takes a content apart for the parts that look at it; nothing it names is fetched."""

from dataclasses import replace

from soc_copilot.detection.phishing.contents import content_of
from soc_copilot.domain.errors import ParseError, SourceError
from soc_copilot.domain.phishing import Content, ContentType

MAX_URL_CHARS = 16_384  # chosen: twice what servers take; a longer one is no URL


def read_content(kind: ContentType, raw: bytes, screenshot: bytes | None = None) -> Content:
    """A content as the parts take it.

    Raises:
        ParseError: It is not what it is said to be; the message says why.
    """
    if kind == "url" and (len(raw) > MAX_URL_CHARS or b"\n" in raw.strip() or b"\r" in raw.strip()):
        raise ParseError("This is no URL: it has several lines, or is far too long.")
    try:
        content = content_of(raw, kind)
    except SourceError as error:
        raise ParseError(str(error)) from error
    return content if screenshot is None else replace(content, screenshot=screenshot)
