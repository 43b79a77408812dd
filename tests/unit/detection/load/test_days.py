from datetime import date

import numpy as np

from soc_copilot.detection.load.days import AFTER, COLUMNS, HOLIDAY, calendar, holidays


def hours_of(*days):
    return np.array([(day - date(1970, 1, 1)).days * 24 + 12 for day in days], np.int64)


def test_floating_and_fixed_holidays():
    major, minor = holidays(2023)
    assert {date(2023, 11, 23), date(2023, 11, 24), date(2023, 5, 29), date(2023, 9, 4)} <= major
    assert {date(2023, 1, 1), date(2023, 1, 2)} <= major  # a Sunday, and the Monday off for it
    assert {date(2023, 1, 16), date(2023, 2, 20), date(2023, 4, 7), date(2023, 6, 19)} <= minor
    assert date(2019, 6, 19) not in holidays(2019)[1]


def test_the_calendar_of_an_hour():
    found = calendar(hours_of(date(2023, 7, 4), date(2023, 7, 5), date(2023, 12, 31)))
    assert found.shape == (3, len(COLUMNS))
    assert found[:, :7].argmax(1).tolist() == [1, 2, 6]
    assert found[:, HOLIDAY].tolist() == [1, 0, 0]
    assert found[:, AFTER].tolist() == [0, 1, 0]
    assert found[:, COLUMNS.index("year_end")].tolist() == [0, 0, 1]
    assert np.allclose(found[:, -4] ** 2 + found[:, -3] ** 2, 1)


def test_no_hours_have_no_calendar():
    assert calendar(np.array([], np.int64)).shape == (0, len(COLUMNS))
