"""The Overview invites when empty, and shows what is stored and what streams in."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QScrollArea
from pytestqt.modeltest import ModelTester
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertRow, AlertStatus
from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.domain.governance import BatchCommit, KillSwitchState
from soc_copilot.domain.summary import BatchSummary, SourceStats
from soc_copilot.ui.live import Live
from soc_copilot.ui.models.newest import NewestModel
from soc_copilot.ui.pages.overview import OverviewPage
from soc_copilot.ui.timeformat import TimeFormat
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench


def raise_alert(bench: DeskBench, entity: str = HOSTILE) -> None:
    now = utc_now().replace(microsecond=0)
    finding = Finding(
        "web", "web.sqli", entity, "source.ip", "T1190", "SQL injection", "It was tried.",
        Severity.HIGH, 0.99, 0.5, 3, now, now,
    )  # fmt: skip
    bench.governance.batches.store(BatchCommit(3, (finding,), ()))


def told(second: int) -> BatchSummary:
    stats = SourceStats(1, HOSTILE, 40, 10, 0.3, "live")
    return BatchSummary(
        1, second * 1_000_000_000, 40, 40, 0, (0, 0, 0, 1, 0), 0,
        np.full(9, 120, np.float32), (stats,), (), {"web": np.ones(20, np.int64)},
    )  # fmt: skip


def test_the_first_start_offers_two_ways_in(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        page = OverviewPage(bench.desk, Live(bench.desk))
        qtbot.addWidget(page)
        asked: list[float] = []
        bench.desk.replay_requested.connect(asked.append)
        bench.show(page)
        assert page.layers.currentIndex() == 0
        page.speed.setCurrentIndex(0)
        qtbot.mouseClick(page.replay_button, Qt.MouseButton.LeftButton)
        assert asked == [1.0]
        page.hide()


def test_stored_alerts_fill_the_panels_as_plain_text(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        raise_alert(bench)
        page = OverviewPage(bench.desk, Live(bench.desk))
        qtbot.addWidget(page)
        bench.desk.set_counts(bench.governance.alerts.counts())
        bench.show(page)
        assert page.layers.currentIndex() == 1
        assert page.newest.index(0, 2).data() == SHOWN
        assert [bar.key for bar in page.where.bars if not bar.is_heading] == [
            f"entity:{HOSTILE}", "technique:T1190",
        ]  # fmt: skip
        assert page.tiles[0].number.text() == "1"
        assert sum(sum(bucket.counts) for bucket in page.histogram.buckets) == 1
        page.hide()


def test_the_brush_narrows_every_panel_and_escape_undoes_it(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        raise_alert(bench)
        page = OverviewPage(bench.desk, Live(bench.desk))
        qtbot.addWidget(page)
        bench.show(page)
        now = utc_now()
        page.pick_range(now - timedelta(minutes=30), now - timedelta(minutes=20))
        bench.settle()
        assert page.newest.rowCount() == 0
        start, end = page.rates.getViewBox().viewRange()[0]
        assert round(end - start) == 600
        bench.desk.actions.trigger("overview.all_time")
        bench.settle()
        assert page.newest.rowCount() == 1
        page.hide()


def test_streaming_numbers_reach_tiles_plots_and_the_crosshair(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        bench.governance.sources.add("file", tmp_path / "a.log")
        live = Live(bench.desk)
        page = OverviewPage(bench.desk, live)
        qtbot.addWidget(page)
        bench.show(page)
        second = int(datetime.now(UTC).timestamp())
        live.on_summaries([told(second - back) for back in range(5, -1, -1)])
        page.refresh_live()
        assert page.rates.lines[0].name == HOSTILE
        assert page.rates.value_at("events/1", second - 2) == 40.0
        page.show_cursor(float(second - 2))
        assert page.latency.value_at("p50", second - 2) is not None
        header = page.rates.numbers_csv().splitlines()[0]
        assert header == "time,events/1"
        bench.desk.set_killswitch(KillSwitchState(engaged=True))
        page.refresh_live()
        assert "0.12 s" in page.tiles[2].number.text()
        page.hide()


def test_the_newest_model_is_sound_empty_full_and_replaced(
    qtbot: QtBot, qtmodeltester: ModelTester
) -> None:
    model = NewestModel(TimeFormat("UTC"))
    qtmodeltester.check(model, force_py=True)
    now = utc_now()
    row = AlertRow(
        1, Severity.LOW, now, now, "web", "web.x", "e", "host.name", "", HOSTILE, 2,
        AlertStatus.NEW, None, None, 0.5, now,
    )  # fmt: skip
    model.set_rows((row, row))
    assert model.index(0, 3).data() == SHOWN
    assert "<img" not in model.index(0, 3).data(Qt.ItemDataRole.ToolTipRole)
    model.set_rows((row,))
    assert model.rowCount() == 1


def test_a_small_desk_shows_every_panel_without_scrolling(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        raise_alert(bench)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        bench.desk.theme.apply(app)
        page = OverviewPage(bench.desk, Live(bench.desk))
        qtbot.addWidget(page)
        bench.show(page, wide=1_064, high=608)  # of 1280x800, below the bar of a replay
        area = page.findChild(QScrollArea)
        bar = area.verticalScrollBar()
        app.setStyleSheet("")
        assert bar.maximum() == 0
        page.hide()


def test_a_technique_is_written_in_words_with_its_number_in_the_tooltip(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        raise_alert(bench)
        page = OverviewPage(bench.desk, Live(bench.desk))
        qtbot.addWidget(page)
        bench.show(page)
        row = page.where.bars[-1]
        words = "Exploit Public-Facing Application"
        assert (row.key, row.name) == ("technique:T1190", words)
        assert row.tip == f"T1190 {words}: 1 open, worst high"
        page.hide()
