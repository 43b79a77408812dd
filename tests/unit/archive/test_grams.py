import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.archive.grams import GramTable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(TEXTS, min_size=1, max_size=5), st.data())
def test_what_a_line_has_is_never_denied(lines: list[str], data: st.DataObject) -> None:
    table = GramTable.of(pl.Series(lines, dtype=pl.String))
    line = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(line)))
    end = data.draw(st.integers(start, len(line)))
    text = line[start:end]
    assert table.may_have(text)
    # Only ASCII letters fold; what else changes its case is not asked for.
    assert table.may_have("".join(ch.upper() if ch.isascii() else ch for ch in text))


def test_most_of_what_no_line_has_is_denied() -> None:
    table = GramTable.of(pl.Series(["GET /index.html HTTP/1.1", "POST /login HTTP/1.1"]))
    assert not table.may_have("xmlrpc.php")
    assert not table.may_have("private/backup.tar.gz")
    assert table.may_have("INDEX.HTML")
    assert table.may_have("abc")  # too short to tell


def test_lines_beyond_one_slice_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soc_copilot.archive.grams._SLICE_BYTES", 64)
    lines = [f"line number {i:05}" for i in range(100)]
    table = GramTable.of(pl.Series(lines))
    assert all(table.may_have(line) for line in lines)


def test_a_table_survives_packing() -> None:
    table = GramTable.of(pl.Series(["some line"]))
    assert (GramTable.unpack(table.pack()).bits == table.bits).all()
    with pytest.raises(ValueError, match="bytes"):
        GramTable.unpack("AAAA")  # three


def test_a_small_group_has_a_small_table() -> None:
    small = GramTable.of(pl.Series(["GET /index.html HTTP/1.1"] * 1_000))
    assert small.bits.size < 1_000
    assert small.bits.mean() <= 0.25
    assert small.may_have("index.html")


def test_no_lines_have_nothing() -> None:
    assert not GramTable.of(pl.Series([], dtype=pl.String)).may_have("text")
