"""What was answered lately in each session, for whoever comes back to it."""

import threading
from collections import OrderedDict, deque
from typing import Final, Protocol

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.phishing.cache import TTL_S

MAX_SESSIONS: Final = (
    10_000  # chosen: with `MAX_EACH` answers of 300 bytes, 300 MB at the very most
)
MAX_EACH: Final = 100  # chosen: more than one looks back at


class Sessions(Protocol):
    """Where sessions are kept."""

    def note(self, user_id: str, session_id: str, data: bytes) -> None:
        """Remember an answer."""
        ...

    def recent(self, user_id: str, session_id: str) -> list[bytes]:
        """The last answers, the newest first."""
        ...


class MemorySessions:
    """Keeps sessions in this process; the one unused for longest goes when there is no room.

    Args:
        ttl_s: How long a session is known after its last answer.
        max_sessions: How many are.
        max_each: Answers of each.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    def __init__(
        self,
        *,
        ttl_s: float = TTL_S,
        max_sessions: int = MAX_SESSIONS,
        max_each: int = MAX_EACH,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._ttl_s = ttl_s
        self._max_sessions = max_sessions
        self._max_each = max_each
        self._clock = clock
        self._lock = threading.Lock()
        # In the order in which they expire.
        self._found: OrderedDict[tuple[str, str], tuple[float, deque[bytes]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._found)

    def note(self, user_id: str, session_id: str, data: bytes) -> None:
        """Remember an answer."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            until_s, kept = self._found.pop((user_id, session_id), (0.0, None))
            if kept is None or until_s <= now_s:
                kept = deque(maxlen=self._max_each)
            kept.appendleft(data)
            self._found[user_id, session_id] = (now_s + self._ttl_s, kept)
            while (
                len(self._found) > self._max_sessions
                or next(iter(self._found.values()))[0] <= now_s
            ):
                self._found.popitem(last=False)

    def recent(self, user_id: str, session_id: str) -> list[bytes]:
        """The last answers, the newest first."""
        with self._lock:
            until_s, kept = self._found.get((user_id, session_id), (0.0, None))
            return list(kept) if kept is not None and until_s > self._clock.monotonic_s() else []
