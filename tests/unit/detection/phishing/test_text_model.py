import numpy as np
import pytest
import torch

from soc_copilot.detection.phishing.hashing import Gathered, bags
from soc_copilot.detection.phishing.scorer import shipped
from soc_copilot.detection.phishing.text_model import columns, from_tensors, line
from soc_copilot.domain.errors import DetectorError


def test_a_fields_words_count_by_the_root_of_their_number() -> None:
    weights = torch.zeros(1 << 8)
    found = bags([Gathered(words=[(0, "a")] * 4 + [(1, "b")]), Gathered()], 2, 8)
    weights[:] = 1.0
    assert line(weights, 0.5, found, 2) == pytest.approx([4 / 2 + 1 + 0.5, 0.5])


def test_trees_read_numbers_then_the_line() -> None:
    read = columns(np.array([[1.0, 2.0]], np.float32), np.array([3.0], np.float32))
    assert read.tolist() == [[1.0, 2.0, 3.0]]
    assert read.flags.c_contiguous


@pytest.mark.parametrize("missing", ["weights", "bias", "trees.gains"])
def test_arrays_that_do_not_fit_are_refused(missing: str) -> None:
    reader = shipped().get("text").reader
    tensors = reader.tensors()  # type: ignore[attr-defined]
    shape = {"n_fields": reader.n_fields}  # type: ignore[attr-defined]
    bits = len(tensors["weights"]).bit_length() - 1
    if missing in tensors:
        del tensors[missing]
        bits_wanted = bits
    else:
        bits_wanted = bits + 1
    with pytest.raises(DetectorError):
        from_tensors(tensors, bits=bits_wanted, n_dense=0, **shape)
