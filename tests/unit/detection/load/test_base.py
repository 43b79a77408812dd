import numpy as np
import pytest

from soc_copilot.detection.load.base import season, usual_at, week_hour
from soc_copilot.detection.load.features import REACH, lags, prepare, rows
from soc_copilot.detection.load.series import hour_of
from tests.unit.detection.load.making import MONDAY, clean


def test_answers_are_what_the_base_does(shared):
    base = shared.model.base
    values = clean(1_000, seed=3)
    changed = values.copy()
    for lag, by in ((1, 0.1), (24, -0.2), (100, 0.05)):
        changed[700 - lag] *= np.exp(by)
    answer = base.answers(120)
    at = REACH + 699
    found = []
    for series in (values, changed):
        row, level = rows(prepare(series, MONDAY), 1, at, at + 1)
        hour = (MONDAY + 700) % 24
        found.append(float(row[0] @ base.weights[0][hour] + level[0]))
    k = answer[week_hour(MONDAY + 700)]
    wanted = 0.1 * k[1] - 0.2 * k[24] + 0.05 * k[100]
    assert found[1] - found[0] == pytest.approx(wanted, abs=0.02)  # but for the season's part
    assert answer[:, 0].tolist() == [0] * 168
    assert lags(1)[0] == 1


def test_hours_of_the_week_and_seasons():
    assert week_hour(MONDAY) == 0
    assert week_hour(np.array([MONDAY - 1, MONDAY + 25])).tolist() == [167, 25]
    days = ["2017-01-15", "2017-04-15", "2017-07-15", "2017-10-15", "2017-12-31"]
    hours = np.array([hour_of(day) for day in days])
    assert season(hours).tolist() == [0, 1, 2, 3, 0]
    assert [season(int(h)) for h in hours] == [0, 1, 2, 3, 0]
    usual = np.arange(2 * 4 * 168.0).reshape(2, 4, 168)
    assert usual_at(usual, hours)[2].tolist() == [
        usual[k, 2, week_hour(int(hours[2]))] for k in (0, 1)
    ]
