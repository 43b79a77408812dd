from pathlib import Path

import pytest

from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.domain.errors import ParseError
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.references import make_reference
from tests.unit.detection.phishing.visual.pages import save, screenshot


def test_what_is_made_can_be_kept(tmp_path: Path) -> None:
    embedder = Embedder(save(tmp_path / "model"))
    with Governance.open(tmp_path / "g.db", home=tmp_path) as governance:
        brand = governance.brands.add("Bank", ["bank.example"])
        made = make_reference(screenshot(size=(2560, 1600)), embedder)
        governance.brands.add_reference(brand.id, *made)
        (kept,) = governance.brands.references(brand.id)
    assert (kept.png, kept.embedding) == made
    with pytest.raises(ParseError, match="no PNG"):
        make_reference(b"no picture", embedder)
