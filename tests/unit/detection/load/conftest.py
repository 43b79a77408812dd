import pytest

from soc_copilot.detection.load.detector import Shared
from soc_copilot.detection.load.saved import load


@pytest.fixture(scope="session")
def trained(load_model):
    """A model trained on one small series: its folder and card."""
    return load_model


@pytest.fixture(scope="session")
def shared(trained):
    return Shared(load(trained[0]))
