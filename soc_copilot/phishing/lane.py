"""A part on a thread of its own, so that one that hangs holds up nobody else."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Final, Protocol, runtime_checkable

from soc_copilot.domain.phishing import Analyser, Content, PartResult

logger = logging.getLogger(__name__)

MAX_STRAYS: Final = 4  # chosen: threads that never came back; then the part waits for one that does

_LOG_GAP_S: Final = 10.0  # standard of the project

Seen = Callable[[str, str, float, int], None]
"""Told of a part's name, "ok" or "failed", the seconds that so many contents took, and how many."""


@runtime_checkable
class BatchAnalyser(Protocol):
    """A part that scores several contents faster together than one by one."""

    def analyse_many(self, contents: Sequence[Content]) -> Sequence[PartResult]:
        """One result each, in order; as `analyse` otherwise."""
        ...


class Ticket:
    """Contents on their way through a part.

    Attributes:
        results: So far, in order.
        done: Set to None when there are as many results as contents.
    """

    __slots__ = ("contents", "done", "results")

    def __init__(self, contents: Sequence[Content]) -> None:
        self.contents = contents
        self.results: list[PartResult] = []
        self.done: Future[None] = Future()


class _Thread:
    """One thread and what waits for it."""

    def __init__(self, work: Callable[[Ticket], None], name: str) -> None:
        self.tickets: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self._work = work
        self._thread = threading.Thread(target=self._run, name=f"part-{name}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self, timeout_s: float) -> bool:
        self.tickets.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (ticket := self.tickets.get()) is not None:
            self._work(ticket)
            ticket.done.set_result(None)


class PartLane:
    """Runs one part.

    Args:
        part: What to run.
        seen: Told of what was scored.

    Thread:
        Any; contents are scored on the lane's own.
    """

    def __init__(self, part: Analyser, seen: Seen = lambda name, state, seconds, n: None) -> None:
        self.part = part
        self._many = part if isinstance(part, BatchAnalyser) else None
        self._seen = seen
        self._lock = threading.Lock()
        self._thread = _Thread(self._work, part.name)
        self._strays: list[_Thread] = []
        self._logged_s = -_LOG_GAP_S
        self._n_unlogged = 0

    @property
    def n_strays(self) -> int:
        """Threads that are still busy with what took too long."""
        return sum(stray.is_alive for stray in self._strays)

    def start(self, contents: Sequence[Content]) -> Ticket:
        """Begin to score contents."""
        ticket = Ticket(contents)
        with self._lock:
            self._thread.tickets.put(ticket)
        return ticket

    def renew(self, ticket: Ticket) -> None:
        """Leave the thread behind that is busy with a ticket; others go to a new one.

        Once too many were left behind none is made any more until one has come back.
        """
        with self._lock:
            self._strays = [stray for stray in self._strays if stray.is_alive]
            if ticket.done.done() or len(self._strays) >= MAX_STRAYS:
                return
            old, self._thread = self._thread, _Thread(self._work, self.part.name)
            self._strays.append(old)
            old.tickets.put(None)  # it ends when it comes back
        logger.warning("A part hangs; a new thread takes over. part=%s", self.part.name)

    def close(self, timeout_s: float) -> bool:
        """End the thread; False when it is still busy."""
        is_done = self._thread.stop(timeout_s)
        if not is_done or self.n_strays:
            logger.error("A part is still busy. part=%s", self.part.name)
        return is_done

    # On the lane's thread

    def _work(self, ticket: Ticket) -> None:
        if len(ticket.contents) > 1 and self._many is not None:
            began = time.perf_counter()
            try:
                found = list(self._many.analyse_many(ticket.contents))
                if len(found) != len(ticket.contents):
                    raise ValueError(f"{len(found)} results for {len(ticket.contents)} contents")
            except Exception:
                # One of them may be the reason: the others get their answers.
                if n := self._due():
                    logger.exception("A part failed on a batch. part=%s n=%s", self.part.name, n)
            else:
                took_s = time.perf_counter() - began
                self._seen(self.part.name, "ok", took_s, len(found))
                each_ms = took_s * 1e3 / len(found)
                ticket.results = [replace(result, latency_ms=each_ms) for result in found]
                return
        for content in ticket.contents:
            ticket.results.append(self._one(content))

    def _one(self, content: Content) -> PartResult:
        began = time.perf_counter()
        try:
            result = self.part.analyse(content)
        except Exception as error:
            if n := self._due():
                logger.exception("A part failed. part=%s n=%s", self.part.name, n)
            words = f"{type(error).__name__}: {error}"[:200]
            result = PartResult(self.part.name, None, state="failed", detail=words)
        took_s = time.perf_counter() - began
        self._seen(self.part.name, result.state, took_s, 1)
        return replace(result, latency_ms=took_s * 1e3)

    def _due(self) -> int:
        """So many failures are to be logged now: hostile contents may fail one after another."""
        self._n_unlogged += 1
        now_s = time.monotonic()
        if now_s - self._logged_s < _LOG_GAP_S:
            return 0
        n, self._n_unlogged, self._logged_s = self._n_unlogged, 0, now_s
        return n
