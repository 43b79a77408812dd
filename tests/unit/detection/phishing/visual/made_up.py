"""A registry in memory."""

from collections.abc import Sequence

from soc_copilot.detection.phishing.visual.matching import Registered
from soc_copilot.domain.brand import Brand, BrandReference


class Shelf:
    """Brands that a test sets."""

    def __init__(self) -> None:
        self.now = Registered("0")
        self.n_read = 0

    def put(self, brands: Sequence[tuple[str, tuple[str, ...], tuple[bytes, bytes]]]) -> None:
        """One picture each: name, domains, (png, embedding)."""
        self.now = Registered(
            str(int(self.now.revision) + 1),
            tuple(Brand(i, name, domains, 1) for i, (name, domains, _) in enumerate(brands)),
            tuple(BrandReference(100 + i, i, *kept, 0) for i, (_, _, kept) in enumerate(brands)),
        )

    def revision(self) -> str:
        return self.now.revision

    def look(self) -> str:
        return self.now.revision

    def registered(self) -> Registered:
        self.n_read += 1
        return self.now
