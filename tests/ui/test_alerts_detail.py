from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertChange
from soc_copilot.domain.findings import Component, Evidence, Severity
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.alert_detail import (
    LINE_CHARS,
    change_words,
    cut_line,
    evidence_words,
    file_name,
)
from soc_copilot.ui.widgets.component_bars import ComponentBars
from soc_copilot.ui.widgets.raw_text import FittedRawText
from tests.ui.alerts_support import bench, finding, raise_alerts

AT = datetime(2026, 3, 4, tzinfo=UTC)


def line(raw: str, *spans: tuple[int, int]) -> Evidence:
    return Evidence("1-1-0", 1, 1, "access.log", 0, len(raw), AT, raw, spans)


def test_a_long_line_is_cut_around_what_is_marked() -> None:
    raw = "a" * 4_000 + "EVIL" + "b" * 4_000
    text, spans, left = cut_line(line(raw, (4_000, 4_004)))
    assert len(text) == LINE_CHARS
    assert [text[start:end] for start, end in spans] == ["EVIL"]
    assert left == len(raw) - LINE_CHARS
    assert cut_line(line("short", (0, 2))) == ("short", ((0, 2),), 0)


def test_changes_and_places_are_told_in_words() -> None:
    change = AlertChange(1, 1, AT, "ana", "window", "disposition", None, "true_positive")
    assert change_words(change) == "disposition none → true positive"
    assert change_words(AlertChange(1, 1, AT, "p", "p", "raised", None, "new")) == "raised"
    assert file_name("/var/log/auth.log") == "auth.log"
    assert file_name("C:\\logs\\auth.log") == "auth.log"


def test_marked_parts_are_marked_and_nothing_else(qtbot: QtBot) -> None:
    view = FittedRawText(Theme("dark"), "Evidence")
    qtbot.addWidget(view)
    view.add_caption("access.log:0")
    view.add_line("GET /\x1b?q=UNION", ((8, 12), (10, 13), (50, 60)))
    block = view.document().findBlockByNumber(1)
    assert block.text() == "GET /␛?q=UNION"
    none = Qt.BrushStyle.NoBrush
    pieces = [f for f in block.textFormats() if f.format.background().style() != none]
    assert [block.text()[p.start : p.start + p.length] for p in pieces] == ["=UNIO"]
    tall = view.sizeHint().height()
    for _ in range(100):
        view.add_line("more")
    assert tall < view.sizeHint().height() <= view.MAX_PX


def test_bars_grow_with_the_parts_and_paint_in_both_themes(qtbot: QtBot) -> None:
    theme = Theme("dark")
    bars = ComponentBars(theme)
    qtbot.addWidget(bars)
    bars.resize(300, 100)
    bars.set_parts([Component("A" * 300, "9" * 300, 0.5), Component("B", "1", 2.0)], Severity.HIGH)
    assert bars.sizeHint().height() == 52
    dark = bars.grab().toImage()
    theme.set_choice("light")
    assert bars.grab().toImage() != dark


def test_pane_shows_more_evidence_on_request_and_follows_the_theme(
    qtbot: QtBot, tmp_path: Path
) -> None:
    seen = finding(1).last_seen
    lines = tuple(
        Evidence(f"1-1-{n}", 1, 1, "access.log", n * 10, 9, seen, f"line {n}") for n in range(20)
    )
    more = tuple(
        Evidence(f"1-1-{n}", 1, 1, "access.log", n * 10, 9, seen, f"line {n}", (), 0.9)
        for n in range(20, 25)
    )
    with bench(qtbot, tmp_path, [finding(1, evidence=lines)]) as made:
        made.load()
        raise_alerts(made.governance, [finding(1, evidence=more, score=0.99)])
        made.page.table.go_to(0)
        made.settle()
        pane = made.page.pane
        assert pane.detail is not None
        assert len(pane.detail.evidence) == 25
        assert "line 24" not in pane.raw.toPlainText()
        assert pane.more.text() == "5 more"
        pane.more.click()
        assert "line 24" in pane.raw.toPlainText()
        assert "of 4 events" not in evidence_words(pane.detail)
        made.desk.theme.set_choice("light")
        assert pane.raw.toPlainText().count("line ") == 25
