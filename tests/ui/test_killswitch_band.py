from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.widgets.killswitch_band import KillSwitchBand, band_text
from tests.ui.desk_support import HOSTILE, SHOWN, DeskBench, desk_bench

LONG_AGO = datetime(2024, 3, 4, 12, 5, tzinfo=UTC)


@pytest.fixture
def bench(qtbot: QtBot, tmp_path: Path) -> Iterator[DeskBench]:
    with desk_bench(qtbot, tmp_path) as made:
        yield made


def test_a_state_that_cannot_be_read_shows_as_engaged_with_the_cause(bench):
    bench.desk.set_killswitch(KillSwitchState(True, reason="The disk is gone.", readable=False))
    band = KillSwitchBand(bench.desk)
    assert not band.isHidden()
    assert "cannot be read, so it counts as engaged: The disk is gone." in band.text.text()
    band.deleteLater()


def test_the_band_follows_the_time_zone(bench):
    bench.desk.set_killswitch(KillSwitchState(True, "ana", "cli", "x", LONG_AGO))
    band = KillSwitchBand(bench.desk)
    assert "2024-03-04 12:05 by ana from a terminal" in band.text.text()
    bench.desk.times.set_zone("local")
    assert "ana from a terminal" in band.text.text()
    band.deleteLater()


def test_a_hostile_reason_is_shown_inert_and_cut(bench):
    state = KillSwitchState(True, "ana", "cli", HOSTILE, LONG_AGO)
    assert SHOWN in band_text(state, bench.desk)
    state = KillSwitchState(True, "ana", "cli", "x" * 5_000, LONG_AGO)
    assert len(band_text(state, bench.desk)) < 500
    band = KillSwitchBand(bench.desk)
    assert band.text.textFormat() == Qt.TextFormat.PlainText
    band.deleteLater()
