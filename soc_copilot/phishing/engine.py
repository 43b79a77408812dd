"""From a task to its answer: known already, or read, analysed by every part, and kept."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from soc_copilot.domain.errors import DetectorError, ParseError, SocCopilotError
from soc_copilot.domain.phishing import Analysis, Content, ContentType
from soc_copilot.phishing.cache import Cache
from soc_copilot.phishing.orchestrator import Orchestrator, PartHealth
from soc_copilot.phishing.tasks import Task, key_of

logger = logging.getLogger(__name__)

Reader = Callable[[ContentType, bytes, bytes | None], Content]
"""Takes a content apart: kind, bytes, screenshot. Raises ParseError where it cannot."""
Result = Analysis | SocCopilotError
"""An answer, or why there is none."""
Looked = Callable[[bool], None]
"""Told whether an answer was known already."""


class Engine:
    """Answers tasks.

    Args:
        orchestrator: Asks the parts.
        cache: Knows answers.
        read: Takes contents apart.
        looked: Told of each look into the cache.

    Thread:
        Any; several at once.
    """

    def __init__(
        self,
        orchestrator: Orchestrator,
        cache: Cache,
        read: Reader,
        looked: Looked = lambda is_known: None,
    ) -> None:
        self._orchestrator = orchestrator
        self._cache = cache
        self._read = read
        self._looked = looked

    @property
    def version(self) -> str:
        """Of all models and thresholds together."""
        return self._orchestrator.version

    @property
    def is_near(self) -> bool:
        """True when `known` answers at once."""
        return self._cache.is_near

    def known(self, task: Task) -> Analysis | None:
        """The answer, where it is known already and may be used."""
        began = time.perf_counter()
        if task.is_forced:
            return None
        found = self._cache.get(key_of(task, self.version))
        self._looked(found is not None)
        if found is None:
            return None
        return replace(
            found,
            request_id=task.id,
            cached=True,
            processing_time_ms=(time.perf_counter() - began) * 1e3,
            timestamp=datetime.now(UTC),
        )

    def work(self, tasks: Sequence[Task]) -> list[Result]:
        """Analyse tasks together; one result each, in order. The cache is not asked."""
        results: dict[int, Result] = {}
        contents: dict[int, Content] = {}
        for at, task in enumerate(tasks):
            try:
                contents[at] = self._read(task.kind, task.raw, task.screenshot)
            except SocCopilotError as error:
                results[at] = error
            except Exception:
                logger.exception("A content cannot be read. kind=%s", task.kind)
                results[at] = ParseError(f"This {task.kind} cannot be taken apart; see the log.")
        outcomes = self._orchestrator.analyse_many(
            list(contents.values()), [tasks[at].id for at in contents]
        )
        for at, outcome in zip(contents, outcomes, strict=True):
            results[at] = outcome
            # An answer that lacks a part would outlive the part's failure.
            if not isinstance(outcome, DetectorError) and not outcome.degraded:
                self._cache.put(key_of(tasks[at], outcome.model_version), outcome)
        return [results[at] for at in range(len(tasks))]

    def health(self) -> tuple[PartHealth, ...]:
        """How each part is doing."""
        return self._orchestrator.health()

    def close(self) -> bool:
        """End the parts' threads and keep what is known; False when a part is still busy."""
        is_done = self._orchestrator.close()
        self._cache.close()
        return is_done
