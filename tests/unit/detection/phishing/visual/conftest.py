from pathlib import Path

import pytest

from soc_copilot.detection.phishing.visual.embedder import Embedder
from tests.unit.detection.phishing.visual.pages import save


@pytest.fixture
def embedder(tmp_path: Path) -> Embedder:
    return Embedder(save(tmp_path / "model"))
