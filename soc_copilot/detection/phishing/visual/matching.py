"""Which protected brand a screenshot is most like."""

import threading
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soc_copilot.detection.phishing.visual.compare import Gallery, Seen, compare, gallery_of
from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.domain.brand import Brand, BrandMatch, BrandReference, is_own


@dataclass(frozen=True, slots=True)
class Registered:
    """All brands and pictures at one moment.

    Attributes:
        revision: Another word after any change.
        brands: Every brand.
        references: Every picture of them.
    """

    revision: str
    brands: tuple[Brand, ...] = ()
    references: tuple[BrandReference, ...] = ()


class Registry(Protocol):
    """Where protected brands are found.

    Thread:
        Any; several at once.
    """

    def revision(self) -> str:
        """Of the brands as last seen; answers at once, never raises."""
        ...

    def look(self) -> str:
        """Of the brands now, or a moment ago; may wait, never raises."""
        ...

    def registered(self) -> Registered:
        """All brands and pictures.

        Raises:
            StoreError: They cannot be read.
        """
        ...


class NoBrands:
    """A registry without a brand."""

    def revision(self) -> str:
        """Always the same."""
        return "none"

    def look(self) -> str:
        """Always the same."""
        return "none"

    def registered(self) -> Registered:
        """Nothing."""
        return Registered("none")


@dataclass(frozen=True, slots=True)
class _Known:
    revision: str
    pictures: Gallery | None  # None without a picture
    owners: tuple[tuple[int, Brand], ...]  # of each picture: its id, and the brand


class Matcher:
    """Compares pages with the registered pictures, which are kept until they change.

    Thread:
        Any; several at once.
    """

    def __init__(self, embedder: Embedder, registry: Registry) -> None:
        self._embedder = embedder
        self._registry = registry
        self._lock = threading.Lock()
        self._known: _Known | None = None

    @property
    def revision(self) -> str:
        """Of the registered brands."""
        return self._registry.revision()

    def match(self, seen: Seen, host: str) -> BrandMatch | None:
        """The brand whose picture is most like it; None where none is registered.

        Args:
            seen: In the screenshot.
            host: Where the page stands, as DNS has it; "" for not known.

        Raises:
            StoreError: The brands cannot be read.
            DetectorError: The model cannot be loaded.
        """
        known = self._current()
        if known.pictures is None:
            return None
        alike = compare(known.pictures, seen)
        similarities = self._embedder.rule.scores(alike.features())
        at = int(np.argmax(similarities))
        reference_id, brand = known.owners[at]
        own = bool(host) and is_own(host, brand.domains)
        shown = alike.logo_sure[:, at] > 0.0
        logo = float(alike.logo[shown, at].max()) if shown.any() else None
        return BrandMatch(
            brand.name, float(similarities[at]), reference_id, own, logo, float(alike.look[at])
        )

    def _current(self) -> _Known:
        with self._lock:
            if self._known is None or self._known.revision != self._registry.look():
                self._known = self._read()
            return self._known

    def _read(self) -> _Known:
        found = self._registry.registered()
        brands = {brand.id: brand for brand in found.brands}
        kept = tuple(one for one in found.references if one.brand_id in brands)
        owners = tuple((one.id, brands[one.brand_id]) for one in kept)
        seen = [self._embedder.unpack(one.embedding, one.png) for one in kept]
        return _Known(found.revision, gallery_of(seen) if seen else None, owners)
