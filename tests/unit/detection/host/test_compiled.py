import tempfile
from pathlib import Path

import numba
import numpy as np

from soc_copilot.detection.host import compiled as module
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


def test_machine_code_is_kept_for_each_state_of_the_sources():
    folder = Path(numba.config.CACHE_DIR)
    assert folder.parent.name == "compiled"
    assert len(folder.name) == 16


def test_without_a_place_for_machine_code_none_is_kept(monkeypatch):
    def refuse(**_):
        raise PermissionError

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    assert not module._kept()
    monkeypatch.setattr(module, "_IS_KEPT", False)
    assert compiled(_total.py_func)(np.ones(3)) == 3.0
