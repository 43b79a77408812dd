import threading
from pathlib import Path

import pytest

from soc_copilot.detection.phishing.visual.embedder import Embedder
from soc_copilot.detection.phishing.visual.matching import Matcher
from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.references import make_reference
from soc_copilot.phishing.registry import StoredBrands
from tests.unit.detection.phishing.visual.pages import save, screenshot
from tests.unit.phishing.parts import PATIENCE_S, TurnedClock


@pytest.fixture
def governance(tmp_path: Path):
    with Governance.open(tmp_path / "g.db", home=tmp_path) as opened:
        yield opened


def reader(tmp_path: Path) -> Governance:
    return Governance.open(tmp_path / "g.db", home=tmp_path, read_only=True)


def test_changes_are_seen_from_another_thread(tmp_path: Path, governance: Governance) -> None:
    embedder, clock = Embedder(save(tmp_path / "model")), TurnedClock()
    stored = StoredBrands(lambda: reader(tmp_path), clock=clock)
    matcher = Matcher(embedder, stored)
    page = embedder.see(screenshot())
    found = []

    def ask() -> None:
        thread = threading.Thread(target=lambda: found.append(matcher.match(page, "")))
        thread.start()
        thread.join()

    ask()
    brand = governance.brands.add("Bank", ["bank.example"])
    governance.brands.add_reference(brand.id, *make_reference(screenshot(), embedder))
    ask()  # within the time that a look is believed
    clock.s += 2
    ask()
    governance.brands.remove(brand.id)
    clock.s += 2
    ask()
    assert [match.brand if match else None for match in found] == [None, None, "Bank", None]


def test_the_revision_is_told_at_once_and_looked_for_beside(
    tmp_path: Path, governance: Governance
) -> None:
    gate, clock = threading.Event(), TurnedClock()
    looked = threading.Event()

    def slow() -> Governance:
        assert gate.wait(PATIENCE_S)
        opened = reader(tmp_path)
        looked.set()
        return opened

    stored = StoredBrands(slow, clock=clock)
    governance.brands.add("Bank", [])
    assert stored.revision() == "none"  # although nobody can read now
    gate.set()
    assert looked.wait(PATIENCE_S)
    assert stored.look() == governance.brands.revision()
    assert stored.revision() == governance.brands.revision()


def test_a_database_that_cannot_be_read_is_told_once(
    tmp_path: Path, governance: Governance, caplog: pytest.LogCaptureFixture
) -> None:
    clock, is_broken = TurnedClock(), False

    def open_() -> Governance:
        if is_broken:
            raise StoreError("Locked.")
        return reader(tmp_path)

    stored = StoredBrands(open_, clock=clock)
    known = stored.look()
    is_broken = True
    for _ in range(3):
        clock.s += 2
        assert stored.look() == known
    assert caplog.text.count("cannot be read") == 1
    with pytest.raises(StoreError):
        stored.registered()
    is_broken = False
    governance.brands.add("Bank", [])
    clock.s += 2
    assert stored.look() != known
