import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.setting import Setting

LINES = Setting("lines", 10, "Group", "Lines", "How many.", "lines", 1, 20)


def test_a_value_comes_back_in_the_settings_own_type() -> None:
    assert LINES.check("7") == 7


@pytest.mark.parametrize("value", ["0", 21, "many", None])
def test_a_value_out_of_its_limits_is_refused_by_name(value: object) -> None:
    with pytest.raises(PolicyError, match='"lines"'):
        LINES.check(value)
