"""Jobs come back on the GUI thread; messages wait until they were read."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from soc_copilot.domain.errors import StoreError
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets import MessageBar, PlainLabel, safe_tip
from soc_copilot.ui.workers import JobControl, JobRunner


class Nothing:
    def close(self) -> None: ...


@pytest.fixture
def jobs(qtbot: QtBot) -> Iterator[JobRunner]:
    opener: Any = Nothing
    runner = JobRunner(opener)
    yield runner
    assert runner.join(60_000)


def test_a_result_comes_back_on_the_gui_thread(jobs: JobRunner, qtbot: QtBot) -> None:
    seen: list[tuple[bool, bool]] = []
    gui = threading.get_ident()
    jobs.submit(
        lambda _: threading.get_ident() != gui,
        lambda elsewhere: seen.append((elsewhere, threading.get_ident() == gui)),
    )
    qtbot.waitUntil(lambda: seen == [(True, True)])


def test_a_failure_is_told_in_the_operators_words(jobs: JobRunner, qtbot: QtBot) -> None:
    told: list[str] = []

    def fail(_: object) -> None:
        raise StoreError("The disk is full.")

    jobs.submit(fail, None, told.append)
    qtbot.waitUntil(lambda: told == ["The disk is full."])


def test_a_model_is_always_used_by_one_thread_that_waits_for_no_search(
    jobs: JobRunner, qtbot: QtBot
) -> None:
    go_on, threads = threading.Event(), list[int]()
    jobs.submit_search(lambda _: go_on.wait(10))
    jobs.submit_long(lambda _g, _c: go_on.wait(10))
    for _ in range(2):
        jobs.submit_model(lambda _: threading.get_ident(), threads.append)
    qtbot.waitUntil(lambda: len(threads) == 2, timeout=5_000)
    go_on.set()
    assert threads[0] == threads[1] != threading.get_ident()


class Asker(QObject):
    """Asks with a method and with a function within one, as the table models do."""

    def __init__(self, told: list[str]) -> None:
        super().__init__()
        self._told = told

    def ask(self, jobs: JobRunner, go_on: threading.Event) -> None:
        def finish(_: object) -> None:
            self.setObjectName("answered")  # raises where the object is deleted
            self._told.append("function")

        jobs.submit(lambda _: go_on.wait(60), finish)
        jobs.submit(lambda _: True, self._finish)

    def _finish(self, _: object) -> None:
        self._told.append("method")


@pytest.mark.parametrize("deleted", [False, True])
def test_an_answer_for_a_deleted_object_is_dropped(
    jobs: JobRunner, qtbot: QtBot, deleted: bool
) -> None:
    told, go_on, last = list[str](), threading.Event(), list[bool]()
    asker = Asker(told)
    asker.ask(jobs, go_on)
    jobs.submit(lambda _: True, last.append)
    if deleted:
        delete(asker)
    go_on.set()
    qtbot.waitUntil(lambda: bool(last))
    assert told == ([] if deleted else ["function", "method"])


def test_a_cancelled_long_job_ends_in_silence(jobs: JobRunner, qtbot: QtBot) -> None:
    told: list[object] = []
    begun, ended = threading.Event(), threading.Event()

    def work(_: object, control: JobControl) -> None:
        try:
            while True:
                begun.set()
                control.report(1, 10)
        finally:
            ended.set()

    job = jobs.submit_long(work, told.append, told.append)
    assert begun.wait(60)
    job.cancel()
    assert ended.wait(60)
    done: list[object] = []
    jobs.submit_long(lambda _g, _c: None, done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert told == []


def test_an_error_stays_until_dismissed_and_can_be_copied(qtbot: QtBot) -> None:
    bar = MessageBar(Theme("dark"))
    qtbot.addWidget(bar)
    bar.show_message("info", "One")
    bar.show_message("error", "Two", "why")
    bar.show_message("ok", "Three")
    assert bar.current == ("error", "Two", "why")
    bar.copy_button.click()
    assert QGuiApplication.clipboard().text() == "Two\n\nwhy"
    bar.details_button.click()
    assert not bar.details.isHidden()
    bar.dismiss()
    assert bar.current == ("ok", "Three", "")
    bar.dismiss()
    assert bar.isHidden()


def test_markup_is_shown_and_never_taken_for_markup(qtbot: QtBot) -> None:
    label = PlainLabel("<b>x</b>\u202e")
    qtbot.addWidget(label)
    assert label.text() == "<b>x</b>\\u202e"
    assert "&lt;img" in safe_tip("<img src=x>")
