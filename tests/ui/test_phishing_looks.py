"""What the Phishing page asks of a worker: verdicts with their pictures, unless all is halted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.errors import KillSwitchEngagedError
from soc_copilot.governance.database import Governance
from soc_copilot.ui.phishing_checks import Checker, Given
from soc_copilot.ui.phishing_looks import checked, halted_by, looked_at
from tests.ui.desk_support import ANALYST
from tests.ui.phishing_support import LookPart, checker, png


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    home = tmp_path / "db"
    home.mkdir()
    made = Governance.open(home / "governance.db", actor=ANALYST, home=home)
    yield made
    made.close()


@pytest.fixture
def made() -> Iterator[Checker]:
    found = checker(LookPart())
    yield found
    found.close()


def test_pictures_come_with_the_verdict(governance: Governance, made: Checker) -> None:
    brand = governance.brands.add("Example Bank", ["example.com"])
    governance.brands.add_reference(brand.id, png(20, 10), b"1234")
    given = Given("x", raw=b"https://a.example/", screenshot=png())
    detail, (mine, theirs) = checked(governance, made, given, None)
    assert mine is not None
    assert theirs is not None
    assert (mine.width(), theirs.width()) == (64, 20)
    governance.brands.remove(brand.id)
    _, (mine, theirs) = looked_at(governance, made, detail.row)
    assert mine is not None
    assert theirs is None


def test_nothing_is_looked_at_while_halted(governance: Governance, made: Checker) -> None:
    assert halted_by(governance) == ""
    detail, pictures = checked(
        governance, made, Given("x", raw=b"https://a.example/", screenshot=b"no picture"), None
    )
    assert pictures == (None, None)
    governance.kill_switch.engage("a fire")
    assert halted_by(governance) == "a fire"
    with pytest.raises(KillSwitchEngagedError, match="a fire"):
        looked_at(governance, made, detail.row)
