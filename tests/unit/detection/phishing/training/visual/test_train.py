from pathlib import Path

import pytest

from soc_copilot.detection.phishing.training.visual import train as train_module
from soc_copilot.detection.phishing.training.visual.fit import Recipe
from soc_copilot.detection.phishing.training.visual.fit_finder import FinderRecipe
from soc_copilot.detection.phishing.training.visual.fit_logos import LogoRecipe
from soc_copilot.detection.phishing.training.visual.train import Options, measure, train
from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.domain.errors import SourceError
from tests.unit.detection.phishing.training.visual.made import make_folder


def test_a_model_is_trained_measured_and_written(tmp_path: Path) -> None:
    pages = make_folder(tmp_path / "pages", most=2)
    options = Options(
        pages, tmp_path / "model",
        recipe=Recipe(steps=2, brands=2, pages=2, strangers=2),
        finder=FinderRecipe(steps=2, pages=2),
        logos=LogoRecipe(steps=2, families=2, drawn=2),
    )  # fmt: skip
    card = train(options)
    embedder = Embedder(tmp_path / "model")
    assert embedder.version == card["version"]
    assert embedder.thresholds.sure >= embedder.thresholds.near
    assert card["data"]["test"]["brands"] == 4
    assert set(card["figures"]) == {"validation", "test", "logos_of_brands_never_seen"}
    # What is written is what was measured.
    told = measure(embedder.networks, embedder.rule, embedder.thresholds, pages)
    assert told["clone"] == card["figures"]["test"]["clone"]
    assert told["all foreign"]["pages"] == card["figures"]["test"]["all foreign"]["pages"]


def test_pages_are_rendered_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Path, int, float, Path | None]] = []

    def render_all(folder: Path, *, seed: int, share: float, marks: Path | None) -> int:
        asked.append((folder, seed, share, marks))
        make_folder(folder)
        return 1

    monkeypatch.setattr(train_module, "render_all", render_all)
    monkeypatch.setattr(train_module, "read_shots", lambda folder, split: [])
    marks = tmp_path / "marks.gz"
    options = Options(tmp_path / "pages", tmp_path / "model", seed=3, share=0.5, marks=marks)
    for _ in range(2):
        with pytest.raises(SourceError, match="no pages to train on"):
            train(options)
    assert asked == [(tmp_path / "pages", 3, 0.5, marks)]
