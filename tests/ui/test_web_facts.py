from pathlib import Path

from pytestqt.qtbot import QtBot

from soc_copilot.ui.web_facts import read_web
from tests.ui.desk_support import desk_bench
from tests.ui.web_support import raise_alert


def test_what_the_database_says(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        facts = read_web(bench.governance)
        assert (facts.n_sources, facts.alerts, facts.budget) == (0, (), "0.1%")
        log = tmp_path / "a.log"
        log.write_text("one\n")
        source = bench.governance.sources.add("file", log)
        number = raise_alert(bench)
        facts = read_web(bench.governance)
        assert facts.n_sources == 1
        assert [alert.id for alert in facts.alerts] == [number]
        bench.governance.sources.set_enabled(source.id, enabled=False)
        assert read_web(bench.governance).n_sources == 0
