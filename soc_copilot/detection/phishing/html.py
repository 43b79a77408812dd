"""What a reader sees of a mail's HTML, and the links in it; nothing is fetched or rendered."""

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Final

MAX_HTML_CHARS: Final = 1 << 20  # chosen: what stands behind is not read
MAX_TEXT_CHARS: Final = 200_000  # chosen
MAX_LINKS: Final = 500  # chosen
MAX_TAGS: Final = 60_000  # chosen: tags of a page that are read
MAX_TAG_CHARS: Final = 1 << 19  # chosen: of a tag with its attributes, pictures within them
MAX_ATTRIBUTES_CHARS: Final = 6_000  # chosen: of these, those that are read
MAX_OPEN: Final = 500  # chosen: unseen elements within each other that are kept apart
MAX_TARGET_CHARS: Final = 4_096  # chosen
_UNSEEN: Final = frozenset({"script", "style", "head", "title", "noscript", "template"})
_BREAKS: Final = frozenset({"p", "div", "br", "tr", "td", "th", "li", "h1", "h2", "h3", "table"})
_RAW: Final = frozenset({"script", "style", "title", "textarea"})
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
# A tag whose quotes are closed, to its end: nearly every one. Each part takes what it can and
# gives nothing back, so that a failure costs no second look.
_WHOLE_TAG: Final = re.compile(
    r"<(/?+)([a-zA-Z][a-zA-Z0-9:-]{0,30}+)((?:[^>\"']++|\"[^\"]*+\"|'[^']*+')*+)>"
)
_STOPS: Final = re.compile("[>\"']")
_ATTRIBUTE: Final = re.compile(
    r"([a-zA-Z_:@][\w:.-]{0,60})(?:\s{0,20}=\s{0,20}(\"[^\"]*\"|'[^']*'|[^\s\"'>]*))?"
)
_HIDING: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])"
    r"|opacity\s*:\s*0(?![.\d])|max-height\s*:\s*0(?![.\d])",
    re.IGNORECASE,
)
_ZERO: Final = re.compile(r":\s*0(?![.\d])")
_READ: Final = frozenset({"a", "area", "form", "img"})  # tags whose attributes say something
_CLOSING: Final = {tag: re.compile(f"</{tag}", re.IGNORECASE) for tag in _RAW}
_PLAIN_CHARS: Final = 500  # of attributes that are looked at as a whole first, chosen
_VOID: Final = frozenset(
    {"br", "img", "hr", "input", "meta", "link", "area", "base", "col", "embed", "source", "wbr"}
)
# Runs of blanks and unseen signs but for a single blank, which is what they become.
_SIGNS: Final = r"\t\r\f\v\xa0\u200b-\u200f\u2060\ufeff\xad\u034f"
_BLANKS: Final = re.compile(f"[{_SIGNS}][ {_SIGNS}]*| [ {_SIGNS}]+")
_PLAIN_BLANKS: Final = re.compile(r"[\t\r\f\v][ \t\r\f\v]*| [ \t\r\f\v]+")


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


