import json

import pytest
import torch

from soc_copilot.detection.weights import CARD_FILE, WEIGHTS_FILE, load_card, load_model, save_model
from soc_copilot.domain.errors import DetectorError


@pytest.fixture
def folder(tmp_path):
    target = tmp_path / "model"
    save_model(target, {"w": torch.arange(6.0).reshape(2, 3)}, {"name": "web", "threshold": 0.5})
    return target


def test_a_model_comes_back_as_it_was_saved(folder):
    tensors, card = load_model(folder)
    assert torch.equal(tensors["w"], torch.arange(6.0).reshape(2, 3))
    assert card["name"] == "web"
    assert load_card(folder) == card
    assert {path.name for path in folder.iterdir()} == {CARD_FILE, WEIGHTS_FILE}


def test_weights_are_the_same_bytes_each_time(folder, tmp_path):
    save_model(tmp_path / "b", {"w": torch.arange(6.0).reshape(2, 3)}, {"name": "web"})
    assert (tmp_path / "b" / WEIGHTS_FILE).read_bytes() == (folder / WEIGHTS_FILE).read_bytes()


def test_one_altered_byte_is_refused(folder):
    data = bytearray((folder / WEIGHTS_FILE).read_bytes())
    data[-1] ^= 1
    (folder / WEIGHTS_FILE).write_bytes(data)
    with pytest.raises(DetectorError, match="do not match their card"):
        load_model(folder)


@pytest.mark.parametrize("name", [CARD_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(DetectorError, match=name):
        load_model(folder)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": {"model.safetensors": {}}}'])
def test_a_card_without_a_hash_is_refused(folder, text):
    (folder / CARD_FILE).write_text(text)
    with pytest.raises(DetectorError, match="card"):
        load_model(folder)


def test_what_is_no_safetensors_is_refused(folder):
    import hashlib

    data = b"not a tensor file at all"
    (folder / WEIGHTS_FILE).write_bytes(data)
    card = json.loads((folder / CARD_FILE).read_text())
    card["files"][WEIGHTS_FILE]["sha256"] = hashlib.sha256(data).hexdigest()
    (folder / CARD_FILE).write_text(json.dumps(card))
    with pytest.raises(DetectorError, match="not safetensors"):
        load_model(folder)


def test_a_number_that_is_not_finite_is_refused(tmp_path):
    save_model(tmp_path, {"w": torch.tensor([1.0, float("nan")])}, {})
    with pytest.raises(DetectorError, match="not finite"):
        load_model(tmp_path)
