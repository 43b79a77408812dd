"""Watching a folder is one decision: source added, ingestion started, page shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.ui import exercise
from soc_copilot.ui.dialogs import WatchFolderDialog, WindowDialogs
from soc_copilot.ui.dialogs.watch_folder import BATCH_S, watch_folder
from soc_copilot.ui.ingest_worker import IngestWorker, WorkerThread
from tests.ui.desk_support import ANALYST, HOSTILE, DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def dialog(bench: DeskBench, qtbot: QtBot) -> WatchFolderDialog:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    WindowDialogs(bench.desk, window)
    bench.desk.actions.trigger("host.watch")
    return bench.dialog(WatchFolderDialog, window)


def type_in(bench: DeskBench, dialog: WatchFolderDialog, path: str) -> None:
    dialog.path_edit.setText(path)
    dialog.look()
    bench.settle()


def test_nothing_can_be_accepted_before_a_folder_is_found(
    bench: DeskBench, dialog: WatchFolderDialog
) -> None:
    assert not dialog.accept_button.isEnabled()
    type_in(bench, dialog, str(bench.folder / "none"))
    assert not dialog.accept_button.isEnabled()
    assert "there is none" in dialog.problem.text()
    dialog.accept()
    assert bench.governance.sources.list() == ()
    dialog.reject()


def test_a_folder_becomes_a_source_and_ingestion_starts(
    bench: DeskBench, dialog: WatchFolderDialog
) -> None:
    started: list[int] = []
    opened: list[tuple[str, object]] = []
    changed: list[int] = []
    bench.desk.start_requested.connect(lambda: started.append(1))
    bench.desk.sources_changed.connect(lambda: changed.append(1))
    bench.desk.page_requested.connect(lambda name, args: opened.append((name, args)))
    assert "Ingestion starts" in dialog.note.text()
    (bench.folder / "papers").mkdir()
    type_in(bench, dialog, str(bench.folder / "papers"))
    dialog.accept_button.click()
    bench.settle()
    (source,) = bench.governance.sources.list()
    assert (source.kind, source.path) == ("activity", str(bench.folder / "papers"))
    assert source.name == "Watched: papers"
    assert source.options.changed == {"recursive": True, "batch_interval_s": BATCH_S}
    assert (len(started), len(changed)) == (1, 1)
    assert opened == [("host", {"source_id": source.id})]
    assert bench.messages == [("ok", "Watched: papers, from now on.")]


def test_ingestion_that_runs_is_not_started_again(
    bench: DeskBench, dialog: WatchFolderDialog
) -> None:
    started: list[int] = []
    bench.desk.start_requested.connect(lambda: started.append(1))
    bench.desk.set_ingestion("running")
    type_in(bench, dialog, str(bench.folder))
    dialog.accept()
    bench.settle()
    assert started == []
    assert len(bench.governance.sources.list()) == 1


def test_a_demonstration_folder_is_made_and_filled_in(
    bench: DeskBench, dialog: WatchFolderDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = exercise.make_folder
    monkeypatch.setattr(exercise, "make_folder", lambda: make(bench.folder))
    dialog.make_button.click()
    bench.settle()
    folder = Path(dialog.path_edit.text())
    assert exercise.is_ours(folder)
    assert dialog.accept_button.isEnabled()
    dialog.accept()
    bench.settle()
    assert [one.name for one in bench.governance.sources.list()] == [
        "Watched: demonstration folder"
    ]


def test_a_folder_that_cannot_be_made_is_told(
    bench: DeskBench, dialog: WatchFolderDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exercise, "make_folder", refuse)
    dialog.make_button.click()
    bench.settle()
    assert "No space left on device. Choose a folder." in dialog.problem.text()
    assert dialog.make_button.isEnabled()
    dialog.reject()


def test_a_folder_watched_before_is_switched_on_again_with_all_below(bench: DeskBench) -> None:
    more = SourceOptions.checked("activity", {"sample_kib": 8})
    first = bench.governance.sources.add("activity", bench.folder, options=more)
    bench.governance.sources.set_enabled(first.id, enabled=False)
    again = watch_folder(bench.governance, str(bench.folder))
    assert (again.id, again.enabled) == (first.id, True)
    changed = again.options.changed
    assert changed == {"sample_kib": 8, "recursive": True, "batch_interval_s": BATCH_S}


def test_a_hostile_path_is_told_as_text(bench: DeskBench, dialog: WatchFolderDialog) -> None:
    type_in(bench, dialog, f"/{HOSTILE}")
    assert "\u202e" not in dialog.problem.text()
    assert dialog.problem.isVisible()
    dialog.reject()


@pytest.mark.slow
def test_what_happens_far_below_a_watched_folder_is_read(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    folder = exercise.make_folder(tmp_path)
    with Governance.open() as governance:
        watch_folder(governance, str(folder))
        settings = governance.settings.all()
    settings |= {
        f"detection.{name}.enabled": False for name in ("auth", "host", "load", "phishing", "web")
    }
    worker = IngestWorker(lambda: IngestSession(None, settings, ANALYST))
    thread = WorkerThread(worker)
    told = Told()
    worker.opened.connect(told.on_opened)
    worker.batch_stored.connect(told.on_batch)
    thread.start()
    try:
        qtbot.waitUntil(lambda: told.is_open)
        exercise.run(folder, lambda _done, _total: None, pace_s=0.005, learn_s=1.0)
        qtbot.waitUntil(lambda: told.n_events >= 2 * 48)  # written and renamed
    finally:
        assert thread.join()


class Told(QObject):
    """What the worker said."""

    def __init__(self) -> None:
        super().__init__()
        self.is_open, self.n_events = False, 0

    @Slot(object)
    def on_opened(self, _ids: object) -> None:
        self.is_open = True

    @Slot(object)
    def on_batch(self, summary: BatchSummary) -> None:
        self.n_events += summary.n_events
