"""Questions to the database of which only the latest answer matters."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from soc_copilot.ui.workers import JobRunner, is_there

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

T = TypeVar("T")


class Latest:
    """Asks one question at a time; while one is on its way only the newest other waits.

    So a slow count or search is never queued up behind its own predecessors. GUI thread only.

    Args:
        jobs: Where they run.
        failed: Called with a sentence for the operator.
        slow: True for questions that may take seconds.
    """

    def __init__(
        self, jobs: JobRunner, failed: Callable[[str], None], *, slow: bool = False
    ) -> None:
        self._failed = failed
        self._submit = jobs.submit_search if slow else jobs.submit
        self._is_busy = False
        self._waiting: tuple[Callable[[Governance], Any], Callable[[Any], None]] | None = None

    @property
    def is_busy(self) -> bool:
        """True while an answer is on its way."""
        return self._is_busy

    def ask(self, question: "Callable[[Governance], T]", answer: Callable[[T], None]) -> None:
        """Ask; `answer` is called on the GUI thread.

        Unless a newer question came meanwhile, or the widget whose method it is was deleted.
        """
        if self._is_busy:
            self._waiting = (question, answer)
            return
        self._is_busy = True

        def done(result: T) -> None:
            if not self._go_on() and is_there(answer):
                answer(result)

        def failed(text: str) -> None:
            if not self._go_on() and is_there(self._failed):
                self._failed(text)

        self._submit(question, done, failed)

    def _go_on(self) -> bool:
        """Ask what waits; True when the answer just come is out of date."""
        self._is_busy = False
        if self._waiting is None:
            return False
        waiting, self._waiting = self._waiting, None
        self.ask(*waiting)
        return True
