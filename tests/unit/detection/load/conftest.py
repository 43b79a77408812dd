import pytest

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.saved import load
from soc_copilot.detection.load.training.train import Options, train
from tests.unit.detection.load.making import as_csv, clean

_made = []  # other folders' tests take the fixture, too, and to pytest theirs is another one


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A model trained on one small series: its folder and card."""
    if not _made:
        _made.append(_train(tmp_path_factory.mktemp("load")))
    return _made[0]


def _train(folder):
    (folder / "small.csv").write_text(as_csv(clean(8_760 + 6_000)))
    card = train(Options([folder / "small.csv"], folder / "model", epochs=1, rounds=0, n_trees=40))
    return folder / "model", card


@pytest.fixture(scope="session")
def shared(trained):
    return Shared(load(trained[0]))
