"""Whatever a log, a file name or a person writes stays text: shown, never obeyed."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QEvent, QModelIndex, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QMouseEvent, QTextDocument
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.governance import BatchCommit, StoredPartial, StoredSourceEvent
from soc_copilot.domain.records import Checkpoint, PartialLine, SourceEvent
from soc_copilot.domain.summary import BatchSummary, SourceStats
from soc_copilot.domain.text import has_hidden
from soc_copilot.ui.dialogs.add_source import AddSourceDialog
from soc_copilot.ui.live import Live
from soc_copilot.ui.pages.governance import GovernancePage
from soc_copilot.ui.pages.overview import OverviewPage
from soc_copilot.ui.pages.sources import SourcesPage
from soc_copilot.ui.palette import Entry, Palette
from soc_copilot.ui.source_facts import SourceMore, read_facts
from soc_copilot.ui.theme import Theme
from soc_copilot.ui.widgets.messages import MessageBar
from soc_copilot.ui.widgets.overview_parts import ROW_PX, BarList
from tests.ui.desk_support import DeskBench, desk_bench

WIDE = 1_280  # px: what a desk has; a pane that wants more pushes others off the screen


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def evil(listener: socket.socket) -> Iterator[str]:
    """8 KiB that call home when any of it is taken for markup."""
    port = listener.getsockname()[1]
    head = f"<img src=http://127.0.0.1:{port}/x>\x1b[31m\x00\u202egnp.exe&amp;\u2028=1+1"
    yield head + "A" * (8_192 - len(head))
    QApplication.processEvents()
    with pytest.raises(BlockingIOError):
        listener.accept()


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        made.desk.theme.set_choice("light")  # its fonts are wider than the system's
        yield made


def read_aloud(tip: str) -> str:
    """What a tooltip shows to a person."""
    document = QTextDocument()
    document.setHtml(tip)
    assert "<img" not in tip
    return document.toPlainText()


def assert_model_inert(model: QAbstractItemModel) -> None:
    shown = []
    for row in range(model.rowCount(QModelIndex())):
        for column in range(model.columnCount(QModelIndex())):
            index = model.index(row, column)
            text = str(index.data() or "")
            assert not has_hidden(text), (row, column)
            read_aloud(index.data(Qt.ItemDataRole.ToolTipRole) or "")
            shown.append(text)
    assert any("<img src=http" in text for text in shown), "the text never arrived"


def assert_widgets_inert(widget: QWidget) -> None:
    for label in widget.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText or not label.text()
        assert not any(has_hidden(line) for line in label.text().split("\n"))
    for box in widget.findChildren(QPlainTextEdit):
        assert not any(has_hidden(line) for line in box.toPlainText().split("\n"))
    for one in (widget, *widget.findChildren(QWidget)):
        read_aloud(one.toolTip())
    widget.grab()
    QApplication.processEvents()


def raise_alert(bench: DeskBench, evil: str) -> None:
    now = utc_now().replace(microsecond=0)
    finding = Finding(
        "web", "web.sqli", evil, "source.ip", "T1190", evil, evil,
        Severity.HIGH, 0.99, 0.5, 3, now, now,
    )  # fmt: skip
    bench.governance.batches.store(BatchCommit(3, (finding,), ()))


# -- the Overview


@pytest.fixture
def overview(bench: DeskBench, qtbot: QtBot, evil: str) -> Iterator[OverviewPage]:
    raise_alert(bench, evil)
    bench.governance.sources.add("file", bench.folder / "a.log", name="a")
    live = Live(bench.desk)
    page = OverviewPage(bench.desk, live)
    qtbot.addWidget(page)
    bench.show(page, wide=WIDE)
    stats = SourceStats(1, evil, 40, 10, 0.3, evil)
    live.on_summaries(
        [
            BatchSummary(
                1, int(utc_now().timestamp()) * 1_000_000_000, 40, 40, 0, (0, 0, 0, 1, 0), 0,
                np.full(9, 120, np.float32), (stats,), (), {"web": np.ones(20, np.int64)},
            )
        ]
    )  # fmt: skip
    page.refresh_live()
    yield page
    page.hide()


def test_the_newest_alerts_show_hostile_text_as_text(overview: OverviewPage) -> None:
    assert_model_inert(overview.newest)


def hovered_tips(bars: BarList) -> list[str]:
    tips = []
    none, buttons = Qt.KeyboardModifier.NoModifier, Qt.MouseButton.NoButton
    for row in range(len(bars.bars)):
        at = QPointF(20, (row + 0.5) * ROW_PX)
        event = QMouseEvent(QEvent.Type.MouseMove, at, bars.mapToGlobal(at), buttons, buttons, none)
        QApplication.sendEvent(bars, event)
        tips.append(read_aloud(bars.toolTip()))
    return tips


def test_the_top_entities_show_hostile_text_as_text(overview: OverviewPage) -> None:
    tips = hovered_tips(overview.where)
    assert any("<img src=http" in tip for tip in tips)
    assert not any(has_hidden(line) for tip in tips for line in tip.split("\n"))


def test_lagging_sources_show_hostile_names_as_text(overview: OverviewPage) -> None:
    tips = hovered_tips(overview.flow)
    assert any("<img src=http" in tip for tip in tips)
    assert not any(has_hidden(line) for tip in tips for line in tip.split("\n"))


def test_every_label_of_the_overview_is_plain(overview: OverviewPage) -> None:
    assert_widgets_inert(overview)


def test_a_long_source_name_does_not_widen_the_overview(overview: OverviewPage) -> None:
    assert overview.rates_card.minimumSizeHint().width() < WIDE // 2


# -- the sources


@pytest.fixture
def sources(bench: DeskBench, qtbot: QtBot, evil: str) -> Iterator[SourcesPage]:
    (bench.folder / "a.log").write_text("one\n")
    bench.governance.sources.add("file", bench.folder / "a.log", name=evil)
    page = SourcesPage(bench.desk)
    qtbot.addWidget(page)
    bench.show(page, wide=WIDE)
    (facts,) = read_facts(bench.governance)
    ledger = replace(facts.ledger, source=replace(facts.source, path=f"/{evil}", pattern=evil))
    page.model.set_facts(
        (
            replace(
                facts,
                ledger=ledger,
                detail=evil,
                messages=(evil,),
            ),
        )
    )
    at = Checkpoint(1, 1, f"/var/log/{evil}", 1, 2)
    waits = StoredPartial(1, 1, evil, PartialLine(1, 2, evil, 3))
    happened = StoredSourceEvent(1, 1, SourceEvent("lost", evil, 3, 1, True))
    page.detail.show_more(SourceMore(facts.source.id, (at,), (happened,), (waits,)))
    yield page
    page.close()


def test_the_table_of_sources_shows_hostile_text_as_text(sources: SourcesPage) -> None:
    assert_model_inert(sources.model)


def test_the_positions_of_a_source_show_hostile_text_as_text(sources: SourcesPage) -> None:
    model = sources.detail.positions
    assert not has_hidden(model.index(0, 1).data())
    assert "<img src=http" in read_aloud(model.index(0, 1).data(Qt.ItemDataRole.ToolTipRole))


def test_the_detail_of_a_source_shows_hostile_text_as_text(sources: SourcesPage) -> None:
    assert "<img src=http" in sources.detail.values["Where"].text()
    assert_model_inert(sources.detail.events)
    assert_model_inert(sources.detail.partials)
    assert_widgets_inert(sources)


def test_a_long_source_does_not_widen_the_page(sources: SourcesPage) -> None:
    assert sources.detail.minimumSizeHint().width() < WIDE


# -- the audit trail


@pytest.fixture
def audit(bench: DeskBench, qtbot: QtBot, evil: str) -> Iterator[GovernancePage]:
    bench.governance.audit.record("alert.closed", evil, evil, evil, evil)
    page = GovernancePage(bench.desk)
    qtbot.addWidget(page)
    bench.show(page, wide=WIDE)
    yield page
    page.close()


def test_the_audit_trail_shows_hostile_text_as_text(audit: GovernancePage) -> None:
    assert_model_inert(audit.model)


def test_the_detail_of_an_audit_row_shows_hostile_text_as_text(audit: GovernancePage) -> None:
    assert "<img src=http" in audit.detail.values["What"].text()
    assert all("<img src=http" in box.toPlainText() for box in audit.detail.texts.values())
    assert_widgets_inert(audit)


def test_a_long_reason_does_not_widen_the_page(audit: GovernancePage, bench: DeskBench) -> None:
    bench.governance.kill_switch.engage("A" * 500)
    bench.desk.set_killswitch(bench.governance.kill_switch.state())
    audit.shown()
    bench.settle()
    assert audit.minimumSizeHint().width() < WIDE


# -- adding a source


def test_the_preview_of_a_log_shows_hostile_text_as_text(
    bench: DeskBench, qtbot: QtBot, evil: str
) -> None:
    log = bench.folder / "evil.log"
    log.write_text(evil + "\n", encoding="utf-8")
    window = QWidget()
    qtbot.addWidget(window)
    dialog = AddSourceDialog(bench.desk, window, str(log))
    dialog.open()
    dialog.form.look()
    bench.settle()
    assert_model_inert(dialog.files.preview)
    assert_widgets_inert(dialog)
    dialog.reject()


def test_a_hostile_path_that_is_not_there_is_named_as_text(
    bench: DeskBench, qtbot: QtBot, evil: str
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    dialog = AddSourceDialog(bench.desk, window, f"/{evil}")
    dialog.open()
    dialog.form.look()
    bench.settle()
    assert dialog.files.problem.isVisible()
    assert_widgets_inert(dialog)
    assert dialog.minimumSizeHint().width() < WIDE
    dialog.reject()


# -- messages and commands


@pytest.fixture
def bar(qtbot: QtBot, evil: str) -> Iterator[MessageBar]:
    made = MessageBar(Theme("dark"))
    qtbot.addWidget(made)
    made.show_message("error", evil, f"{evil}\n{evil}")
    made.details_button.click()
    yield made
    made.close()


def test_the_message_bar_shows_hostile_text_as_text(bar: MessageBar) -> None:
    assert "<img src=http" in bar.text.text()
    assert "<img src=http" in bar.details.toPlainText()
    assert_widgets_inert(bar)


def test_a_message_without_spaces_does_not_widen_the_window(bar: MessageBar) -> None:
    assert bar.minimumSizeHint().width() < WIDE


def test_a_message_is_copied_without_hidden_characters(bar: MessageBar) -> None:
    bar.copy_button.click()
    copied = QGuiApplication.clipboard().text()
    assert "<img src=http" in copied
    assert not any(has_hidden(line) for line in copied.split("\n"))


def test_the_palette_shows_what_is_typed_as_text(qtbot: QtBot, evil: str) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.resize(WIDE, 600)
    palette = Palette(Theme("dark"), [Entry("Stop", "Pages", "", lambda: None)], window)
    palette.show()
    palette.field.setText(evil)
    assert palette.model.rowCount() == 0
    assert palette.nothing.isVisible()
    assert palette.width() < WIDE
    assert_widgets_inert(palette)
    palette.close()
