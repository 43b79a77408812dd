from contextlib import closing
from pathlib import Path

import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.governance.database import Governance
from soc_copilot.governance.engine import sqlite_driver
from soc_copilot.settings import SETTINGS


def test_every_setting_has_its_default_at_first(governance: Governance) -> None:
    assert governance.settings.all() == {s.key: s.default for s in SETTINGS}
    for setting in SETTINGS:
        assert governance.settings.get(setting.key) == setting.default


def test_a_change_lasts_and_is_audited(governance: Governance, db: Path, home: Path) -> None:
    assert governance.settings.set("ingestion.max_size", "5000") == 5000
    governance.settings.set("ingestion.max_size", 6000)
    row = governance.audit.rows()[0]
    assert (row.action, row.subject) == ("setting.changed", "setting ingestion.max_size")
    assert (row.old, row.new) == ("5000", "6000")
    governance.close()
    with Governance.open(db, home=home) as again:
        assert again.settings.get("ingestion.max_size") == 6000
        assert again.settings.all()["ingestion.max_size"] == 6000


def test_setting_the_same_is_no_change(governance: Governance) -> None:
    n = governance.audit.count()
    governance.settings.set("ui.theme", "system")
    assert governance.audit.count() == n


def test_a_wrong_value_or_key_is_refused(governance: Governance) -> None:
    for key, value in (("ui.theme", "pink"), ("ingestion.max_size", 1), ("no.such", 1)):
        with pytest.raises(PolicyError):
            governance.settings.set(key, value)
    with pytest.raises(PolicyError):
        governance.settings.get("no.such")


@pytest.mark.parametrize("stored", ['"pink"', "not JSON", "null"])
def test_a_stored_value_that_is_no_longer_valid_gives_way_to_the_default(
    governance: Governance, db: Path, stored: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite_driver().connect(str(db), isolation_level=None)) as connection:
        connection.execute("INSERT INTO setting VALUES ('ui.theme', ?)", (stored,))
    assert governance.settings.get("ui.theme") == "system"
    assert "ui.theme" in caplog.text
    governance.settings.set("ui.theme", "dark")
    assert governance.settings.get("ui.theme") == "dark"


def test_what_the_window_remembers_is_not_audited(governance: Governance) -> None:
    n = governance.audit.count()
    assert governance.settings.ui_state("geometry") is None
    for text in ("one", "two", "two"):
        governance.settings.set_ui_state("geometry", text)
    assert governance.settings.ui_state("geometry") == "two"
    assert governance.audit.count() == n
