"""Of questions asked in a hurry only the newest is answered."""

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from soc_copilot.ui.latest import Latest


class FakeJobs:
    """Holds each question until the test answers it."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, Callable[[Any], None], Callable[[str], None]]] = []
        self.n_slow = 0

    def submit(self, fn: Any, done: Callable[[Any], None], failed: Callable[[str], None]) -> None:
        self.asked.append((fn, done, failed))

    def submit_search(self, fn: Any, done: Any, failed: Any) -> None:
        self.n_slow += 1
        self.submit(fn, done, failed)


@pytest.fixture
def jobs(qtbot: QtBot) -> Any:
    return FakeJobs()


def test_only_the_newest_of_the_waiting_questions_is_asked(jobs: Any) -> None:
    latest, got = Latest(jobs, got_none), []
    for name in ("first", "second", "third"):
        latest.ask(name, got.append)  # type: ignore[arg-type]
    assert [one[0] for one in jobs.asked] == ["first"]
    jobs.asked[0][1]("old answer")
    assert [one[0] for one in jobs.asked] == ["first", "third"]
    jobs.asked[1][1]("new answer")
    assert got == ["new answer"]
    assert not latest.is_busy


def test_a_failure_is_told_unless_a_newer_question_waits(jobs: Any) -> None:
    told: list[str] = []
    latest = Latest(jobs, told.append)
    latest.ask("first", got_none)  # type: ignore[arg-type]
    latest.ask("second", got_none)  # type: ignore[arg-type]
    jobs.asked[0][2]("too late to matter")
    jobs.asked[1][2]("The disk is gone.")
    assert told == ["The disk is gone."]


def test_slow_questions_go_beside_the_short_jobs(jobs: Any) -> None:
    Latest(jobs, got_none, slow=True).ask("search", got_none)  # type: ignore[arg-type]
    assert jobs.n_slow == 1


class Asker(QObject):
    def take(self, _answer: object) -> None:
        self.objectName()  # as a page looks at its widgets


def test_what_was_deleted_meanwhile_is_told_nothing(jobs: Any) -> None:
    owner = Asker()
    latest = Latest(jobs, owner.take)
    for n, question in enumerate(("answered", "failed")):
        latest.ask(question, owner.take)  # type: ignore[arg-type]
        if not n:
            delete(owner)
        jobs.asked[n][1 + n]("too late")
    assert not latest.is_busy


def got_none(_answer: object) -> None:
    raise AssertionError("nothing was expected here")
