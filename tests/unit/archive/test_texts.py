import polars as pl
import pytest

from soc_copilot.archive.texts import escaped, formatted, has_text

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


@pytest.mark.parametrize("layout", ["{} [{}]: {}", "{}{}{}", "<{}-{}-{}>"])
def test_a_layout_is_filled_as_elsewhere(layout: str) -> None:
    frame = pl.DataFrame({"a": ["x", "", "é", None], "n": [1, -2, None, 3]})
    found = frame.select(formatted(layout, "a", pl.col("n"), pl.lit("z"))).to_series()
    rows = [(a, n) for a, n in frame.iter_rows()]
    assert found.to_list() == [
        None if a is None or n is None else layout.format(a, n, "z") for a, n in rows
    ]


def test_a_chunk_that_filtering_left_empty_does_no_harm() -> None:
    parts = [pl.Series(values, dtype=pl.String) for values in ([], [], ["a"], ["b", "c"])]
    frame = pl.DataFrame({"a": pl.concat(parts, rechunk=False)})
    kept = frame.filter(pl.Series([False, True, True]))
    assert kept.select(formatted("[{}]", "a")).to_series().to_list() == ["[b]", "[c]"]
