import numba
import numpy as np

from soc_copilot.detection.host.compiled import compiled


@compiled
def _total(values):
    total = 0.0
    for value in values:
        total += value
    return total


def test_a_compiled_function_gives_what_the_plain_one_gives():
    values = np.arange(5.0)
    assert _total(values) == _total.py_func(values) == 10.0


def test_without_a_place_for_machine_code_it_is_compiled_all_the_same(monkeypatch):
    njit = numba.njit

    def picky(**options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function")
        return njit(**options)

    monkeypatch.setattr(numba, "njit", picky)
    assert compiled(_total.py_func)(np.ones(3)) == 3.0
