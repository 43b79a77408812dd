import json

import numpy as np
import pytest

from soc_copilot.cli import main
from soc_copilot.pipeline.bench_load import bench_load, made


@pytest.mark.slow
def test_figures(load_model):
    said = []
    found = bench_load(200, 300, 3, model=load_model[0], say=said.append)
    assert found.hours_per_s > 100
    assert 0 < found.p50_us <= found.p99_us
    assert found.batch_hours_per_s > found.hours_per_s
    assert (found.memory_hours, found.series) == (300, 3)
    assert len(said) == 4


@pytest.mark.slow
def test_the_command_prints_them(load_model, capsys):
    command = ["bench", "load", "--hours", "50", "--memory-hours", "50", "--series", "1"]
    assert main([*command, "--model", str(load_model[0])]) == 0
    assert "one at a time" in capsys.readouterr().out
    assert main([*command, "--model", str(load_model[0]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["series"] == 1


def test_the_series_is_the_same_every_time():
    assert np.array_equal(made(100), made(100))
    assert (made(100) > 0).all()