class _Reader:
    """Reads tags in one pass: the standard library's parser takes quadratic time on rubbish."""

    def __init__(self, source: str) -> None:
        self.page = Page()
        self._source = source
        self._pieces: list[str] = []
        self._n_chars = 0
        self._unseen: list[str] = []  # open elements from the first unseen one on
        self._target: str | None = None
        self._anchor: list[str] = []

    def read(self) -> Page:
        """Read all of it."""
        source, at = self._source, 0
        find, whole, unseen = source.find, _WHOLE_TAG.match, self._unseen
        for _ in range(MAX_TAGS):
            start = find("<", at)
            if start < 0:
                break
            if start > at and not unseen:
                self._data(source[at:start])
            found = whole(source, start)
            if found is not None and found.end() - start < MAX_TAG_CHARS:
                slash, name, attributes = found.groups()
                at = self._tag(slash, name, attributes, found.end())
            else:
                at = self._markup(start)
        else:
            at = len(source)
        self._data(source[at:])
        self._close()
        self.page.text = tidy("".join(self._pieces))
        return self.page

    def _markup(self, start: int) -> int:
        """Read what begins with "<"; where it ends."""
        source = self._source
        if source.startswith("<!--", start):
            return self._behind("-->", start + 4)
        if source.startswith(("<!", "<?"), start):
            return self._behind(">", start)
        name = _TAG.match(source, start)
        if name is None:
            self._data("<")
            return start + 1
        end = _tag_end(source, name.end())
        return self._tag(name.group(1), name.group(2), source[name.end() : end - 1], end)

    def _tag(self, slash: str, name: str, attributes: str, end: int) -> int:
        """Read a tag; where what follows it begins."""
        tag = name.lower()
        if slash:
            self._end(tag)
            return end
        self._start(tag, _attributes(attributes) if _may_say(tag, attributes) else _NOTHING)
        if tag in _RAW:
            closing = _CLOSING[tag].search(self._source, end)
            return closing.start() if closing else len(self._source)
        return end

    def _behind(self, sign: str, at: int) -> int:
        found = self._source.find(sign, at)
        return found + len(sign) if found >= 0 else len(self._source)

    def _start(self, tag: str, named: dict[str, str]) -> None:
        page = self.page
        hides = "hidden" in named or bool(_HIDING.search(named.get("style", "")[:500]))
        if tag not in _VOID and (self._unseen or tag in _UNSEEN or hides):
            page.n_hidden += hides
            if len(self._unseen) < MAX_OPEN:
                self._unseen.append(tag)
            return
        if tag in _BREAKS:
            self._pieces.append("\n")
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
        elif tag == "img" and not self._unseen:
            page.n_images += 1
            self._data(named.get("alt", "")[:200])

    def _end(self, tag: str) -> None:
        if self._unseen:
            if tag in self._unseen:
                while self._unseen.pop() != tag:
                    pass
            return
        if tag == "a":
            self._close()
        elif tag in _BREAKS:
            self._pieces.append("\n")

    def _data(self, data: str) -> None:
        if not data or self._unseen or self._n_chars > MAX_TEXT_CHARS:
            return
        self._n_chars += len(data)
        seen = unescape(data) if "&" in data else data
        self._pieces.append(seen)
        if self._target is not None:
            self._anchor.append(seen)

    def _close(self) -> None:
        if self._target is not None:
            self._add(" ".join("".join(self._anchor).split())[:300], self._target)
            self._target = None

    def _add(self, text: str, target: str) -> None:
        if len(self.page.links) < MAX_LINKS:
            self.page.links.append((text, target.strip()))


def _tag_end(source: str, at: int) -> int:
    """Behind the ">" that ends a tag, those in quotes passed over; the end where there is none."""
    limit = min(at + MAX_TAG_CHARS, len(source))
    while stop := _STOPS.search(source, at, limit):
        at = stop.end()
        if stop.group() == ">":
            return at
        closing = source.find(stop.group(), at, limit)
        # A quote that is never closed is a sign like others; there is no second such quote.
        at = closing + 1 if closing >= 0 else at
    return limit


_NOTHING: Final[dict[str, str]] = {}


def _may_say(tag: str, source: str) -> bool:
    """False where a tag's attributes say nothing that is read: far quicker than reading them."""
    if not source or source == "/":
        return False
    if tag in _READ or len(source) > _PLAIN_CHARS or "&" in source or not source.isascii():
        return True
    lower = source.lower()
    if "hidden" in lower or ("style" in lower and "none" in lower):
        return True
    return "style" in lower and _ZERO.search(source) is not None


def _attributes(source: str) -> dict[str, str]:
    """Names and values of a tag; the first of a name counts."""
    found: dict[str, str] = {}
    for name, value in _ATTRIBUTE.findall(source[:MAX_ATTRIBUTES_CHARS]):
        plain = value[1:-1] if value[:1] in {'"', "'"} else value
        found.setdefault(name.lower(), unescape(plain))
    return found


def tidy(text: str) -> str:
    """A text with unseen signs left out and blanks made one; line breaks stay."""
    blanks = _PLAIN_BLANKS if text.isascii() else _BLANKS
    lines = blanks.sub(" ", text).split("\n")
    return "\n".join([seen for line in lines if (seen := line.strip(" "))]).strip()[:MAX_TEXT_CHARS]


def read_html(source: str) -> Page:
    """The visible text and links of a page; anything is taken, in time that grows with it."""
    return _Reader(source[:MAX_HTML_CHARS]).read()
