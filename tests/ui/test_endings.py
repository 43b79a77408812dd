"""The desk says when a suppression is over, once, and has it put on record."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.suppressions import DEFAULT_FIELDS, End
from soc_copilot.governance.database import Governance
from soc_copilot.ui.endings import Endings
from soc_copilot.ui.watch import Watch
from tests.ui.alerts_support import finding, raise_alerts
from tests.ui.desk_support import ANALYST, desk_bench
from tests.unit.governance.helpers import HeldClock


def test_the_end_of_a_suppression_is_told_once_and_put_on_record(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        folder = tmp_path / "db"
        raise_alerts(bench.governance, [finding(1)])
        clock = HeldClock()  # long ago: what ends by it is over

        def add_over() -> None:
            with Governance.open(folder / "governance.db", home=folder, clock=clock) as past:
                past.suppressions.add([1], DEFAULT_FIELDS, clock.at + timedelta(hours=1))

        def on_record(count: int) -> None:
            rows = bench.governance.audit.rows(text="suppression.expired")
            assert len(rows) == count

        watch = Watch(lambda: Governance.open(folder / "governance.db", actor=ANALYST, home=folder))
        endings = Endings(bench.desk, watch)
        told: list[int] = []
        watch.expired.connect(lambda one: told.append(one.id))
        watch.start()
        try:
            for number in (1, 2):  # the second one shows that the first is not told again
                add_over()
                qtbot.waitUntil(lambda number=number: on_record(number))
        finally:
            assert watch.join(60_000)
        bench.settle()
        assert told == [1, 2]
        said = [text for level, text in bench.messages if level == "info"]
        assert len(said) == 2
        start = "Suppression 1 is over: alerts of web.sqli, 192.0.2.1, up to low are in the list"
        assert said[0].startswith(start)
        assert {one.ended for one in bench.governance.suppressions.all()} == {End.EXPIRED}
        assert endings.parent() is bench.desk
