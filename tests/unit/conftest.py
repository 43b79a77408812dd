"""Models that tests of several folders use: trained once."""

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def load_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The load detector trained on one small series: its folder and card."""
    # Here, because torch is slow to import and most tests need none.
    from soc_copilot.detection.load.training.train import Options, train
    from tests.unit.detection.load.making import as_csv, clean

    folder = tmp_path_factory.mktemp("load")
    (folder / "small.csv").write_text(as_csv(clean(8_760 + 6_000)))
    quick = Options(
        [folder / "small.csv"], folder / "model",
        epochs=1, rounds=0, n_trees=40, course_epochs=4, n_turns=6, n_nets=1,
    )  # fmt: skip
    card = train(quick)
    return folder / "model", card
