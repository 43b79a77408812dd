import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.host.model import CompiledNet, HostNet, Shape, from_tensors, scan

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(5)
    found = HostNet(Shape()).eval()
    found.mean.normal_()
    found.scale.uniform_(0.5, 3.0)
    for parameter in found.parameters():
        parameter.data *= 2  # gates that open and close, as trained ones do
    return found


def _rows(*shape, seed=1):
    return torch.randn(*shape, 30, generator=torch.Generator().manual_seed(seed)) * 2


def _stepped(net, rows, state):
    logits = []
    for at in range(rows.shape[1]):
        logit, state = net.step(rows[:, at], state)
        logits.append(logit)
    return torch.stack(logits, 1), state


def _near(a, b):
    assert torch.allclose(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=TOLERANCE)


@torch.inference_mode()
@pytest.mark.parametrize("n_events", [1, 2, 15, 16, 17, 257, 3000])
def test_many_events_at_once_score_as_one_by_one(net, n_events):
    rows, state = _rows(3, n_events), torch.rand(3, 2, 32) * 2 - 1
    logits, end = net(rows, state)
    wanted, wanted_end = _stepped(net, rows, state)
    _near(logits, wanted)
    _near(end, wanted_end)


@torch.inference_mode()
@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6))
def test_any_split_gives_the_same_scores(net, lengths):
    rows, state = _rows(1, sum(lengths) + 1), net.initial(1)
    whole, end = net(rows, state)
    parts, at = [], 0
    for length in [*lengths, 1]:
        logits, state = net(rows[:, at : at + length], state)
        parts.append(logits)
        at += length
    _near(torch.cat(parts, 1), whole)
    _near(state, end)


@torch.inference_mode()
def test_streams_of_any_length_do_not_touch_each_other(net):
    rows, state = _rows(4, 50), torch.rand(4, 2, 32)
    lengths = torch.tensor([50, 0, 7, 1])
    logits, end = net(rows, state, lengths)
    for i, length in enumerate(lengths.tolist()):
        alone, alone_end = net(rows[i : i + 1, :length], state[i : i + 1])
        _near(logits[i, :length], alone[0])
        assert not logits[i, length:].any()
        _near(end[i], alone_end[0])


@torch.inference_mode()
def test_machine_code_scores_as_torch_does_in_any_order_of_streams(net):
    rows, state = _rows(5, 200), torch.rand(5, 2, 32)
    wanted, wanted_end = net(rows, state)
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 200))
    place = np.zeros(1000, int)
    for stream in range(5):
        place[order == stream] = np.arange(200)
    own = state.numpy().copy()
    arrived = np.ascontiguousarray(rows.numpy()[order, place])
    found = CompiledNet(net).advance(arrived, order, own)
    _near(found, wanted[order, place])
    _near(own, wanted_end)


def test_machine_code_gives_the_same_bits_whatever_the_batch(net):
    quick = CompiledNet(net)
    rows, streams = _rows(1, 300)[0].numpy(), np.arange(300) % 7
    together, apart = quick.initial(7), quick.initial(7)
    whole = quick.advance(rows, streams, together)
    parts = [quick.advance(rows[a : a + 9], streams[a : a + 9], apart) for a in range(0, 300, 9)]
    assert np.array_equal(np.concatenate(parts), whole)
    assert np.array_equal(together, apart)


@torch.inference_mode()
def test_numbers_that_are_none_or_endless_are_taken_as_mean_and_limit(net):
    rows = _rows(1, 4)
    odd, plain = rows.clone(), rows.clone()
    odd[0, 1, 3], odd[0, 2, 4], odd[0, 3, 5] = float("nan"), float("inf"), float("-inf")
    plain[0, 1, 3], plain[0, 2, 4], plain[0, 3, 5] = net.mean[3], 1e9, -1e9
    _near(net(odd, net.initial(1))[0], net(plain, net.initial(1))[0])
    quick = CompiledNet(net)
    found = quick.advance(odd[0].numpy(), np.zeros(4, np.int64), quick.initial(1))
    _near(found, net(odd, net.initial(1))[0][0])


def test_a_scan_neither_overflows_nor_forgets_over_a_long_stretch():
    keep = torch.full((100_000, 2), 1 - 2.0**-20)
    keep[:, 1] = 0.0
    new = 1 - keep
    found = scan(keep, new)
    assert bool(torch.isfinite(found).all())
    wanted = 1 - (1 - 2.0**-20) ** np.arange(1, 100_001)
    assert float((found[:, 0].double() - torch.from_numpy(wanted)).abs().max()) < TOLERANCE
    assert bool((found[:, 1] == 1).all())


def test_the_scan_can_be_learned_through(net):
    rows = _rows(2, 40).requires_grad_()
    net(rows, net.initial(2))[0][:, -1].sum().backward()
    assert rows.grad is not None
    assert float(rows.grad[:, 0].abs().max()) > 0


@torch.inference_mode()
def test_stored_weights_make_the_same_network(net):
    again = from_tensors(net.state_dict(), net.shape)
    rows = _rows(2, 9)
    assert torch.equal(again(rows, again.initial(2))[0], net(rows, net.initial(2))[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@torch.inference_mode()
def test_a_gpu_scores_as_the_processor_does(net):
    rows, lengths = _rows(6, 500), torch.tensor([500, 3, 0, 17, 499, 64])
    wanted, end = net(rows, net.initial(6), lengths)
    there = from_tensors(net.state_dict(), net.shape).cuda()
    found, found_end = there(rows.cuda(), there.initial(6), lengths.cuda())
    assert torch.allclose(found.cpu(), wanted, rtol=0, atol=1e-4)
    assert torch.allclose(found_end.cpu(), end, rtol=0, atol=1e-4)
