"""Protected brands as the visual part sees them: those in the governance database, as of now."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from soc_copilot.detection.phishing.visual.matching import Registered
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SocCopilotError
from soc_copilot.governance.database import Governance

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0  # chosen: as soon as the kill switch of another process takes effect


class StoredBrands:
    """The brands in a governance database.

    Each reading opens the database anew, since parts are asked on threads of their own.

    Args:
        open_governance: Opens it, for reading only, on the thread that calls.
        look_every_s: How long a revision is believed.
        clock: Where the time comes from.

    Thread:
        Any; several at once.
    """

    def __init__(
        self,
        open_governance: Callable[[], Governance],
        *,
        look_every_s: float = LOOK_EVERY_S,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._open = open_governance
        self._look_every_s = look_every_s
        self._clock = clock
        self._lock = threading.Lock()  # held by whoever looks; never waited for by `revision`
        self._revision = "none"
        self._next_s = float("-inf")
        self._is_failing = False

    def revision(self) -> str:
        """Of the brands as last seen, at once; where that is long ago, a thread looks anew."""
        if self._is_due() and not self._lock.locked():
            threading.Thread(target=self.look, name="brands", daemon=True).start()
        return self._revision

    def look(self) -> str:
        """The revision now, or a moment ago; the last one known where it cannot be read."""
        with self._lock:
            if self._is_due():
                try:
                    with self._open() as governance:
                        self._saw(governance.brands.revision())
                except (SocCopilotError, OSError) as error:
                    if not self._is_failing:
                        logger.warning("The protected brands cannot be read. reason=%s", error)
                    self._is_failing = True
                    self._next_s = self._clock.monotonic_s() + self._look_every_s
            return self._revision

    def registered(self) -> Registered:
        """All brands and pictures.

        Raises:
            StoreError: They cannot be read.
        """
        with self._lock, self._open() as governance:
            # Read first: what changes in between makes another reading, never a missed one.
            self._saw(governance.brands.revision())
            brands = governance.brands.all()
            found = [one for brand in brands for one in governance.brands.references(brand.id)]
            return Registered(self._revision, brands, tuple(found))

    def _is_due(self) -> bool:
        return self._clock.monotonic_s() >= self._next_s

    def _saw(self, revision: str) -> None:
        self._revision, self._is_failing = revision, False
        self._next_s = self._clock.monotonic_s() + self._look_every_s
