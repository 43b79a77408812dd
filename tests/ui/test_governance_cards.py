from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.governance.schema import SCHEMA_HEAD
from soc_copilot.ui.pages.governance import GovernancePage
from tests.ui.desk_support import DeskBench, desk_bench


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


@pytest.fixture
def page(bench: DeskBench, qtbot: QtBot) -> Iterator[GovernancePage]:
    made = GovernancePage(bench.desk)
    qtbot.addWidget(made)
    yield made
    made.close()


def test_the_kill_switch_card_tells_state_reason_and_history(bench, page):
    engaged = bench.governance.kill_switch.engage("noisy deploy")
    bench.desk.set_killswitch(engaged)
    bench.show(page)
    card = page.killswitch
    assert card.state.text() == "Engaged"
    assert "by ana in the window: “noisy deploy”" in card.text.text()
    assert card.button.text() == "Release…"
    bench.desk.set_killswitch(bench.governance.kill_switch.release("deploy is done"))
    bench.settle()
    assert card.state.text() == "Released"
    lines = [line.text() for line in card.lines if not line.isHidden()]
    assert [line.split("  ")[1] for line in lines] == [
        "released by ana: “deploy is done”",
        "engaged by ana: “noisy deploy”",
    ]


def test_a_switch_that_nobody_used_is_not_said_to_be_somebodys(bench, page):
    bench.desk.set_killswitch(bench.governance.kill_switch.state())
    bench.show(page)
    assert page.killswitch.text.text() == "Processing is permitted."


def test_the_database_card_tells_where_everything_lies(bench, page):
    bench.show(page)
    values = {name: label.text() for name, label in page.database.values.items()}
    assert values["File"] == str(bench.governance.path)
    assert values["Engine"].startswith("SQLite 3.")
    assert values["Schema"] == SCHEMA_HEAD.removeprefix("v").replace("_", ".")
    assert values["Journal"].startswith("Write-ahead log")
    assert Path(values["Keys"]).is_dir()
    assert Path(values["Head file"]).is_file()


def test_progress_tells_rate_and_time_left(bench, page):
    bench.show(page)
    page.verify._progress(500, 1_000)
    assert page.verify.bar.value() == 500
    assert page.verify.text.text().startswith("500 of 1,000 rows, ")
    assert "rows/s" in page.verify.text.text()
