"""Protected brands: what an analyst registers, and what a screenshot was found to look like."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from soc_copilot.domain.errors import PolicyError

MAX_NAME_CHARS: Final = 100  # chosen
MAX_DOMAINS: Final = 200  # chosen: more than the largest services own
MAX_PNG_BYTES: Final = 1024 * 1024  # chosen: a page of 1,280 by 800 pixels with photographs
MAX_EMBEDDING_BYTES: Final = 16 * 1024  # chosen: 4,096 numbers
MAX_REFERENCES: Final = 50  # chosen: for each brand

_PNG_HEAD: Final = b"\x89PNG\r\n\x1a\n"  # PNG specification, 5.2
_LABEL: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand that pages are compared with.

    Attributes:
        id: In the governance database.
        name: For people; no two brands have the same.
        domains: Its own, lower case, as DNS has them; a page on one of these, or below, is its own.
        n_references: Pictures that it is known by.
    """

    id: int
    name: str
    domains: tuple[str, ...]
    n_references: int


@dataclass(frozen=True, slots=True)
class BrandReference:
    """A picture that a brand is known by.

    Attributes:
        id: In the governance database.
        brand_id: Whose it is.
        png: The picture, small.
        embedding: What the model made of it; belongs to one version of the model.
        added_at_ns: Nanoseconds since 1970, UTC.
    """

    id: int
    brand_id: int
    png: bytes
    embedding: bytes
    added_at_ns: int


@dataclass(frozen=True, slots=True)
class BrandMatch:
    """The brand that a screenshot is most like.

    Attributes:
        brand: Its name.
        similarity: How surely it shows that brand, 0 to 1.
        reference_id: The picture that it is most like.
        is_own_domain: The page stands on a domain of that brand.
        logo: Cosine of the two logos; None where no logo was found to compare.
        look: Cosine of the two whole pages.
    """

    brand: str
    similarity: float
    reference_id: int
    is_own_domain: bool
    logo: float | None = None
    look: float = 0.0


def checked_name(text: str) -> str:
    """A brand's name as it is kept.

    Raises:
        PolicyError: It is empty or too long.
    """
    name = " ".join(text.split())
    if not name:
        raise PolicyError("A brand needs a name.")
    if len(name) > MAX_NAME_CHARS:
        raise PolicyError(f"A brand's name has at most {MAX_NAME_CHARS} characters.")
    return name


def checked_domains(texts: Iterable[str]) -> tuple[str, ...]:
    """A brand's domains as they are kept: lower case, each once, in order.

    Raises:
        PolicyError: One is no domain, or there are too many.
    """
    found = dict.fromkeys(_checked_domain(text) for text in texts if text.strip())
    if len(found) > MAX_DOMAINS:
        raise PolicyError(f"A brand has at most {MAX_DOMAINS} domains.")
    return tuple(found)


def _checked_domain(text: str) -> str:
    try:
        domain = text.strip().rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        domain = ""
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(one) for one in labels) or labels[-1].isdigit():
        raise PolicyError(
            f'"{text.strip()[:80]}" is no domain. Give one such as "example.com", without https:// '
            "and without a path."
        )
    return domain


def check_picture(png: bytes, embedding: bytes) -> None:
    """See that a reference is a PNG, and within bounds.

    Raises:
        PolicyError: It is not.
    """
    if not png.startswith(_PNG_HEAD):
        raise PolicyError("A reference picture has to be a PNG.")
    if len(png) > MAX_PNG_BYTES:
        raise PolicyError(f"A reference picture has at most {MAX_PNG_BYTES // 1024} KiB.")
    if not 0 < len(embedding) <= MAX_EMBEDDING_BYTES:
        raise PolicyError(f"An embedding has 1 to {MAX_EMBEDDING_BYTES} bytes.")


def is_own(host: str, domains: Iterable[str]) -> bool:
    """True when a host is one of the domains or stands below one.

    Args:
        host: As DNS has it, lower case.
        domains: As `Brand.domains`.
    """
    host = host.rstrip(".")
    return any(host == domain or host.endswith("." + domain) for domain in domains)
