import numpy as np
import pytest
import torch

from soc_copilot.detection.load.kernel import (
    fill_gaps,
    head_step,
    lstm_step,
    mean_of,
    stand_in,
)
from soc_copilot.detection.load.model import LoadNet, Shape


def array(tensor):
    return np.ascontiguousarray(tensor.detach().numpy(), np.float32)


def test_means_and_stand_ins():
    logs = np.arange(400.0)
    assert mean_of(logs, 10, 3) == 9
    assert stand_in(logs, 300) == pytest.approx(300)  # last week's, and a week's growth
    gaps = logs.copy()
    gaps[300:302] = np.nan
    fill_gaps(gaps, 200)
    assert gaps == pytest.approx(logs)


def test_the_lstm_and_the_heads_are_torchs():
    torch.manual_seed(0)
    net = LoadNet(Shape(5, (4, 6), 8, 10))
    for layer in net.exits:
        torch.nn.init.normal_(layer.weight)
    inputs, rows = torch.randn(1, 20, 5), [torch.randn(1, 20, 4), torch.randn(1, 20, 6)]
    with torch.no_grad():
        wanted, _ = net(inputs, rows)
    lstm, state = net.lstm, (np.zeros(8, np.float32), np.zeros(8, np.float32))
    for at in range(20):
        lstm_step(
            array(inputs[0, at]),
            array(lstm.weight_ih_l0.T),
            array(lstm.weight_hh_l0.T),
            array(lstm.bias_ih_l0 + lstm.bias_hh_l0),
            *state,
        )
        for k in range(2):
            layers = (net.entries[k], net.middles[k], net.exits[k])
            parts = [array(p) for layer in layers for p in (layer.weight.T, layer.bias)]
            found = head_step(state[0], array(rows[k][0, at]), *parts)
            assert found == pytest.approx(wanted[k][0, at].tolist(), abs=1e-5)
