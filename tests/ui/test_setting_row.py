import pytest

from soc_copilot.settings import SETTINGS, get_setting
from soc_copilot.ui.widgets.setting_row import SettingRow, limits_text, plain_text, value_text


def test_only_a_checked_and_changed_value_is_handed_on(qtbot):
    row = SettingRow(get_setting("ingestion.max_size"))
    qtbot.addWidget(row)
    chosen = []
    row.chosen.connect(lambda key, value: chosen.append((key, value)))
    for given in ("99", "10000", "500"):
        row.take(given)
    assert chosen == [("ingestion.max_size", 500)]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_limits_and_default_are_told_for_every_setting(setting):
    text = limits_text(setting)
    assert f"default {value_text(setting, setting.default)}" in text.replace("Default", "default")
    if setting.low is not None:
        low, to, high = text.split()[:3]
        assert to == "to"
        assert float(low.replace(",", "")) == setting.low
        assert float(high.replace(",", "")) == setting.high
        assert "e" not in low + high
    assert ("next start of ingestion" in text) == setting.restart


def test_values_are_typed_plainly_and_read_with_their_unit():
    assert [plain_text(value) for value in (1.0, 0.1, 10_000, "x")] == ["1", "0.1", "10000", "x"]
    assert value_text(get_setting("ingestion.max_size"), 10_000) == "10,000 lines"
    assert value_text(get_setting("detection.web.enabled"), True) == "on"
    assert value_text(get_setting("ui.theme"), "system") == "System"
    assert value_text(get_setting("detection.web.budget"), "0.5%") == "0.5%"


@pytest.mark.parametrize("setting", SETTINGS[:3], ids=lambda setting: setting.key)
def test_a_row_in_the_making_shows_no_window_of_its_own(setting, qtbot):
    row = SettingRow(setting)
    qtbot.addWidget(row)
    assert not row.limits.isVisible()
