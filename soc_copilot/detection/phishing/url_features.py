"""What the URL model reads: n-grams and words by place, and numbers.

Left out on purpose, since they tell corpora apart: the scheme, a leading `www.`, and a slash at
the end. Sizes of host and path are for the trees alone: see `url_shape`.
"""

import itertools
import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from soc_copilot.detection.phishing.brands import Brands, Sighting, known_brands, out_of_place
from soc_copilot.detection.phishing.hashing import Gathered
from soc_copilot.detection.phishing.url_shape import entropy, shape
from soc_copilot.detection.phishing.urls import is_mixed, skeleton, without_www
from soc_copilot.domain.phishing import ParsedUrl

HOST, SUFFIX, PATH, WORDS, KINDS, PLACES = range(6)
N_FIELDS: Final = 6
MAX_HOST: Final = 120  # characters of the host's n-grams, chosen
MAX_PATH: Final = 300  # characters of the path's n-grams, chosen
MAX_WORDS: Final = 40  # chosen

_WORD: Final = re.compile(r"[^\W_]+")
_PIECE: Final = re.compile(r"[^\W\d_]+|\d+")
_LETTERS: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "a" * 26 + "A" * 26 + "0" * 10,
)
_RUNS: Final = re.compile(r"([^aA0])\1{2,}")
_RUNS_OF_KINDS: Final = ("aaa", "AAA", "000")
_ADDRESS: Final = re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{2,63}")
_HEX: Final = re.compile(r"(?=\w*\d)[0-9a-f]{12,}", re.IGNORECASE)
_LONG: Final = re.compile(r"(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9_-]{16,}")
# What both hold: tried first, as it is found or missed at once.
_HEX_RUN: Final = re.compile(r"[0-9a-f]{12}", re.IGNORECASE)
_LONG_RUN: Final = re.compile(r"[A-Za-z0-9_-]{16}")
_DOMAIN_IN: Final = re.compile(
    r"(?:^|[./-])(?:com|net|org|gov|co|ne|or|go|jp|uk|us|br|de|fr|eu)(?=[./-]|$)"
)
_VOWELS: Final = frozenset("aeiouy")
_RARE: Final = frozenset("qxzjkvw")
# Of a label's characters: vowel, rare letter, other letter, digit, sign.
_NAME_KINDS: Final = {
    code: "v" if c in _VOWELS
    else "r" if c in _RARE
    else "c" if c.isalpha()
    else "d" if c.isdigit()
    else "-"
    for code, c in ((code, chr(code)) for code in range(128))
}  # fmt: skip
_ONLY_DIGITS: Final = str.maketrans("vrc-", "xxxx")
_CONSONANTS: Final = re.compile("[rc]+")
_TWICE: Final = re.compile(r"(.)\1", re.DOTALL)
# Words of sign-in, money and haste, of a few languages: chosen.
BAIT: Final = re.compile(
    r"log-?in|sign-?in|logon|verif|secur|account|update|confirm|bank|wallet|support|recover|"
    r"unlock|suspend|alert|billing|payment|invoice|password|passwd|auth|webmail|validat|"
    r"authenti|identi|refund|reward|bonus|gift|claim|airdrop|connexion|acces|cuenta|conta|"
    r"konto|kunden|sicher|client|servic|cadastr|promo|custom|member|card|post|track|deliver|"
    r"parcel|help|online|app|mobile|token|crypto"
)


def gather(url: ParsedUrl, brands: Brands | None = None) -> Gathered:
    """Everything the model reads of a URL."""
    brands = known_brands() if brands is None else brands
    found = Gathered()
    host = without_www(url.host)
    registered = url.registered_domain.partition(".")[0] if not url.is_ip else "#"
    label = _in_letters(url, registered)
    before = without_www(url.subdomain + ".").strip(".") if url.subdomain else ""
    if before == "www":
        before = ""
    label_text = f"^{label}$"
    found.texts.append((HOST, 1, label_text[:MAX_HOST], 2, 5))
    if before:
        found.texts.append((PLACES, 2, f"^{before}$"[:MAX_HOST], 3, 5))
    path = _plain_path(url)
    if path:
        found.texts.append((PATH, 3, path[:MAX_PATH].lower(), 3, 5))
    found.texts.append((KINDS, 4, _kinds(f"{host}{path[:MAX_PATH]}"), 3, 6))
    _words(found, url, label, before, path)
    sightings = out_of_place(url, brands)
    _brand_words(found, url, sightings)
    found.dense = _numbers(url, label, before, path, sightings, brands)
    found.dense += shape(url, host, label, before, path)
    return found


def _kinds(text: str) -> str:
    """Kinds of characters (letter, capital, digit, signs as they are), runs cut to two."""
    kinds = text.translate(_LETTERS)
    for run in _RUNS_OF_KINDS:
        while run in kinds:
            kinds = kinds.replace(run, run[:2])
    return _RUNS.sub(r"\1\1", kinds)


def _in_letters(url: ParsedUrl, registered: str) -> str:
    if url.host == url.ascii_host:
        return registered
    labels = url.host.split(".")
    n_after = url.suffix.count(".") + 2
    return labels[-n_after] if len(labels) >= n_after else labels[0]


def _plain_path(url: ParsedUrl) -> str:
    """Path, query and fragment, percent-decoded, addresses made alike; "" for a bare host."""
    path = url.path.rstrip("/")
    if url.query:
        path += "?" + url.query
    if url.fragment:
        path += "#" + url.fragment
    path = unquote(path[: 4 * MAX_PATH]) if "%" in path else path
    return _ADDRESS.sub("<address>", path) if "@" in path else path


