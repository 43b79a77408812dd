from pathlib import Path

import numpy as np
import pytest

from soc_copilot.detection.phishing.visual.embedder import Embedder, Thresholds, shipped
from soc_copilot.domain.brand import check_picture
from soc_copilot.domain.errors import DetectorError, ParseError
from tests.unit.detection.phishing.visual.pages import save, screenshot


def test_a_reference_is_kept_with_its_embedding(embedder: Embedder) -> None:
    png, packed = embedder.reference(screenshot(kind="JPEG"))
    check_picture(png, packed)
    assert embedder.unpack(packed, b"not needed") == pytest.approx(embedder.of_bytes(png))
    assert embedder.version == "made-up-1"
    assert embedder.thresholds == Thresholds(0.999, 0.99)


def test_another_models_embedding_is_made_anew(embedder: Embedder, tmp_path: Path) -> None:
    png, packed = embedder.reference(screenshot())
    other = Embedder(save(tmp_path / "other", seed=2))
    assert other.unpack(packed, png) == pytest.approx(other.of_bytes(png))
    for damaged in (b"", packed[:-1], packed[:16] + b"\xff" * (len(packed) - 16)):
        assert embedder.unpack(damaged, png) == pytest.approx(embedder.of_bytes(png))
    with pytest.raises(ParseError):
        other.unpack(packed, b"no picture")


def test_a_model_that_is_missing_or_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="Cannot read"):
        _ = Embedder(tmp_path / "none").version
    for n, changes in enumerate(({"name": "phishing-url"}, {"thresholds": {}}, {"shape": {}})):
        folder = save(tmp_path / str(n), **changes)
        with pytest.raises(DetectorError, match="not one for screenshots"):
            _ = Embedder(folder).version


def test_the_shipped_model_knows_a_page_again() -> None:
    embedder = shipped()
    first = embedder.of_bytes(screenshot())
    again = embedder.of_bytes(screenshot(size=(1280, 800), kind="JPEG"))
    other = embedder.of_bytes(screenshot("#b01020"))
    assert float(first @ again) > embedder.thresholds.sure
    assert float(first @ other) < float(first @ again)
    assert np.linalg.norm(first) == pytest.approx(1.0, abs=1e-4)
    folder = embedder._folder
    assert (folder / "model.safetensors").stat().st_size < 2_000_000
