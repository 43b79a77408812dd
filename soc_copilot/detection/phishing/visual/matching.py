"""Which protected brand a screenshot is most like."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.detection.phishing.visual.model import Floats
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
class _Gallery:
    revision: str
    embeddings: Floats
    owners: tuple[tuple[int, Brand], ...]  # of each row: its picture's id, and the brand


class Matcher:
    """Compares embeddings with those of the registered pictures, which are kept until they change.

    Thread:
        Any; several at once.
    """

    def __init__(self, embedder: Embedder, registry: Registry) -> None:
        self._embedder = embedder
        self._registry = registry
        self._lock = threading.Lock()
        self._gallery: _Gallery | None = None

    @property
    def revision(self) -> str:
        """Of the registered brands."""
        return self._registry.revision()

    def match(self, embedding: Floats, host: str) -> BrandMatch | None:
        """The brand whose picture is most like it; None where none is registered.

        Args:
            embedding: Of the screenshot.
            host: Where the page stands, as DNS has it; "" for not known.

        Raises:
            StoreError: The brands cannot be read.
            DetectorError: The model cannot be loaded.
        """
        gallery = self._current()
        if not gallery.owners:
            return None
        similarities = gallery.embeddings @ embedding
        at = int(np.argmax(similarities))
        reference_id, brand = gallery.owners[at]
        own = bool(host) and is_own(host, brand.domains)
        return BrandMatch(brand.name, float(similarities[at]), reference_id, own)

    def _current(self) -> _Gallery:
        with self._lock:
            if self._gallery is None or self._gallery.revision != self._registry.look():
                self._gallery = self._read()
            return self._gallery

    def _read(self) -> _Gallery:
        found = self._registry.registered()
        brands = {brand.id: brand for brand in found.brands}
        kept = tuple(one for one in found.references if one.brand_id in brands)
        owners = tuple((one.id, brands[one.brand_id]) for one in kept)
        return _Gallery(found.revision, _stack(self._embedder, kept), owners)


def _stack(embedder: Embedder, references: Sequence[BrandReference]) -> Floats:
    rows = [embedder.unpack(one.embedding, one.png) for one in references]
    return np.stack(rows) if rows else np.empty((0, 0), np.float32)
