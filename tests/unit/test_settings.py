import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.settings import SETTINGS, get_setting


def test_every_default_passes_its_own_check() -> None:
    for setting in SETTINGS:
        assert setting.check(setting.default) == setting.default
        assert setting.title
        assert setting.help.endswith(".")


def test_text_from_a_terminal_becomes_the_settings_type() -> None:
    assert get_setting("ingestion.max_size").check("500") == 500
    assert get_setting("ingestion.batch_interval_s").check("2") == 2.0
    assert get_setting("detection.web.enabled").check("off") is False


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("ingestion.max_size", "many", "a whole number"),
        ("ingestion.max_size", 1, "at least 100"),
        ("ingestion.batch_interval_s", "nan", "a number"),
        ("ingestion.batch_interval_s", 1e9, "at most 60"),
        ("detection.web.enabled", "perhaps", "true or false"),
        ("ui.theme", "pink", "one of system, dark, light"),
    ],
)
def test_a_bad_value_is_refused_with_what_is_allowed(key: str, value: object, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        get_setting(key).check(value)


def test_an_unknown_key_names_those_that_exist() -> None:
    with pytest.raises(PolicyError, match=r"ui\.theme"):
        get_setting("ui.colour")
