"""Blocks become lines with true offsets, lengths, hashes and text."""

from hashlib import blake2b

from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.records import LongLine
from soc_copilot.ingestion.encodings import get_encoding
from soc_copilot.ingestion.lines import line_hash, whole_lines


@given(st.lists(st.binary(max_size=9), min_size=1), st.binary(max_size=3), st.integers(0, 3))
def test_lines_offsets_and_lengths_are_those_of_a_plain_loop(lines, before, n_rest):
    lines = [line.replace(b"\n", b"") for line in lines]
    raw = before + b"".join(line + b"\n" for line in lines) + b"x" * n_rest
    found = whole_lines(raw, len(before), len(raw), 100)
    at, expected = 100, []
    for line in lines:
        text = line.lstrip(b"\0")
        expected.append((at + len(line) - len(text), len(text) + 1))
        at += len(line) + 1
    cut = found.cut(0, len(found))
    assert list(zip(cut.offsets, cut.lengths, strict=True)) == expected
    assert cut.data == b"".join(x.lstrip(b"\0") + b"\n" for x in lines)
    assert cut.n_skipped == sum(len(x) - len(x.lstrip(b"\0")) for x in lines)
    assert cut.end == at
    assert [found.data[a:b] for a, b in zip(found.starts, found.ends, strict=True)] == [
        x.lstrip(b"\0") + b"\n" for x in lines
    ]


def test_there_are_no_lines_without_a_line_end():
    assert whole_lines(b"abc", 0, 3, 0) is None
    assert whole_lines(b"a\nc", 2, 3, 0) is None


def test_a_long_line_is_cut_among_others():
    lines = whole_lines(b"ab\nabcdefgh\r\ncd\n", 0, 16, 0, max_line_bytes=4)
    cut = lines.cut(1, 3)
    assert cut.data == b"abc\ncd\n"
    assert cut.lengths.tolist() == [10, 3]
    whole = blake2b(b"abcdefgh", digest_size=16).hexdigest()
    assert cut.long_lines == (LongLine(0, 10, whole),)
    assert lines.cut(0, 1).long_lines == ()


def test_a_long_line_is_cut_between_characters():
    text = "aé日本\n".encode()
    (cut,) = [whole_lines(text, 0, len(text), 0, max_line_bytes=5).cut(0, 1)]
    assert cut.data == "aé\n".encode()
    assert cut.n_undecodable == 0


def test_other_encodings_become_utf_8_and_keep_their_offsets():
    encoding = get_encoding("utf-16-le")
    raw = "é\r\n\nĊx\n".encode("utf-16-le")  # U+010A holds the byte of a line feed
    lines = whole_lines(raw, 0, len(raw), 2, encoding=encoding)
    assert lines.data == "é\r\n\nĊx\n".encode()
    assert lines.offsets.tolist() == [2, 8, 10]
    assert lines.stops.tolist() == [8, 10, 16]


def test_undecodable_bytes_are_seen_and_counted_by_cut():
    raw = b"a\n\x81\nb\n"
    lines = whole_lines(raw, 0, len(raw), 0, encoding=get_encoding("cp1252"))
    assert lines.data == b"a\n\\x81\nb\n"
    assert [lines.cut(i, i + 1).n_undecodable for i in range(3)] == [0, 1, 0]
    untouched = whole_lines(raw, 0, len(raw), 0)
    assert untouched.data == raw
    assert untouched.cut(0, 3).n_undecodable == 1


def test_the_hash_leaves_a_carriage_return_before_the_line_feed_out():
    utf16 = get_encoding("utf-16-be")
    assert line_hash("a\r".encode("utf-16-be"), utf16) == line_hash("a".encode("utf-16-be"), utf16)
