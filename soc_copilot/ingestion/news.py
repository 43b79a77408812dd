"""What happened to a source: for the log, for its status, and as events for the store."""

import logging
from collections.abc import Iterable
from typing import Final

from soc_copilot.domain.clock import Clock
from soc_copilot.domain.records import SourceEvent

logger = logging.getLogger(__name__)

_MESSAGES_KEPT: Final = 50  # chosen: shown per source
_RANKS: Final = ("quarantined", "denied", "error")  # a source's state is the first of its files'


class News:
    """Makes a source's events, and keeps what the last ones said.

    Args:
        source_id: Row id of the source.
        clock: Where the time comes from.

    Thread:
        That of the source's `poll`.
    """

    def __init__(self, source_id: int, clock: Clock) -> None:
        self._source_id = source_id
        self._clock = clock
        self.messages: tuple[str, ...] = ()

    def event(
        self,
        kind: str,
        message: str,
        generation: int,
        *,
        is_loss: bool = False,
        n_lost: int | None = None,
    ) -> SourceEvent:
        """An event of now; a known number of lost records makes it a loss."""
        is_loss = is_loss or n_lost is not None
        logger.log(
            logging.ERROR if is_loss else logging.INFO,
            "A source has news. source=%s kind=%s",
            self._source_id,
            kind,
        )
        self.messages = (*self.messages, message)[-_MESSAGES_KEPT:]
        return SourceEvent(kind, message, self._clock.now_ns(), generation, is_loss, n_lost)


def worst(troubles: Iterable[tuple[str, str]]) -> tuple[str, str] | None:
    """The trouble (state, detail) of a source's files that the source's own state tells."""
    found = list(troubles)
    return next((one for state in _RANKS for one in found if one[0] == state), None)
