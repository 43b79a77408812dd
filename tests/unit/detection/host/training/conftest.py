import pytest

from soc_copilot.detection.host.training.dataset import sequences
from soc_copilot.detection.host.training.traces import read_traces

from .made_up import write


@pytest.fixture(scope="session")
def recordings(tmp_path_factory):
    return write(tmp_path_factory.mktemp("recordings"))


@pytest.fixture(scope="session")
def traces(recordings):
    return read_traces([recordings])


@pytest.fixture(scope="session")
def found(traces):
    return sequences(traces)
