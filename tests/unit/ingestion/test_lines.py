"""Blocks become lines with true offsets and lengths."""

from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.ingestion.lines import cut_lines


@given(st.lists(st.binary(max_size=9), min_size=1), st.integers(1, 5))
def test_lines_offsets_and_lengths_are_those_of_a_plain_loop(lines, max_lines):
    lines = [line.replace(b"\n", b"") for line in lines]
    raw = b"".join(line + b"\n" for line in lines)
    cuts = list(cut_lines(raw, 0, len(raw), 100, max_lines))
    at, expected = 100, []
    for line in lines:
        text = line.lstrip(b"\0")
        expected.append((at + len(line) - len(text), len(text) + 1))
        at += len(line) + 1
    found = [pair for c in cuts for pair in zip(c.offsets, c.lengths, strict=True)]
    assert found == expected
    assert b"".join(c.data for c in cuts) == b"".join(x.lstrip(b"\0") + b"\n" for x in lines)
    assert all(len(c.offsets) <= max_lines for c in cuts)
    assert sum(c.n_skipped for c in cuts) == sum(len(x) - len(x.lstrip(b"\0")) for x in lines)


def test_a_long_line_is_cut_among_others():
    (cut,) = cut_lines(b"ab\nabcdefgh\ncd\n", 0, 15, 0, 10, max_line_bytes=4)
    assert cut.data == b"ab\nabc\ncd\n"
    assert cut.lengths.tolist() == [3, 9, 3]
    assert cut.n_too_long == 1
