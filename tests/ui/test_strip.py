from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint
from pytestqt.qtbot import QtBot

from soc_copilot.app import PAGES as WINDOW_PAGES
from soc_copilot.domain.summary import DetectorHealth
from soc_copilot.ui.live import Live
from soc_copilot.ui.strip import PAGES, HealthPanel, Strip, health_words
from soc_copilot.ui.widgets.labels import PlainLabel
from tests.ui.desk_support import DeskBench, desk_bench

Made = tuple[Strip, DeskBench, Live]


def health(name: str, state: str = "ok", detail: str = "") -> DetectorHealth:
    return DetectorHealth(name, "", "1.0", state, detail)


@pytest.fixture
def made(qtbot: QtBot, tmp_path: Path) -> Iterator[Made]:
    with desk_bench(qtbot, tmp_path) as bench:
        strip, live = Strip(bench.desk.theme), Live(bench.desk)
        qtbot.addWidget(strip)
        strip.adopt(bench.desk, live)
        strip.show()
        yield strip, bench, live


def test_a_detector_is_named_with_what_is_wrong() -> None:
    assert health_words(health("web")) == "web"
    assert health_words(health("web", "open")) == "web: open"


def test_detectors_come_and_go(made: Made) -> None:
    strip, _, live = made
    shown = lambda: [b.text().strip() for b in strip._buttons if not b.isHidden()]  # noqa: E731
    live.detectors = (health("web"), health("auth", "open", "It broke."))
    live.updated.emit()
    assert shown() == ["web", "auth: open"]
    assert "It broke." in strip._buttons[1].toolTip()
    live.detectors = (health("web"),)
    live.updated.emit()
    assert shown() == ["web"]


def test_an_entry_leads_to_the_page_that_explains_it(made: Made) -> None:
    strip, bench, _ = made
    asked: list[str] = []
    bench.desk.page_requested.connect(lambda page, _args: asked.append(page))
    for button in (strip.rate, strip.latency, strip.database):
        button.click()
    assert asked == ["overview", "overview", "governance"]


def test_a_detector_with_a_page_of_its_own_leads_there(made: Made) -> None:
    strip, bench, live = made
    asked: list[str] = []
    bench.desk.page_requested.connect(lambda page, _args: asked.append(page))
    live.detectors = (health("web"), health("host", "open", "It broke."))
    live.updated.emit()
    for button in strip._buttons[:2]:
        button.click()
    assert asked == ["web", "host"]
    assert strip.findChild(HealthPanel) is None
    strip._buttons[1].customContextMenuRequested.emit(QPoint(1, 1))
    panel = strip.findChild(HealthPanel)
    assert panel is not None
    assert "It broke." in [label.text() for label in panel.findChildren(PlainLabel)]
    panel.close()


def test_what_another_process_runs_is_shown_beside_what_runs_here(made: Made) -> None:
    strip, bench, live = made
    shown = lambda: [b.text().strip() for b in strip._buttons if not b.isHidden()]  # noqa: E731
    theirs = DetectorHealth("analyze", "Theirs", "", "degraded", "Models: url ok.", device="")
    live.detectors = (health("web"), health("analyze"))
    live.on_others((theirs,))
    assert shown() == ["web", "analyze: degraded"]  # what ran here was told before it stopped
    strip._buttons[1].click()
    panel = strip.findChild(HealthPanel)
    assert panel is not None
    texts = [label.text() for label in panel.findChildren(PlainLabel)]
    assert texts == ["Theirs", "Models: url ok.", "State", "degraded"]  # no figures of nobody
    panel.close()
    bench.desk.set_ingestion("running")
    live.updated.emit()
    assert shown() == ["web", "analyze"]  # this process has one of its own
    live.detectors = (health("web"),)
    live.on_others(())
    assert shown() == ["web"]


def test_the_pages_of_detectors_are_pages_of_the_window() -> None:
    assert set(PAGES) <= set(WINDOW_PAGES)


def test_without_lines_the_latency_is_unknown_and_the_size_is_told(made: Made) -> None:
    strip, _, _ = made
    assert strip.latency.text() == "line to alert —"
    strip.show_size(Path("/srv/governance.db"), 84_000_000)
    assert strip.database.text() == "governance.db 84 MB"


def test_a_detectors_figures_are_one_click_away(made: Made, qtbot: QtBot) -> None:
    strip, _, live = made
    live.detectors = (health("auth", "open", "It broke."),)
    live.updated.emit()
    strip._buttons[0].click()
    panel = strip.findChild(HealthPanel)
    assert panel is not None
    texts = [label.text() for label in panel.findChildren(PlainLabel)]
    assert {"auth", "It broke.", "open"} <= set(texts)
    panel.close()
