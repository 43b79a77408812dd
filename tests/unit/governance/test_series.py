"""Series in the database: written with the batch, read back as they were."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.errors import KillSwitchEngagedError
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.domain.load import HourRow, LoadInterval, SeriesUpdate
from soc_copilot.governance.database import Governance


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    with Governance.open(tmp_path / "g.db", actor=Actor("ana", "cli"), home=tmp_path) as made:
        yield made


def store(governance: Governance, *updates: SeriesUpdate) -> None:
    governance.batches.store(BatchCommit(0, (), (), series=updates))


def rows(first: int, n: int) -> tuple[HourRow, ...]:
    return tuple(HourRow(first + i, 100.0 + i, 99.0, 90.0, 110.0, 98.0, 0.2) for i in range(n))


def test_hours_come_back_as_they_were_and_a_second_time_changes_nothing(
    governance: Governance,
) -> None:
    odd = HourRow(1_200, math.nan, odd=1)
    update = SeriesUpdate("1/a", "a", "MW", (*rows(0, 1_200), odd))
    store(governance, update)
    store(governance, update)
    (one,) = governance.series.all()
    assert (one.key, one.name, one.unit, one.first, one.last) == ("1/a", "a", "MW", 0, 1_200)
    found = governance.series.hours("1/a")
    assert found[:-1] == update.rows[:-1]
    assert math.isnan(found[-1].value)
    assert found[-1].odd == 1
    assert [row.hour for row in governance.series.hours("1/a", 5, 7)] == [5, 6, 7]
    assert governance.series.hours("2/b") == ()


def test_an_interval_that_grows_takes_the_place_of_the_former_one(governance: Governance) -> None:
    short = LoadInterval(10, 12, 1, 0.1, "scaling", 0.8, 0.1, 0.9, ("why",))
    long = LoadInterval(8, 20, 2, 0.3, "ramp_up", 0.7, 0.3, 0.95, ("why", "more"))
    other = LoadInterval(40, 41, 1, -0.1)
    store(governance, SeriesUpdate("1/a", "a", "", rows(0, 50), (short, other)))
    store(governance, SeriesUpdate("1/a", "a", "", (), (long,)))
    assert governance.series.intervals("1/a") == (long, other)
    assert governance.series.intervals("1/a", 21) == (other,)


def test_nothing_is_stored_while_the_kill_switch_is_engaged(governance: Governance) -> None:
    governance.kill_switch.engage("a test")
    with pytest.raises(KillSwitchEngagedError):
        store(governance, SeriesUpdate("1/a", "a", "", rows(0, 2)))
    assert governance.series.all() == ()
