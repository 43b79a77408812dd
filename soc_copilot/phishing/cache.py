"""Answers that are known already, for some minutes, within bounds."""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

import msgspec

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.phishing import Analysis
from soc_copilot.phishing.tasks import encode_analysis

logger = logging.getLogger(__name__)

TTL_S: Final = 300.0  # the product's specification
MAX_ENTRIES: Final = 20_000  # chosen: more than are asked for twice within the time
MAX_BYTES: Final = 64 * 1024 * 1024  # chosen: as JSON; about three times that in memory
_FORMAT: Final = 1


class Cache(Protocol):
    """Where answers are kept.

    Attributes:
        is_near: It answers at once, so may be asked where nothing may wait.
    """

    is_near: bool

    def get(self, key: str) -> Analysis | None:
        """The answer, None where none is known."""
        ...

    def put(self, key: str, analysis: Analysis) -> None:
        """Keep an answer."""
        ...

    def close(self) -> None:
        """Keep for the next start what is to be kept."""
        ...


class _Kept(msgspec.Struct):
    key: str
    expires_ns: int
    analysis: Analysis


class MemoryCache:
    """Keeps answers in this process; the oldest go first when there is no room.

    Args:
        path: File that keeps them over a restart, written by `save` and `close`; None for none.
        ttl_s: How long an answer is known.
        max_entries: How many are.
        max_bytes: All of them together, as JSON.
        clock: Where the time comes from.

    Thread:
        Any.
    """

    is_near = True

    def __init__(
        self,
        path: Path | None = None,
        *,
        ttl_s: float = TTL_S,
        max_entries: int = MAX_ENTRIES,
        max_bytes: int = MAX_BYTES,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._path = path
        self._ttl_s = ttl_s
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = threading.Lock()
        # In the order in which they expire, as all are kept equally long.
        self._found: OrderedDict[str, tuple[float, int, Analysis]] = OrderedDict()
        self._n_bytes = 0
        if path is not None:
            self._load(path)

    def __len__(self) -> int:
        return len(self._found)

    @property
    def n_bytes(self) -> int:
        """All answers together, as JSON."""
        return self._n_bytes

    def get(self, key: str) -> Analysis | None:
        """The answer, None where none is known."""
        found = self._found.get(key)
        if found is None or found[0] <= self._clock.monotonic_s():
            return None
        return found[2]

    def put(self, key: str, analysis: Analysis) -> None:
        """Keep an answer."""
        self._put(key, analysis, self._clock.monotonic_s() + self._ttl_s)

    def save(self) -> None:
        """Write the file, where there is one."""
        if self._path is None:
            return
        now_s, now_ns = self._clock.monotonic_s(), self._clock.now_ns()
        with self._lock:
            rows = [(key, until, analysis) for key, (until, _, analysis) in self._found.items()]
        lines = (
            msgspec.json.encode(_Kept(key, now_ns + int((until - now_s) * 1e9), analysis))
            for key, until, analysis in rows
            if until > now_s
        )
        try:
            _write(self._path, lines)
        except OSError:
            logger.exception('The kept answers were not written. file="%s"', self._path)

    def close(self) -> None:
        """Write the file, where there is one."""
        self.save()

    def _put(self, key: str, analysis: Analysis, until_s: float) -> None:
        size = len(encode_analysis(analysis)) + len(key)
        if size > self._max_bytes:
            return
        with self._lock:
            self._remove(key)
            self._found[key] = (until_s, size, analysis)
            self._n_bytes += size
            now_s = self._clock.monotonic_s()
            while (
                len(self._found) > self._max_entries
                or self._n_bytes > self._max_bytes
                or next(iter(self._found.values()))[0] <= now_s
            ):
                self._remove(next(iter(self._found)))
                if not self._found:
                    return

    def _remove(self, key: str) -> None:
        if (found := self._found.pop(key, None)) is not None:
            self._n_bytes -= found[1]

    def _load(self, path: Path) -> None:
        """Take up what was kept; a file that cannot be read counts as none."""
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning('Kept answers cannot be read. file="%s" reason=%s', path, error.strerror)
            return
        now_s, now_ns = self._clock.monotonic_s(), self._clock.now_ns()
        try:
            if not lines or msgspec.json.decode(lines[0]) != {"format": _FORMAT}:
                raise ValueError("another format")
            kept = [msgspec.json.decode(line, type=_Kept) for line in lines[1:]]
        except (msgspec.DecodeError, ValueError) as error:
            logger.warning('Kept answers are not usable. file="%s" reason=%s', path, error)
            return
        for one in kept:
            left_s = min((one.expires_ns - now_ns) / 1e9, self._ttl_s)
            if left_s > 0:
                self._put(one.key, one.analysis, now_s + left_s)


def _write(path: Path, lines: Iterable[bytes]) -> None:
    """Write a file that only its owner may read, all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b'{"format":%d}\n' % _FORMAT)
        file.writelines(line + b"\n" for line in lines)
    new.replace(path)
