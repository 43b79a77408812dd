import polars as pl
import pytest

from soc_copilot.archive.texts import escaped, has_text

SIGNS = r"\.+*?()|[]{}^$#&-~/ "


@pytest.mark.parametrize(
    ("text", "rows"), [("ab", [0, 1]), ("1.2", [2]), (SIGNS, [3]), ("é", [4]), ("É", [])]
)
def test_a_text_is_found_as_it_is_in_any_ascii_case(text: str, rows: list[int]) -> None:
    lines = pl.DataFrame({"x": ["xaby", "xABy", "a1.2", f"<{SIGNS}>", "é", "1x2", None]})
    found = lines.select(has_text(pl.col("x"), text)).to_series()
    assert found.arg_true().to_list() == rows


def test_an_escaped_text_matches_itself_alone() -> None:
    assert pl.Series([SIGNS, "x"]).str.contains(f"^{escaped(SIGNS)}$").to_list() == [True, False]
