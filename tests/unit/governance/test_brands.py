import hashlib
import json
from pathlib import Path

import pytest

from soc_copilot.domain.brand import MAX_REFERENCES, Brand
from soc_copilot.domain.errors import PolicyError
from soc_copilot.governance import brands as brands_module
from soc_copilot.governance.database import Governance

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)


def test_brands_last_and_stand_by_name(governance: Governance, db: Path, home: Path) -> None:
    assert governance.brands.all() == ()
    south = governance.brands.add("south Bank", ["South.example", "s.example"])
    north = governance.brands.add("North \udcff Bank", [])
    assert south == Brand(south.id, "south Bank", ("south.example", "s.example"), 0)
    reference = governance.brands.add_reference(south.id, PNG, b"\1\2\3\4")
    governance.close()
    with Governance.open(db, home=home) as again:
        first, second = again.brands.all()
        assert (first, second.n_references) == (north, 1)
        assert again.brands.references(south.id) == (reference,)
        assert again.brands.references(north.id) == ()
        assert again.audit.verify().ok


def test_every_change_is_audited(governance: Governance) -> None:
    brand = governance.brands.add("A", ["a.example"])
    governance.brands.change(brand.id, "B", ["b.example"])
    n = governance.audit.count()
    governance.brands.change(brand.id, "B", ["b.example"])
    assert governance.audit.count() == n
    reference = governance.brands.add_reference(brand.id, PNG, b"1234")
    governance.brands.remove_reference(reference.id)
    governance.brands.remove(brand.id)
    rows = governance.audit.rows(limit=5)
    assert [row.action for row in rows] == [
        *("brand.removed", "brand.reference_removed", "brand.reference_added"),
        *("brand.changed", "brand.added"),
    ]
    assert {row.subject for row in rows} == {f"brand {brand.id}"}
    changed, told = rows[3], rows[2]
    assert json.loads(changed.old or "") == {"name": "A", "domains": ["a.example"]}
    assert json.loads(changed.new or "") == {"name": "B", "domains": ["b.example"]}
    assert json.loads(told.new or "") == {
        "reference": reference.id,
        "sha256": hashlib.sha256(PNG).hexdigest(),
    }


def test_a_removed_brand_takes_its_pictures_along(governance: Governance) -> None:
    one, other = governance.brands.add("A", []), governance.brands.add("B", [])
    for brand in (one, other):
        governance.brands.add_reference(brand.id, PNG, b"1234")
    governance.brands.remove(one.id)
    assert governance.brands.all() == (Brand(other.id, "B", (), 1),)
    assert governance.brands.references(one.id) == ()
    assert len(governance.brands.references(other.id)) == 1


def test_a_name_is_used_once(governance: Governance) -> None:
    one, other = governance.brands.add("Bank", []), governance.brands.add("Shop", [])
    with pytest.raises(PolicyError, match="already"):
        governance.brands.add("BANK", [])
    with pytest.raises(PolicyError, match="already"):
        governance.brands.change(other.id, "bank", [])
    assert governance.brands.change(one.id, "BANK", []).name == "BANK"


def test_there_are_bounds(governance: Governance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brands_module, "MAX_BRANDS", 1)
    monkeypatch.setattr(brands_module, "MAX_REFERENCES", 2)
    brand = governance.brands.add("A", [])
    assert MAX_REFERENCES > 2
    with pytest.raises(PolicyError, match="at most 1"):
        governance.brands.add("B", [])
    for _ in range(2):
        governance.brands.add_reference(brand.id, PNG, b"1234")
    with pytest.raises(PolicyError, match="at most 2"):
        governance.brands.add_reference(brand.id, PNG, b"1234")
    with pytest.raises(PolicyError, match="has to be a PNG"):
        governance.brands.add_reference(brand.id, b"GIF", b"1234")


def test_what_is_not_there_cannot_be_changed(governance: Governance) -> None:
    n = governance.audit.count()
    for act in (
        lambda: governance.brands.change(7, "A", []),
        lambda: governance.brands.remove(7),
        lambda: governance.brands.add_reference(7, PNG, b"1234"),
        lambda: governance.brands.remove_reference(7),
    ):
        with pytest.raises(PolicyError, match=r"There is no .* 7\."):
            act()
    assert governance.audit.count() == n


def test_the_revision_tells_every_change(governance: Governance) -> None:
    seen = [governance.brands.revision()]
    brand = governance.brands.add("A", [])
    seen.append(governance.brands.revision())
    governance.brands.change(brand.id, "A", ["a.example"])
    seen.append(governance.brands.revision())
    first = governance.brands.add_reference(brand.id, PNG, b"1234")
    seen.append(governance.brands.revision())
    governance.brands.remove_reference(first.id)
    assert governance.brands.revision() == seen[2]
    governance.brands.add_reference(brand.id, PNG, b"1234")  # perhaps under the same id
    seen.append(governance.brands.revision())
    assert len(set(seen)) == len(seen)
    assert governance.brands.revision() == seen[-1]
