"""How a URL is built, in numbers for the trees: sizes, counts and kinds of its parts."""

import math
import re
from functools import lru_cache
from typing import Final

from soc_copilot.domain.phishing import ParsedUrl

_GENERIC: Final = frozenset({"com", "net", "org", "edu", "gov", "mil", "int"})
# Kinds of files that paths end in: pages, scripts, other scripts, documents, parts of pages,
# and what is run or unpacked; chosen.
_ENDINGS: Final = {
    ending: kind
    for kind, endings in enumerate(
        (
            "html htm shtml xhtml",
            "php php3 php5 phtml",
            "asp aspx jsp do cgi cfm pl",
            "pdf doc docx ppt ps txt md",
            "jpg jpeg png gif svg js css ico",
            "exe zip rar apk gz msi iso",
        ),
        start=1,
    )
    for ending in endings.split()
}
_OTHER_ENDING: Final = 7
# Folders of web software where kits are put, and those that kits have themselves: chosen.
_OF_KITS: Final = re.compile(
    r"wp-(?:content|includes|admin)|\.well-known|cgi-bin|/(?:~|images/|css/|js/|te?mp/|cache/|"
    r"plugins/|components/|modules/|themes/|uploads?/|libraries/|administrator/|includes/|admin/|"
    r"old/|new/|backup/)"
)
_TOKEN: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+")
_DIGIT: Final = re.compile(r"\d")
_VOWEL: Final = re.compile(r"[aeiou]")
_RARE: Final = re.compile(r"[xzqjkwv]")
_LONGEST: Final = 300  # chosen: characters that the table of `entropy` reaches to
_TENANT, _NUMBER, _PLAIN, _COUNTRY, _NEW = 4, 0, 1, 2, 3


@lru_cache(maxsize=4_096)  # chosen: a label is asked for twice, and some come again and again
def entropy(text: str) -> float:
    """Bits per character; 0 for an empty text."""
    if not text:
        return 0.0
    if (size := len(text)) > _LONGEST:
        return -sum(n / size * math.log2(n / size) for n in map(text.count, set(text)))
    terms = _terms(size)
    return -sum(map(terms.__getitem__, map(text.count, set(text))))


@lru_cache(maxsize=_LONGEST + 1)  # every length that is asked for
def _terms(size: int) -> tuple[float, ...]:
    """What a character that stands n times among so many adds to their entropy, by n."""
    return (0.0, *(n / size * math.log2(n / size) for n in range(1, size + 1)))


def shape(url: ParsedUrl, host: str, label: str, before: str, path: str) -> list[float]:
    """Numbers of a URL, in a fixed order.

    Args:
        url: Taken apart.
        host: Without a leading `www.`.
        label: Of the registered domain, as a reader sees it.
        before: What stands before it, without `www`.
        path: With query and fragment, decoded; "" for a bare host.
    """
    return [*_of_host(url, host, label, before), *_of_path(path)]


def _of_host(url: ParsedUrl, host: str, label: str, before: str) -> list[float]:
    pieces = _PIECE.findall(label)
    first, last = (pieces[0], pieces[-1]) if pieces else ("", "")
    size = max(len(label), 1)
    top = url.suffix.rpartition(".")[2]
    return [
        len(label),
        len(_DIGIT.findall(label)),
        len(last) if last.isdigit() and label.endswith(last) else 0,
        len(first) if first.isdigit() and label.startswith(first) else 0,
        len(pieces),
        max(map(len, pieces), default=0),
        len(_VOWEL.findall(label)) / size,
        len(_RARE.findall(label)),
        entropy(label),
        len(set(label)) / size,
        len(host),
        len(before),
        before.count(".") + 1 if before else 0,
        len(_DIGIT.findall(before)),
        len(_PIECE.findall(before)),
        _kind(url, top),
        len(top),
        url.suffix.count(".") + 1,
    ]


def _kind(url: ParsedUrl, top: str) -> int:
    if url.is_tenant:
        return _TENANT
    if url.is_ip:
        return _NUMBER
    if top in _GENERIC:
        return _PLAIN
    return _COUNTRY if len(top) == 2 else _NEW


def _of_path(path: str) -> list[float]:
    if not path:
        return _NO_PATH
    rest, _, fragment = path.partition("#")
    plain, _, query = rest.partition("?")
    tokens = _TOKEN.findall(plain)
    end = plain.rpartition("/")[2].lower()
    ending = end.rpartition(".")[2] if "." in end else ""
    return [
        len(path),
        plain.count("/"),
        max(map(len, tokens), default=0),
        len(tokens),
        _ENDINGS.get(ending, _OTHER_ENDING) if ending else 0,
        query.count("&") + 1 if query else 0,
        len(query),
        max(len(part.partition("=")[2]) for part in query.split("&")) if query else 0,
        len(_OF_KITS.findall(path.lower())),
        plain.count("."),
        sum(token != token.lower() for token in tokens),
        sum(not token.isalpha() for token in tokens),
        plain.count("-"),
        plain.count("_"),
        len(fragment),
        end.startswith("index"),
    ]


_NO_PATH: Final = [0.0] * 16
