from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soc_copilot.detection.phishing.visual.compare import Seen, compare, gallery_of
from soc_copilot.detection.phishing.visual.embedder import Embedder, Thresholds, shipped
from soc_copilot.domain.brand import check_picture
from soc_copilot.domain.errors import DetectorError, ParseError
from tests.unit.detection.phishing.visual.pages import save, screenshot


def same(one: Seen, other: Seen) -> bool:
    return (
        np.allclose(one.look, other.look, atol=1e-5)
        and one.logos.shape == other.logos.shape
        and np.allclose(one.logos, other.logos, atol=1e-5)
        and np.allclose(one.sure, other.sure, atol=1e-5)
        and one.parts.tolist() == other.parts.tolist()
        and one.places.tolist() == other.places.tolist()
    )


def test_a_reference_is_kept_with_what_is_seen_in_it(embedder: Embedder) -> None:
    png, packed = embedder.reference(screenshot(kind="JPEG"))
    check_picture(png, packed)
    seen = embedder.see(png)
    assert len(seen.logos) == len(seen.sure) > 0
    assert same(embedder.unpack(packed, b"not needed"), seen)
    assert embedder.version == "made-up-1"
    assert embedder.thresholds == Thresholds(0.999, 0.99)


def test_what_another_model_saw_is_looked_at_anew(embedder: Embedder, tmp_path: Path) -> None:
    png, packed = embedder.reference(screenshot())
    other = Embedder(save(tmp_path / "other", seed=2))
    assert same(other.unpack(packed, png), other.see(png))
    assert not same(other.see(png), embedder.see(png))
    for damaged in (b"", packed[:-1], packed[:17] + b"\xff" * (len(packed) - 17)):
        assert same(embedder.unpack(damaged, png), embedder.see(png))
    with pytest.raises(ParseError):
        other.unpack(packed, b"no picture")


def test_a_model_that_is_missing_or_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="Cannot read"):
        _ = Embedder(tmp_path / "none").version
    wrong: tuple[dict[str, Any], ...] = (
        {"name": "phishing-url"}, {"thresholds": {}}, {"shapes": {}}, {"rule": {}},
        {"rule": {"weights": {"look": 1.0}, "bias": 0.0}},
    )  # fmt: skip
    for n, changes in enumerate(wrong):
        folder = save(tmp_path / str(n), **changes)
        with pytest.raises(DetectorError, match="not one for screenshots"):
            _ = Embedder(folder).version


def test_the_shipped_model_knows_a_page_again() -> None:
    embedder = shipped()

    def alike(one: bytes, other: bytes) -> float:
        alike = compare(gallery_of([embedder.see(one)]), embedder.see(other))
        return float(embedder.rule.scores(alike.features())[0])

    page = screenshot()
    again = alike(page, screenshot(size=(1280, 800), kind="JPEG"))
    assert again > alike(page, screenshot("#b01020"))
    assert np.linalg.norm(embedder.see(page).look) == pytest.approx(1.0, abs=1e-4)
    folder = embedder._folder
    assert (folder / "model.safetensors").stat().st_size < 4_000_000
