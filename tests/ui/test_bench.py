"""The window's benchmark measures delays truly, and runs on the real desktop."""

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.app import Desktop, Options
from soc_copilot.ui.bench import Probe, bench_window


def test_delays_are_what_a_tick_came_late_before_and_after_the_first_batch(qtbot: QtBot) -> None:
    probe = Probe()
    probe.ticks_s = [1.000, 1.010, 1.060, 1.070, 1.095]
    probe.first_event_s = 1.065
    before, live = probe.delays_ms()
    np.testing.assert_allclose(before, [0, 40], atol=1e-6)
    np.testing.assert_allclose(live, [0, 15], atol=1e-6)


@pytest.mark.slow
def test_a_second_of_ingestion_is_measured_in_the_real_window(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soc_copilot.ui.bench.LINES_PER_S", 200_000)
    made: list[Desktop] = []

    def make(db: str) -> Desktop:
        made.append(Desktop(Options(db=db)))
        return made[0]

    figures = bench_window(make, 1.0)
    made[0].window.allow_close()
    made[0].window.close()
    made[0].window.deleteLater()
    made[0].deleteLater()
    assert figures.seconds >= 1.0
    assert figures.events_per_s > 0
    assert 0 <= figures.p50_ms <= figures.p99_ms <= figures.max_ms
