"""Brands that are imitated: their names in a URL or sender, and whether the place is theirs."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.urls import skeleton, unleeted
from soc_copilot.domain.phishing import ParsedUrl

MIN_WITHIN: Final = 5  # letters of a name that counts inside a longer word, chosen
MIN_NEAR: Final = 6  # letters of a name that counts with one letter wrong, chosen
MAX_WORD: Final = 40  # chosen: letters of a word that is looked at
_MAX_CACHED: Final = 8_192  # chosen: words remembered, about 1 MB
_WORDS: Final = re.compile(r"[^\W_]+")
_LETTERS: Final = re.compile(r"[^\W\d_]+")
# Country domains that anyone got for nothing, or that are sold as something else: chosen.
_FREE_FOR_ALL: Final = frozenset(
    "tk ml ga cf gq cc ws pw to io co me tv la sx su ai gg is".split()  # noqa: SIM905 - a list
)
# Domains of brands, and first labels of their hosts, where users publish: chosen.
_OF_USERS: Final = frozenset(
    {"googleapis.com", "amazonaws.com", "windows.com", "sharepoint.com", "azure.com", "t.me"}
    | {"githubusercontent.com", "wordpress.com", "atlassian.net", "canva.com", "notion.so"}
    | {"discord.gg", "squarespace.com", "cloudflare.com", "mailchimp.com", "sendgrid.net"}
)
_FOR_USERS: Final = frozenset(
    {"docs", "sites", "drive", "forms", "storage", "firebasestorage", "gist", "raw", "pages"}
    | {"groups", "script", "feedproxy", "click", "links", "link", "go", "r", "share", "blog"}
)
_FILE: Final = Path(__file__).with_name("brands.txt")


@dataclass(frozen=True, slots=True)
class Brand:
    """A protected name.

    Attributes:
        name: As it stands in addresses: lower case, no spaces.
        domains: Registered domains that are the brand's; `name.*` for any suffix.
        whole_only: A common word as well, or short: counts as a whole word only.
    """

    name: str
    domains: frozenset[str]
    whole_only: bool


@dataclass(frozen=True, slots=True)
class Sighting:
    """A brand's name in some text.

    Attributes:
        how: "whole" word, "within" a longer one, "near" with a letter wrong or look-alike.
        start: Of the characters.
        end: One behind the last.
    """

    brand: Brand
    how: str
    start: int
    end: int


class Brands:
    """Finds brands' names in texts."""

    def __init__(self, brands: Iterable[Brand]) -> None:
        self._by_name = {brand.name: brand for brand in brands}
        within = sorted(
            (b.name for b in self._by_name.values() if not b.whole_only), key=len, reverse=True
        )
        self._n_start = min(map(len, within), default=0)
        self._starting: dict[str, list[str]] = {}  # names by their first letters, longest first
        for name in within:
            self._starting.setdefault(name[: self._n_start], []).append(name)
        self._near = {
            near: self._by_name[name]
            for name in within
            if len(name) >= MIN_NEAR
            for near in _one_off(name)
        }
        # The same words come again and again, and a URL is looked at more than once.
        self._in_word = lru_cache(maxsize=_MAX_CACHED)(self._look_up)
        self._owned: dict[str, set[str]] = {}
        for brand in self._by_name.values():
            for domain in brand.domains:
                self._owned.setdefault(domain, set()).add(brand.name)

    @property
    def all(self) -> tuple[Brand, ...]:
        """Every brand, in the order of the list."""
        return tuple(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def is_owned(self, domain: str) -> bool:
        """True where a registered domain is that of a brand, whichever."""
        return domain in self._owned or _pattern(domain) in self._owned

    def owns(self, brand: Brand, domain: str) -> bool:
        """True where a registered domain is the brand's own."""
        return domain in brand.domains or _pattern(domain) in brand.domains

    def sightings(self, text: str) -> list[Sighting]:
        """Names in a text, each word's most certain one."""
        found = []
        for word in _WORDS.finditer(text):
            seen = self._in_word(word.group()[:MAX_WORD].lower())
            if seen:
                found.append(Sighting(*seen, word.start(), word.end()))
        return found

    def _look_up(self, word: str) -> tuple[Brand, str] | None:
        plain = skeleton(word)
        exact = self._by_name.get(plain)
        if exact is not None:
            return exact, "whole" if plain == word else "near"
        inside = self._inside(plain)
        if inside:
            return self._by_name[inside], "within"
        if not plain.isalpha():
            inside = self._inside(unleeted(plain))
            if inside:
                return self._by_name[inside], "near"
            for piece in _LETTERS.findall(plain):
                if len(piece) >= 2 and piece in self._by_name:
                    return self._by_name[piece], "within"
        near = self._near.get(plain)
        return (near, "near") if near is not None else None

    def _inside(self, word: str) -> str:
        """The first name within a longer word, the longest of those that begin there; "" for none.

        By its first letters: a pattern of all names would try each at every letter.
        """
        size = self._n_start
        for i in range(len(word) - size + 1 if size else 0):
            for name in self._starting.get(word[i : i + size], ()):
                if word.startswith(name, i):
                    return name
        return ""


def _pattern(domain: str) -> str:
    """The line's pattern that covers a domain: `name.*` is `name.com` and country domains."""
    name, _, suffix = domain.partition(".")
    country = len(suffix) == 2 and suffix not in _FREE_FOR_ALL
    return f"{name}.*" if suffix == "com" or country else ""


def _one_off(name: str) -> set[str]:
    """A name with one letter left out, doubled, or swapped with the next."""
    found = {name[:i] + name[i + 1 :] for i in range(1, len(name))}
    found |= {name[: i + 1] + name[i:] for i in range(len(name))}
    found |= {name[:i] + name[i + 1] + name[i] + name[i + 2 :] for i in range(len(name) - 1)}
    found.discard(name)
    return found


def read_brands(text: str) -> list[Brand]:
    """Brands from lines such as `paypal: paypal.com paypal.me`; `!` marks a common word."""
    found = []
    for line in text.splitlines():
        name, colon, domains = line.partition(":")
        if not colon or line.startswith("#"):
            continue
        common = name.endswith("!")
        name = name.strip().rstrip("!")
        own = frozenset(d for d in domains.split() if "." in d)
        found.append(Brand(name, own, common or len(name) < MIN_WITHIN))
    return found


@lru_cache(maxsize=1)
def known_brands() -> Brands:
    """Our own list."""
    return Brands(read_brands(_FILE.read_text(encoding="utf-8")))


def is_own_place(url: ParsedUrl, brands: Brands) -> bool:
    """True where a URL leads to a brand's own pages, not to what its users put there."""
    if url.is_ip or url.is_tenant or url.user or not brands.is_owned(url.registered_domain):
        return False
    first = url.subdomain.partition(".")[0]
    return url.registered_domain not in _OF_USERS and first not in _FOR_USERS


def out_of_place(url: ParsedUrl, brands: Brands) -> dict[str, list[Sighting]]:
    """Brands named where they do not own the domain, by place: label, subdomain, path."""
    label = url.registered_domain.partition(".")[0]
    if url.is_ip:
        label = ""
    elif url.ascii_host != url.host:
        labels = url.host.split(".")
        n_after = url.suffix.count(".") + 2
        label = labels[-n_after] if len(labels) >= n_after else labels[0]
    places = {
        "label": label,
        "subdomain": url.subdomain if url.host == url.ascii_host else url.host.replace(label, ""),
        "path": f"{url.path} {url.query} {url.fragment}",
    }
    domains = (url.registered_domain, url.icann_domain)
    return {
        place: [
            s
            for s in brands.sightings(text)
            if not (s.brand.domains and any(brands.owns(s.brand, d) for d in domains))
        ]
        for place, text in places.items()
    }
