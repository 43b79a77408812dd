from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.ui.widgets.alert_links import MOST_SHOWN, AlertLinks
from tests.ui.desk_support import DeskBench, desk_bench
from tests.ui.web_support import raise_alert


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def test_a_few_alerts_by_name_and_the_way_to_all(bench: DeskBench, qtbot: QtBot) -> None:
    card = AlertLinks(bench.desk, "None.")
    qtbot.addWidget(card)
    card.resize(480, 320)  # titles are cut where there is less room
    card.show()
    assert card.nothing.isVisible()
    assert not card.all_button.isVisible()
    for number in range(MOST_SHOWN + 2):
        raise_alert(bench, f"10.0.0.{number}", "web.a&b")
    alerts = bench.governance.alerts.page(AlertFilter())
    card.show_alerts(alerts, "10.0.0.x")
    shown = [button for button in card.buttons if button.isVisible()]
    assert len(shown) == MOST_SHOWN
    assert shown[0].text().strip() == "Found by web.a&&b (3)"
    assert (card.hint.text(), card.who.text()) == ("7 open", "Of 10.0.0.x")
    chosen: list[int] = []
    card.chosen.connect(chosen.append)
    shown[1].click()
    assert chosen == [alerts[1].id]
    card.show_alerts(())
    assert not any(button.isVisible() for button in card.buttons)
    assert not card.who.isVisible()


def test_a_title_too_long_for_the_card_ends_in_an_ellipsis_and_keeps_its_count(
    bench: DeskBench, qtbot: QtBot
) -> None:
    card = AlertLinks(bench.desk, "None.")
    qtbot.addWidget(card)
    raise_alert(bench, "10.0.0.1", "web." + "long" * 9)
    card.show_alerts(bench.governance.alerts.page(AlertFilter()))
    card.show()
    card.resize(220, 300)
    button = card.buttons[0]
    assert button.text().endswith("… (3)")
    assert button.width() >= button.sizeHint().width()
    card.resize(900, 300)
    assert "…" not in button.text()
