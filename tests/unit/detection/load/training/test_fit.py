import numpy as np
import pytest

from soc_copilot.detection.load.features import HORIZONS, REACH
from soc_copilot.detection.load.model import LoadNet
from soc_copilot.detection.load.series import from_rows
from soc_copilot.detection.load.training.corpus import sample
from soc_copilot.detection.load.training.fit import (
    N_INPUTS,
    Recipe,
    fit_base,
    fit_net,
    n_rows,
    normalise,
    tabulate,
)
from tests.unit.detection.load.making import MONDAY, clean


@pytest.fixture(scope="module")
def made():
    values = clean(14_000, seed=31)
    return sample("a", from_rows("a", [(MONDAY + 1 + h) * 3600 for h in range(14_000)], values))


def test_the_base_beats_last_week(made):
    base = fit_base([made])
    table = tabulate(made, base)
    last = slice(table.cut, len(table.inputs) - 24)
    errors = [np.abs(t[last] * u).mean() for t, u in zip(table.targets, base.units, strict=True)]
    logs = made.ready.logs[REACH:]
    naive = np.abs(logs[table.cut :] - logs[table.cut - 168 : -168]).mean()
    assert errors[0] < errors[1] < naive
    assert errors[0] < 0.008


def test_tables_and_a_short_training(made):
    table = tabulate(made, fit_base([made]))
    assert table.inputs.shape == (14_000, N_INPUTS)
    assert [r.shape[1] for r in table.rows] == [n_rows(h) for h in HORIZONS]
    assert all(np.isfinite(r).all() for r in (table.inputs, *table.rows))
    normalise([table])
    assert np.abs(table.rows[0].mean(0)).max() < 3
    recipe = Recipe(epochs=1, width=4, head=8, batch=4, chunk_hours=336, warm_hours=100)
    one, other = fit_net([table], recipe), fit_net([table], recipe)
    assert isinstance(one, LoadNet)
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        assert (a == b).all()
    assert any((p != 0).any() for p in one.exits[0].parameters())
