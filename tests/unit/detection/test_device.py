import pytest
import torch

from soc_copilot.detection.device import pick_device
from soc_copilot.domain.errors import DetectorError


def test_the_cpu_is_named_with_its_threads():
    device, name = pick_device("cpu")
    assert device == "cpu"
    assert name.startswith("CPU, ")


def test_auto_takes_the_gpu_when_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Some GPU")
    assert pick_device("auto") == ("cuda:0", "Some GPU")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto")[0] == "cpu"


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DetectorError, match="no GPU"):
        pick_device("cuda")


def test_an_unknown_device_is_an_error():
    with pytest.raises(DetectorError, match="abacus"):
        pick_device("abacus")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_gpu_is_found():
    assert pick_device("cuda")[0] == "cuda:0"
