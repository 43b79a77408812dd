import json
import random
from pathlib import Path

import pytest

from soc_copilot.detection.web.classes import N_MODEL_CLASSES
from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.detection.web.model import Shape
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training import synthetic
from soc_copilot.detection.web.training.train import BUDGETS, Options, train
from soc_copilot.detection.weights import load_model


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labelled")
    rng = random.Random(5)  # noqa: S311
    for name in ("first", "second"):
        with (folder / f"{name}.jsonl").open("w") as out:
            for i in range(250):
                text, kind = synthetic.attack(rng)
                rows = [("attack", kind, text), ("normal", None, synthetic.benign(rng))]
                for label, said, value in rows:
                    row = {
                        "id": f"{label}{i}~{name}-{i}",
                        "label": label,
                        "kind": said,
                        "path": "/find",
                        "query": f"q={value}",
                        "headers": {"X-A": "b"},
                    }
                    out.write(json.dumps(row) + "\n")
    return folder


def options(data: Path, out: Path, *, cross_sets: bool = False) -> Options:
    shape = Shape(views=("e1", "e3", "w1"), bits=11, width=8, hidden=16, n_classes=N_MODEL_CLASSES)
    return Options(
        data,
        out,
        epochs=6,
        threads=1,
        shape=shape,
        n_synthetic=400,
        cross_sets=cross_sets,
    )


def test_training_writes_a_model_that_the_detector_takes(data: Path, tmp_path: Path) -> None:
    card = train(options(data, tmp_path / "m", cross_sets=True))
    detector = WebDetector("1%", tmp_path / "m")
    detector.start("cpu")
    score = detector.score_requests([Request(query="q=<script>alert(1)</script>")])[0].score
    assert 0 <= score <= 1
    stored = load_model(tmp_path / "m")[1]
    assert stored["figures"] == card["figures"]
    assert card["figures"]["pooled"]["auc"] > 0.6
    assert set(card["cross_sets"]) == {"first", "second"}
    assert [entry["licence"] for entry in card["data"]] == ["not stated", "not stated"]
    assert list(card["thresholds"]) == ["0.1%", "0.5%", "1%"]
    pooled = card["figures"]["pooled"]
    assert card["presets"]["0.1%"] == {"fpr": pooled["fpr_here"], "tpr": pooled["tpr_here"]}
    for budget, share in BUDGETS.items():
        assert card["presets"][budget]["fpr"] <= share
    assert card["presets"]["1%"]["tpr"] >= card["presets"]["0.1%"]["tpr"]
    assert stored["presets"] == card["presets"]


def test_the_same_seed_trains_the_same_model(data: Path, tmp_path: Path) -> None:
    cards = [train(options(data, tmp_path / name)) for name in ("a", "b")]
    assert cards[0]["figures"] == cards[1]["figures"]
    # But for the last bits, which depend on where memory happens to lie.
    assert cards[0]["thresholds"] == pytest.approx(cards[1]["thresholds"], abs=1e-4)
