"""What a reader sees of a mail's HTML, and the links in it; nothing is fetched or rendered."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

from typing_extensions import override

MAX_HTML_CHARS: Final = 1 << 20  # chosen: what stands behind is not read
MAX_TEXT_CHARS: Final = 200_000  # chosen
MAX_LINKS: Final = 500  # chosen
MAX_TARGET_CHARS: Final = 4_096  # chosen
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "noscript", "template"})
_BREAKS: Final = frozenset({"p", "div", "br", "tr", "td", "th", "li", "h1", "h2", "h3", "table"})
_HIDING: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])"
    r"|opacity\s*:\s*0(?![.\d])|max-height\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_VOID: Final = frozenset(
    {"br", "img", "hr", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr"}
)
_BLANKS: Final = re.compile(r"[ \t\r\f\v\xa0\u200b-\u200f\u2060\ufeff\xad\u034f]+")
_LINES: Final = re.compile(r" ?\n[ \n]*")


@dataclass(slots=True)
class Page:
    """What was found.

    Attributes:
        text: Visible text, blanks made one.
        links: (what a reader sees, target), in order.
        n_forms: Forms, and fields for passwords.
        n_images: Pictures.
        n_hidden: Elements that are written to be unseen.
    """

    text: str = ""
    links: list[tuple[str, str]] = field(default_factory=list)
    n_forms: int = 0
    n_images: int = 0
    n_hidden: int = 0


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.pieces: list[str] = []
        self._n_chars = 0
        self._unseen: list[str] = []  # open elements from the first unseen one on
        self._target: str | None = None
        self._anchor: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self._start(tag, named)

    @override
    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def _start(self, tag: str, named: dict[str, str]) -> None:
        page = self.page
        hides = "hidden" in named or bool(_HIDING.search(named.get("style", "")[:500]))
        if tag not in _VOID and (self._unseen or tag in _UNSEEN or hides):
            page.n_hidden += hides
            if len(self._unseen) < 1_000:
                self._unseen.append(tag)
            return
        if tag in _BREAKS:
            self.pieces.append("\n")
        if tag == "a" and named.get("href"):
            self._close()
            self._target = named["href"][:MAX_TARGET_CHARS]
            self._anchor = []
        elif tag == "area" and named.get("href"):
            self._add(named.get("alt", ""), named["href"][:MAX_TARGET_CHARS])
        elif tag == "form":
            page.n_forms += 1
            if named.get("action"):
                self._add("", named["action"][:MAX_TARGET_CHARS])
        elif tag == "img":
            page.n_images += 1
            if named.get("alt"):
                self.handle_data(named["alt"][:200])

    @override
    def handle_endtag(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:
                    pass
            return
        if tag == "a":
            self._close()
        elif tag in _BREAKS:
            self.pieces.append("\n")

    @override
    def handle_data(self, data: str) -> None:
        if self._unseen or self._n_chars > MAX_TEXT_CHARS:
            return
        self._n_chars += len(data)
        self.pieces.append(data)
        if self._target is not None:
            self._anchor.append(data)

    def _close(self) -> None:
        if self._target is not None:
            self._add(" ".join("".join(self._anchor).split())[:300], self._target)
            self._target = None

    def _add(self, text: str, target: str) -> None:
        if len(self.page.links) < MAX_LINKS:
            self.page.links.append((text, target.strip()))


def tidy(text: str) -> str:
    """A text with unseen signs left out and blanks made one; line breaks stay."""
    return _LINES.sub("\n", _BLANKS.sub(" ", text)).strip()[:MAX_TEXT_CHARS]


def read_html(source: str) -> Page:
    """The visible text and links of a page; anything is taken.

    Raises:
        ValueError: The standard library's parser gave up on it.
    """
    reader = _Reader()
    try:
        reader.feed(source[:MAX_HTML_CHARS])
        reader.close()
    except AssertionError as error:  # how html.parser says that markup defeats it
        raise ValueError("the HTML cannot be read") from error
    reader._close()
    reader.page.text = tidy("".join(reader.pieces))
    return reader.page
