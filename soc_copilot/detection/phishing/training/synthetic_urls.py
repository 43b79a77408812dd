"""URLs of our own making, for what the training sets lack.

The sets that may be trained on hold few phish on hosting services, hardly any sign-in page of
a well-known brand, and benign hosts nearly always with a path. Nothing is copied from a set.
"""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.brands import Brand, known_brands

# Services where anyone gets a host name at once: private parts of the public suffix list.
_LISTS: Final[dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("url_words.json").read_text(encoding="utf-8")
)
TENANTS: Final = tuple(_LISTS["tenants"])
_CHEAP: Final = tuple(_LISTS["suffixes_of_phish"])
_BAIT: Final = tuple(_LISTS["bait"])
_PATHS: Final = tuple(_LISTS["paths_of_phish"])
_PLAIN: Final = tuple(_LISTS["plain_words"])
_BENIGN_PATHS: Final = tuple(_LISTS["benign_paths"])
_FRONTS: Final = tuple(_LISTS["fronts"])
_ORDINARY: Final = tuple(_LISTS["ordinary_suffixes"])
_ALIKE: Final = {"o": "0", "l": "1", "i": "l", "e": "3"}
_VOWELS: Final = "aeiou"


def misspelt(name: str, rng: random.Random) -> str:
    """A name with one letter wrong, as those who imitate it write it."""
    at = rng.randrange(len(name))
    kind = rng.randrange(5)
    if kind == 0:
        return name[:at] + name[at + 1 :]
    if kind == 1:
        return name[: at + 1] + name[at:]
    if kind == 2 and at + 1 < len(name):
        return name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    if kind == 3:
        return (
            name[:at] + {"o": "0", "l": "1", "i": "l", "e": "3"}.get(name[at], "x") + name[at + 1 :]
        )
    return name[:at] + rng.choice(_VOWELS) + name[at + 1 :]


def _noise(rng: random.Random) -> str:
    size = rng.randint(3, 9)
    letters = rng.choice(("abcdefghijklmnopqrstuvwxyz", "abcdef0123456789", "0123456789"))
    return "".join(rng.choice(letters) for _ in range(size))


def phish(names: Sequence[str], rng: random.Random) -> str:
    """One URL that imitates a service, or a host name made up by a machine."""
    name = rng.choice(names)
    if rng.random() < 0.35 and len(name) > 4:
        name = misspelt(name, rng)
    joint = rng.choice(("-", "-", "", "."))
    kind = rng.random()
    if kind < 0.15:
        label = _noise(rng) + rng.choice(("", "-" + _noise(rng)))
    elif kind < 0.4:
        label = name + joint + rng.choice(_BAIT)
    elif kind < 0.55:
        label = rng.choice(_BAIT) + joint + name
    elif kind < 0.7:
        label = joint.join((name, rng.choice(_BAIT), rng.choice((rng.choice(_BAIT), _noise(rng)))))
    elif kind < 0.8:
        label = name
    elif kind < 0.9:
        label = joint.join((rng.choice(_BAIT), rng.choice(_BAIT), _noise(rng)))
    else:
        label = f"{name}.{rng.choice(('com', 'co.uk', 'co.jp', 'de', 'net'))}{joint}{_noise(rng)}"
    is_tenant = rng.random() < 0.5
    if is_tenant:
        label = label.replace(".", "-")
    host = f"{label}.{rng.choice(TENANTS if is_tenant else _CHEAP)}"
    return host if rng.random() < 0.55 else f"{host}/{rng.choice(_PATHS)}"


def benign_tenant(rng: random.Random) -> str:
    """One URL of somebody's harmless pages on a hosting service."""
    words = [rng.choice(_PLAIN) for _ in range(rng.randint(1, 3))]
    host = f"{rng.choice(('-', '', '-')).join(words)}.{rng.choice(TENANTS)}"
    return host if rng.random() < 0.5 else f"{host}/{rng.choice(_PLAIN)}"


def own_pages(brand: Brand, rng: random.Random) -> Iterator[str]:
    """Pages on a brand's own domains, sign-in pages among them."""
    for domain in sorted(brand.domains):
        domain = domain[:-1] + "com" if domain.endswith(".*") else domain
        yield rng.choice(_FRONTS) + domain
        for _ in range(4):
            yield rng.choice(_FRONTS) + domain + rng.choice(_BENIGN_PATHS)


def moved(label: str, rng: random.Random, *, is_phish: bool) -> str:
    """A host's label as it would stand at another suffix, or at a hosting service."""
    if not is_phish:
        return f"{label}.{rng.choice(_ORDINARY)}"
    return f"{label}.{rng.choice(TENANTS if rng.random() < 0.6 else _CHEAP)}"


def synthetic(n_phish: int, seed: int, names: Sequence[str] = ()) -> list[tuple[str, bool, str]]:
    """Own URLs: (URL, is phish, name of the kind).

    Args:
        n_phish: Phish; a third as many tenants, and some pages for every brand, are added.
        seed: Of everything random.
        names: Of services that are imitated beside the brands, in half as many more phish.
    """
    rng = random.Random(seed)  # noqa: S311 - no secrets
    brands = known_brands().all
    known = [brand.name for brand in brands]
    found = [(phish(known, rng), True, "own-phish") for _ in range(n_phish)]
    if names:
        found += [(phish(names, rng), True, "own-named") for _ in range(n_phish // 2)]
    found += [(benign_tenant(rng), False, "own-tenants") for _ in range(n_phish // 3)]
    for brand in brands:
        found += [(url, False, "own-pages") for url in own_pages(brand, rng)]
    return found
