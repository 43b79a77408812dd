import itertools

import numpy as np
import pytest

from soc_copilot.detection.load.injection import Attack
from soc_copilot.detection.load.series import from_rows
from soc_copilot.detection.load.templates import Guess
from soc_copilot.detection.load.training.corpus import sample
from soc_copilot.detection.load.training.evaluate import (
    Tally,
    begun,
    forecasts,
    mape,
    n_alarms,
    place,
    tally,
)
from soc_copilot.detection.load.verdict import HourVerdict
from tests.unit.detection.load.making import MONDAY, clean


def verdict(is_threat, template="scaling"):
    guess = Guess(template, 1.0, 0.18, {}) if is_threat else None
    return HourVerdict(
        0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.5, "normal", is_threat, "", 0, guess
    )  # fmt: skip


def test_mape_leaves_out_what_is_not_known():
    assert mape(np.array([1.1, np.nan, 5]), np.array([1, 1, np.nan])) == pytest.approx(10)


def test_alarms_with_short_pauses_are_one():
    flags = np.zeros(60, bool)
    assert n_alarms(flags) == 0
    flags[[0, 1, 6, 20, 27, 59]] = True
    assert n_alarms(flags) == 4


def test_what_came_of_attacks():
    placed = [Attack("scaling", 2, 6, 0.2), Attack("pulse", 12, 6, 0.2)]
    labels = np.full(20, -1)
    labels[2:8], labels[12:18] = 0, 1
    flags = [i in {4, 5, 9} for i in range(20)]
    found = tally(placed, [verdict(f) for f in flags], labels, np.ones(20, bool))
    first = found["scaling"].figures()
    assert first["event_recall"] == 1
    assert first["hour_recall"] == pytest.approx(2 / 6, abs=1e-4)
    assert first["hour_precision"] == pytest.approx(2 / 3, abs=1e-4)
    assert (first["median_delay_h"], first["template_right"]) == (2, 1)
    assert first["median_size_error"] == pytest.approx(0.02)
    assert first["clean_flagged"] == pytest.approx(1 / 6, abs=1e-4)
    assert found["pulse"].figures()["event_recall"] == 0
    total = Tally()
    total.add(found["scaling"])
    total.add(found["pulse"])
    assert total.figures()["event_recall"] == 0.5


def test_places_leave_clean_hours_between():
    placed = place(9_000, 0.1, np.random.default_rng(0))
    assert len(placed) > 10
    assert all(b.start - a.end >= 125 for a, b in itertools.pairwise(placed))


def test_forecasts_beside_simple_ones(shared):
    n = 13_500
    values = clean(n, seed=41)
    made = sample("a", from_rows("a", [(MONDAY + 1 + h) * 3600 for h in range(n)], values))
    found = forecasts(made, shared, begun(made, shared))
    assert found["hour_ahead"] < found["regression_hour_ahead"]
    assert found["day_ahead"] < found["yesterday"]
    assert found["clean_flagged"] < 5
    assert found["clean_alarms"] <= found["hours"] * found["clean_flagged"] / 100 + 0.5
    assert found["hours"] == 8_760
