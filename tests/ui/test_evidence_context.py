"""The window around a piece of evidence shows the file, or says why it cannot."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.findings import Evidence, Highlight
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.widgets import evidence_context
from soc_copilot.ui.widgets.evidence_context import EvidenceContextWindow
from tests.ui.alerts_support import NOON
from tests.ui.desk_support import HOSTILE, DeskBench, desk_bench

LINES = [f"line number {n}" for n in range(40)]


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def window(bench: DeskBench, qtbot: QtBot) -> Iterator[EvidenceContextWindow]:
    made = EvidenceContextWindow(bench.desk)
    qtbot.addWidget(made)
    yield made
    made.close()


def evidence(path: Path | str, number: int, raw: str | None = None) -> Evidence:
    offset = sum(len(line) + 1 for line in LINES[:number])
    text = LINES[number] if raw is None else raw
    return Evidence(f"1-1-{offset}", 1, 1, str(path), offset, len(text), NOON, text, ((0, 4),))


def shown(window: EvidenceContextWindow, bench: DeskBench) -> list[str]:
    bench.qtbot.waitUntil(lambda: window.shown is not None)
    return window.text.toPlainText().split("\n")


def test_the_lines_around_are_shown_with_their_place_in_the_file(
    window: EvidenceContextWindow, bench: DeskBench, log: Path
) -> None:
    piece = evidence(log, 20)
    window.show_evidence((piece,), piece)
    lines = shown(window, bench)
    assert [line.split("  ")[-1] for line in lines] == LINES
    assert f"{piece.offset}  line number 20" in lines
    assert window.message.isHidden()


def test_the_cursor_stands_on_the_evidence(
    window: EvidenceContextWindow, bench: DeskBench, log: Path
) -> None:
    piece = evidence(log, 20)
    window.show_evidence((piece,), piece)
    shown(window, bench)
    assert window.text.textCursor().block().text().endswith("line number 20")


def test_n_and_p_step_through_the_evidence_of_the_alert(
    window: EvidenceContextWindow, bench: DeskBench, log: Path, qtbot: QtBot
) -> None:
    pieces = (evidence(log, 3), evidence(log, 30))
    window.show_evidence(pieces, pieces[0])
    shown(window, bench)
    qtbot.waitUntil(window.isActiveWindow)
    for key, place in ((Qt.Key.Key_N, "2 of 2"), (Qt.Key.Key_P, "1 of 2")):
        qtbot.keyClick(window.text, key)
        shown(window, bench)
        assert window.step.text() == place


def test_there_is_nowhere_to_go_beyond_the_last_piece(
    window: EvidenceContextWindow, bench: DeskBench, log: Path
) -> None:
    pieces = (evidence(log, 3), evidence(log, 30))
    window.show_evidence(pieces, pieces[1])
    shown(window, bench)
    assert not window.following.isEnabled()
    window.move_by(1)
    assert window.step.text() == "2 of 2"


def test_hurrying_on_shows_only_the_piece_asked_for_last(
    window: EvidenceContextWindow, bench: DeskBench, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = tuple(evidence(log, number) for number in (3, 30, 12))
    filled: list[str] = []
    add_line = window.text.add_line

    def watched(raw: str, spans: Sequence[Highlight], *, prefix: str, strong: bool) -> None:
        filled.extend([raw] * strong)
        add_line(raw, spans, prefix=prefix, strong=strong)

    monkeypatch.setattr(window.text, "add_line", watched)
    window.show_evidence(pieces, pieces[0])
    window.move_by(1)
    window.move_by(1)
    shown(window, bench)
    bench.settle()
    assert filled == ["line number 12"]


def test_a_file_that_is_gone_is_told_and_the_stored_line_shown(
    window: EvidenceContextWindow, bench: DeskBench, tmp_path: Path
) -> None:
    piece = evidence(tmp_path / "gone.log", 3)
    window.show_evidence((piece,), piece)
    assert shown(window, bench) == [f"{piece.offset}  line number 3"]
    assert "is gone" in window.message.text()
    assert window.message.isVisible()


def test_a_message_about_one_piece_does_not_stay_for_the_next(
    window: EvidenceContextWindow, bench: DeskBench, log: Path, tmp_path: Path
) -> None:
    pieces = (evidence(tmp_path / "gone.log", 3), evidence(log, 3))
    window.show_evidence(pieces, pieces[0])
    shown(window, bench)
    window.move_by(1)
    shown(window, bench)
    assert window.message.isHidden()


def test_a_failure_about_a_former_piece_is_not_told_of_the_next(
    window: EvidenceContextWindow,
    bench: DeskBench,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = (evidence(log, 3), evidence(log, 30))
    read = evidence_context.read_context

    def flaky(piece: Evidence) -> object:
        return 1 // 0 if piece is pieces[0] else read(piece)

    monkeypatch.setattr(evidence_context, "read_context", flaky)
    told: list[str] = []
    monkeypatch.setattr(window.message, "setText", told.append)
    window.show_evidence(pieces, pieces[0])
    window.move_by(1)
    shown(window, bench)
    bench.settle()
    assert told == [""]


def test_a_failure_never_leaves_the_lines_of_a_former_piece(
    window: EvidenceContextWindow,
    bench: DeskBench,
    log: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pieces = (evidence(log, 3), evidence(log, 30))
    window.show_evidence(pieces, pieces[0])
    shown(window, bench)
    monkeypatch.setattr(evidence_context, "read_context", lambda _piece: 1 // 0)
    window.move_by(1)
    bench.settle()
    assert "ZeroDivisionError" in window.message.text()
    assert window.text.toPlainText() == ""


def test_while_another_piece_is_read_nothing_of_the_former_one_is_shown(
    window: EvidenceContextWindow, bench: DeskBench, log: Path
) -> None:
    pieces = (evidence(log, 3), evidence(log, 30))
    window.show_evidence(pieces, pieces[0])
    shown(window, bench)
    window.move_by(1)
    assert window.shown is None
    shown(window, bench)


def test_another_theme_keeps_what_is_shown(
    window: EvidenceContextWindow, bench: DeskBench, log: Path
) -> None:
    piece = evidence(log, 20)
    window.show_evidence((piece,), piece)
    before = shown(window, bench)
    bench.desk.theme.set_choice("light")
    assert window.text.toPlainText().split("\n") == before


def test_hostile_lines_and_paths_are_shown_inert(
    window: EvidenceContextWindow, bench: DeskBench
) -> None:
    piece = evidence(f"/var/log/{HOSTILE}", 3, HOSTILE + "A" * 8_192)
    window.show_evidence((piece,), piece)
    lines = shown(window, bench)
    assert not any(has_hidden(line) for line in lines)
    assert "<img src=http" in lines[0]
    assert not has_hidden(window.place.text())
    assert window.place.textFormat() is Qt.TextFormat.PlainText
    assert window.minimumSizeHint().width() < 1_000


def test_escape_closes_the_window(
    window: EvidenceContextWindow, bench: DeskBench, log: Path, qtbot: QtBot
) -> None:
    piece = evidence(log, 3)
    window.show_evidence((piece,), piece)
    shown(window, bench)
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()
