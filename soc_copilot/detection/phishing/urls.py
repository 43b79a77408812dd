"""URLs taken apart without a network: registered domains by the public suffix list we carry."""

import ipaddress
import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from soc_copilot.domain.phishing import ParsedUrl

if TYPE_CHECKING:
    from tldextract import TLDExtract

MAX_URL_CHARS: Final = 4_096  # chosen: what stands behind is not read
MAX_HOST_CHARS: Final = 253  # of DNS: RFC 1035
_SCHEME: Final = re.compile(
    r"https?:(?=[/\\])|[a-z][a-z0-9+.-]{0,15}:(?=[/\\]{2})|(?:mailto|data|javascript|tel):"
)
_WEB_PREFIX: Final = re.compile(r"www\d{0,2}\.")
_HOST_ENDS: Final = re.compile(r"[/?#\\]")
_MAX_CACHED: Final = 8_192  # chosen: hosts remembered, about 2 MB

# Letters that look like Latin ones, where compatibility decomposition does not say so:
# picked from Unicode's confusables (UTS 39), those that are seen in addresses.
_ALIKE: Final = str.maketrans(
    "абвгдеёзіїјкӏмнопрсԁтуԛѕԝхһүωαβεικνορτυχγηωąɑɡıłøđßþæœɩʟո",
    "a6brдeeзiijklмhonpcdtyqswxhywaßeikvoptuxyηwaagilodbpaolln",
)
# Digits and signs written for letters within words.
_LEET: Final = str.maketrans("0134579$@|", "oleastgsal")


@lru_cache(maxsize=1)
def _extractor() -> "TLDExtract":
    """The suffix list that tldextract carries; nothing is downloaded nor cached on disk."""
    from tldextract import TLDExtract

    return TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=True)


@lru_cache(maxsize=_MAX_CACHED)
def _domains(ascii_host: str) -> tuple[str, str, str, str, bool]:
    """Subdomain, registered domain, ICANN domain, suffix, and whether the suffix is private."""
    found = _extractor().extract_str(ascii_host)
    registered = found.top_domain_under_public_suffix or ascii_host
    icann = found.top_domain_under_registry_suffix or registered
    return found.subdomain, registered, icann, found.suffix, found.is_private


def registered_domain(host: str) -> str:
    """The registered domain of a host, private suffixes included; the host itself for none."""
    return _domains(host.lower().strip("."))[1]


def parse_url(raw: str) -> ParsedUrl:
    """Take a URL apart; anything is taken, nothing raises.

    Args:
        raw: With or without a scheme.
    """
    text = "".join(raw[:MAX_URL_CHARS].split())
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable())
    scheme, rest = "", text
    found = _SCHEME.match(text[:20].lower())
    if found:
        scheme = found.group().rstrip(":")
        rest = text[found.end() :]
    rest = rest.lstrip("/\\")
    cut = _HOST_ENDS.search(rest)
    authority, tail = (rest[: cut.start()], rest[cut.start() :]) if cut else (rest, "")
    user, _, place = authority.rpartition("@")
    host, port = _host_and_port(place.lower())
    path, query, fragment = _tail(tail.replace("\\", "/"))
    address = _as_address(host)
    if address:
        return ParsedUrl(
            raw, scheme, address, address, address, address, "", "",
            path, query, fragment, user, port, is_ip=True,
        )  # fmt: skip
    host, ascii_host = _both_forms(host)
    subdomain, registered, icann, suffix, private = _domains(ascii_host)
    return ParsedUrl(
        raw, scheme, host, ascii_host, registered, icann, suffix, subdomain,
        path, query, fragment, user, port, is_tenant=private,
    )  # fmt: skip


def _tail(tail: str) -> tuple[str, str, str]:
    rest, _, fragment = tail.partition("#")
    path, _, query = rest.partition("?")
    return path, query, fragment


def _host_and_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        inner, _, after = place[1:].partition("]")
        host, digits = inner, after.lstrip(":")
    else:
        host, _, digits = place.partition(":")
    port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else None
    return unquote(host).strip(".")[:MAX_HOST_CHARS], port


def _as_address(host: str) -> str:
    """The usual form of an IP address, also of one number or hexadecimal; "" for a name."""
    if not host or host[-1] not in "0123456789abcdefx":
        return ""
    if host[-1] in "abcdefx" and ":" not in host and not host.startswith("0x"):
        return ""  # a name as most are
    try:
        if host.isascii() and host.isdigit() and len(host) > 7:
            return str(ipaddress.ip_address(int(host)))
        if re.fullmatch(r"0x[0-9a-f]{1,8}", host):
            return str(ipaddress.ip_address(int(host, 16)))
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _both_forms(host: str) -> tuple[str, str]:
    """A host in letters, and as DNS has it."""
    if host.isascii() and "xn--" not in host:
        return host, host
    labels = unicodedata.normalize("NFKC", host).lower().replace("。", ".").split(".")
    return ".".join(map(_in_letters, labels)), ".".join(map(_in_ascii, labels))


def _in_letters(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode("ascii").decode("punycode")
    except (UnicodeError, ValueError):
        return label


def _in_ascii(label: str) -> str:
    if label.isascii():
        return label
    try:
        return "xn--" + label.encode("punycode").decode("ascii")
    except (UnicodeError, ValueError):
        return label.encode("ascii", "replace").decode()


def without_www(host: str) -> str:
    """A host without a leading `www.`, which tells corpora apart and no phish from others."""
    found = _WEB_PREFIX.match(host)
    return host[found.end() :] if found and "." in host[found.end() :] else host


def skeleton(label: str) -> str:
    """A label as a hurried reader takes it: look-alike letters made Latin, accents taken off."""
    if label.isascii():
        return label
    plain = unicodedata.normalize("NFKD", label.lower().translate(_ALIKE))
    return "".join(c for c in plain if not unicodedata.combining(c))


def unleeted(label: str) -> str:
    """A label with digits read as the letters they are written for: `paypa1` is `paypal`."""
    return label.translate(_LEET)


def is_mixed(label: str) -> bool:
    """True where a label mixes Latin letters with those of another alphabet."""
    if label.isascii():
        return False
    kinds = {unicodedata.name(c, "?").split()[0] for c in label if c.isalpha()}
    return len(kinds) > 1 and "LATIN" in kinds
