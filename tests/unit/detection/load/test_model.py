import torch

from soc_copilot.detection.load.model import LOG_SCALE, LoadNet, Shape, from_tensors

SHAPE = Shape(5, (4, 6), 8, 10)


def test_shapes_and_a_quiet_start():
    net = LoadNet(SHAPE)
    found, state = net(torch.randn(3, 7, 5), [torch.randn(3, 7, 4), torch.randn(3, 7, 6)])
    assert [tuple(f.shape) for f in found] == [(3, 7, 2)] * 2
    assert state[0].shape == (1, 3, 8)
    assert all((f == 0).all() for f in found)  # the base alone, until it is trained


def test_the_state_carries_on():
    net = LoadNet(SHAPE)
    for layer in net.exits:
        torch.nn.init.normal_(layer.weight)
    inputs, rows = torch.randn(2, 9, 5), [torch.randn(2, 9, 4), torch.randn(2, 9, 6)]
    whole, _ = net(inputs, rows)
    _, state = net(inputs[:, :4], [r[:, :4] for r in rows])
    rest, _ = net(inputs[:, 4:], [r[:, 4:] for r in rows], state)
    for one, other in zip(whole, rest, strict=True):
        assert torch.allclose(one[:, 4:], other, atol=1e-6)


def test_scales_are_bounded_and_weights_come_back():
    net = LoadNet(SHAPE)
    torch.nn.init.constant_(net.exits[0].bias, 50.0)
    again = from_tensors(net.state_dict(), SHAPE)
    found = again.head(0, torch.zeros(1, 8), torch.zeros(1, 4))
    assert found.tolist() == [[50.0, LOG_SCALE[1]]]
