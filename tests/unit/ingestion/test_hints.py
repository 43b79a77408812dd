"""Hints wake the reader, and polling goes on without them."""

import threading

from soc_copilot.ingestion.hints import ChangeHints


def test_a_change_in_a_watched_folder_sets_both_events(tmp_path):
    wake, hint = threading.Event(), threading.Event()
    hints = ChangeHints(wake)
    if hints.start() == "" and hints.watch(1, tmp_path, recursive=False, hint=hint) == "":
        (tmp_path / "a.log").write_bytes(b"x")
        assert wake.wait(5)
        assert hint.wait(5)
    hints.unwatch(1)
    hints.stop()
    assert not [t for t in threading.enumerate() if "notify" in t.name.lower()]


def test_a_folder_that_cannot_be_watched_is_said(tmp_path):
    hints = ChangeHints(threading.Event())
    note = hints.start()
    told = hints.watch(1, tmp_path / "none", recursive=False, hint=threading.Event())
    hints.stop()
    assert note or "polled only" in told
