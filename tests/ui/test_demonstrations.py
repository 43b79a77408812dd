"""A demonstration folder is taken away once nothing reads it, and no other folder ever is."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.records import SourceStatus
from soc_copilot.ui import exercise
from soc_copilot.ui.demonstrations import REASON, Demonstrations, clear
from soc_copilot.ui.ingest_worker import SessionBeat
from tests.ui.desk_support import DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def folder(bench: DeskBench) -> Path:
    return exercise.make_folder(bench.folder)


def watch(bench: DeskBench, folder: Path) -> int:
    return bench.governance.sources.add("activity", folder).id


def beat(*source_ids: int) -> SessionBeat:
    empty: dict[str, Any] = {field.name: 0 for field in fields(SourceStatus)}
    sources = tuple(SourceStatus(**{**empty, "source_id": one}) for one in source_ids)
    return SessionBeat("CPU", "", sources, ())


def changed(bench: DeskBench) -> None:
    bench.desk.sources_changed.emit()
    bench.settle()


def test_a_folder_goes_when_its_source_was_removed(bench: DeskBench, folder: Path) -> None:
    source_id = watch(bench, folder)
    Demonstrations(bench.desk)
    bench.settle()
    changed(bench)
    assert folder.exists()
    bench.governance.sources.remove(source_id)
    changed(bench)
    assert not folder.exists()


def test_it_stays_as_long_as_a_session_reads_it(bench: DeskBench, folder: Path) -> None:
    source_id = watch(bench, folder)
    Demonstrations(bench.desk)
    bench.desk.set_ingestion("running")
    bench.settle()
    bench.governance.sources.remove(source_id)
    changed(bench)
    bench.desk.beat_arrived.emit(beat(7, source_id))
    bench.settle()
    assert exercise.is_ours(folder)
    bench.desk.beat_arrived.emit(beat(7))
    bench.settle()
    assert not folder.exists()


def test_the_end_of_the_session_ends_it_too(bench: DeskBench, folder: Path) -> None:
    source_id = watch(bench, folder)
    Demonstrations(bench.desk)
    bench.desk.set_ingestion("running")
    bench.settle()
    bench.governance.sources.remove(source_id)
    changed(bench)
    bench.desk.set_ingestion("stopped")
    bench.settle()
    assert not folder.exists()


def test_a_folder_that_is_watched_again_stays(bench: DeskBench, folder: Path) -> None:
    source_id = watch(bench, folder)
    Demonstrations(bench.desk)
    bench.desk.set_ingestion("running")
    bench.settle()
    bench.governance.sources.remove(source_id)
    changed(bench)
    watch(bench, folder)
    changed(bench)
    bench.desk.beat_arrived.emit(beat())
    bench.settle()
    assert exercise.is_ours(folder)


def test_it_waits_for_an_exercise_under_way(
    bench: DeskBench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_id = watch(bench, folder)
    Demonstrations(bench.desk)
    bench.settle()
    monkeypatch.setattr(exercise, "_busy", {folder})
    bench.governance.sources.remove(source_id)
    changed(bench)
    assert exercise.is_ours(folder)
    exercise._busy.clear()
    bench.desk.beat_arrived.emit(beat())
    bench.settle()
    assert not folder.exists()


def test_a_persons_own_folder_is_never_touched(bench: DeskBench) -> None:
    papers = bench.folder / "papers"
    fake = bench.folder / f"{exercise.PREFIX}mine"
    for folder in (papers, fake):
        folder.mkdir()
        (folder / "a.txt").write_text("mine")
    ids = [watch(bench, folder) for folder in (papers, fake)]
    Demonstrations(bench.desk)
    bench.settle()
    for one in ids:
        bench.governance.sources.remove(one)
    changed(bench)
    clear(bench.governance)
    assert all((folder / "a.txt").read_text() == "mine" for folder in (papers, fake))


def test_the_end_takes_folder_and_source_away_and_says_why(bench: DeskBench, folder: Path) -> None:
    watch(bench, folder)
    papers = bench.folder / "papers"
    papers.mkdir()
    watch(bench, papers)
    clear(bench.governance)
    assert not folder.exists()
    assert [source.path for source in bench.governance.sources.list()] == [str(papers)]
    assert bench.governance.audit.rows()[0].reason == REASON
