"""Hints wake whom they concern, and polling goes on without them."""

import errno
import threading

from soc_copilot.ingestion.hints import ChangeHints, Hint


def wait_for(hint):
    for _ in range(6_000):
        if hint.is_set:
            return True
        threading.Event().wait(0.01)
    return False


def test_a_change_is_told_to_those_who_want_to_know_of_the_file(tmp_path):
    wake, of_all, of_a, of_b = threading.Event(), Hint(), Hint(), Hint()
    a = tmp_path / "a.log"
    hints = ChangeHints(wake)
    assert hints.start() == ""
    assert hints.watch(1, tmp_path, recursive=False, hint=of_all) == ""
    hints.watch(2, tmp_path, recursive=False, hint=of_a, path=str(a))
    hints.watch(3, tmp_path, recursive=False, hint=of_b, path=str(tmp_path / "b.log"))
    a.write_bytes(b"x")
    assert wake.wait(60)
    assert wait_for(of_all)
    assert wait_for(of_a)
    assert str(a) in of_a.take()
    assert not of_b.is_set
    for key in (1, 2, 3):
        hints.unwatch(key)
    hints.stop()
    assert not [t for t in threading.enumerate() if "notify" in t.name.lower()]


def test_too_many_changes_become_anything():
    hint = Hint()
    assert hint.take() == frozenset()
    for n in range(1001):
        hint.note(f"{n}")
    assert hint.take() is None
    assert not hint.is_set
    hint.note("a")
    assert hint.take() == {"a"}


def test_a_folder_that_cannot_be_watched_is_said(tmp_path):
    hints = ChangeHints(threading.Event())
    note = hints.start()
    told = hints.watch(1, tmp_path / "none", recursive=False, hint=Hint())
    hints.stop()
    assert note or "polled only" in told


def test_when_the_system_has_no_watches_left_that_is_said(tmp_path, monkeypatch):
    hints = ChangeHints(threading.Event())
    assert hints.start() == ""

    def refuse(*args, **options):
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    monkeypatch.setattr(hints._observer, "schedule", refuse)
    told = hints.watch(1, tmp_path, recursive=False, hint=Hint())
    monkeypatch.undo()
    assert "watch limit" in told
    assert hints.watch(1, tmp_path, recursive=False, hint=Hint()) == ""
    hints.stop()