def _words(found: Gathered, url: ParsedUrl, label: str, before: str, path: str) -> None:
    add = found.words.append
    add((SUFFIX, f"s:{url.suffix or '?'}"))
    add((SUFFIX, f"t:{url.suffix.rpartition('.')[2]}"))
    add((SUFFIX, f"p:{url.is_tenant}:{url.suffix if url.is_tenant else ''}"))
    pieces = _PIECE.findall(label)[:MAX_WORDS]
    for piece in pieces:
        add((HOST, "l:" + (piece if not piece.isdigit() else f"#{min(len(piece), 6)}")))
    for piece in _PIECE.findall(before)[:MAX_WORDS]:
        add((PLACES, "b:" + (piece if not piece.isdigit() else f"#{min(len(piece), 6)}")))
    last = ""
    for word in _WORD.findall(path.lower())[:MAX_WORDS]:
        short = word if not word.isdigit() else f"#{min(len(word), 9)}"
        add((WORDS, "w:" + short))
        add((WORDS, f"v:{last} {short}"))
        last = short
    end = path.partition("?")[0].rpartition("/")[2].lower()
    if path:
        add((WORDS, "e:" + end[:40]))
        add((WORDS, "x:" + end.rpartition(".")[2][:8] if "." in end else "x:"))


def _brand_words(found: Gathered, url: ParsedUrl, sightings: dict[str, list[Sighting]]) -> None:
    for place, seen in sightings.items():
        for one in seen[:4]:
            found.words.append((PLACES, f"brand:{place}:{one.how}"))
            found.words.append((PLACES, f"name:{place}:{one.brand.name}"))


@lru_cache(maxsize=4_096)  # chosen: "www" and the like come again and again
def _randomness(label: str) -> tuple[float, ...]:
    """How unlike a name a label is: shares of vowels, rare letters, digits, changes, runs."""
    size = max(len(label), 1)
    n_vowels, n_rare, n_letters, n_digits, changes, longest = _counts(label)
    return (
        n_vowels / max(n_letters, 1),
        n_rare / max(n_letters, 1),
        n_digits / size,
        min(changes, 4) / 4,
        min(longest, 7) / 7,
        entropy(label) / max(math.log2(size + 1), 1.0),
        float(_TWICE.search(label) is not None),
    )


def _counts(label: str) -> tuple[int, int, int, int, int, int]:
    """Vowels, rare letters, letters, digits, changes from or to digits, the longest run."""
    if label.isascii():
        kinds = label.translate(_NAME_KINDS)
        n_vowels, n_rare, n_digits = map(kinds.count, "vrd")
        n_letters = n_vowels + n_rare + kinds.count("c")
        of_digits = kinds.translate(_ONLY_DIGITS)
        changes = of_digits.count("dx") + of_digits.count("xd")
        longest = max(map(len, _CONSONANTS.findall(kinds)), default=0)
        return n_vowels, n_rare, n_letters, n_digits, changes, longest
    letters = [c for c in label if c.isalpha()]
    run = longest = 0
    for c in label:
        run = run + 1 if c.isalpha() and c not in _VOWELS else 0
        longest = max(longest, run)
    changes = sum(a.isdigit() != b.isdigit() for a, b in itertools.pairwise(label))
    n_vowels, n_rare = sum(c in _VOWELS for c in letters), sum(c in _RARE for c in letters)
    n_digits = sum(map(str.isdigit, label))
    return n_vowels, n_rare, len(letters), n_digits, changes, longest


def _numbers(
    url: ParsedUrl,
    label: str,
    before: str,
    path: str,
    sightings: dict[str, list[Sighting]],
    brands: Brands,
) -> list[float]:
    plain = path.partition("?")[0].partition("#")[0]
    n_labels = before.count(".") + 1 if before else 0
    hows = {place: {one.how for one in seen} for place, seen in sightings.items()}
    own = brands.is_owned(url.registered_domain)
    is_plain = url.host.isascii()
    return [
        float(url.is_ip),
        float(url.is_tenant),
        float(url.host != url.ascii_host),
        0.0 if is_plain else _any(is_mixed(part) for part in url.host.split(".")),
        0.0 if is_plain else _any(skeleton(part) != part for part in url.host.split(".")),
        float(url.port is not None and url.port not in {80, 443}),
        float(bool(url.user)),
        *[float(n_labels == n) for n in (1, 2, 3)],
        float(n_labels > 3),
        min(label.count("-"), 4) / 4,
        min(before.count("-"), 4) / 4,
        *_randomness(label),
        *_randomness(before.replace(".", "") or "ae"),
        *[
            float(how in hows[place])
            for place in ("label", "subdomain", "path")
            for how in ("whole", "within", "near")
        ],
        float(bool(_DOMAIN_IN.search(before))),
        float(bool(_DOMAIN_IN.search(plain[1:].lower()))),
        min(len(set(BAIT.findall(label))), 3) / 3,
        min(len(set(BAIT.findall(before))), 3) / 3,
        min(len(set(BAIT.findall(path.lower()))), 3) / 3,
        float(not path),
        float("?" in path),
        float("#" in path),
        float("<address>" in path),
        min(plain.count("/"), 6) / 6,
        float(bool(_HEX_RUN.search(path) and _HEX.search(path))),
        float(bool(_LONG_RUN.search(path) and _LONG.search(path))),
        float("=" in path),
        float("%" in url.path),
        float("//" in plain or "http" in path[1:].lower()),
        float("~" in plain),
        entropy(plain) / 6,
        sum(map(str.isdigit, plain)) / max(len(plain), 1),
        sum(map(str.isupper, plain)) / max(len(plain), 1),
        float(own),
    ]


def _any(flags: Iterable[bool]) -> float:
    return float(any(flags))
