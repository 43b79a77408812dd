"""Encodings are told from first bytes; lines stay lines whatever their bytes are."""

import codecs

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.encodings import Encoding, first_lines, get_encoding, tell

SPLIT = ["utf-8", "latin-1", "cp1252", "shift_jis", "cp932", "euc_jp", "gbk", "gb18030", "big5",
         "cp949", "johab", "koi8-r", "ascii"]  # fmt: skip


def told(head: bytes, wanted: str = "auto", *, ended: bool = False):
    found = tell(head, wanted, ended=ended)
    return (found[0].name, found[1]) if found else None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"one\n", ("utf-8", 0)),
        ("é日本\n".encode(), ("utf-8", 0)),
        (b"\xef\xbb\xbfone\n", ("utf-8", 3)),
        (b"\xef\xbb\xbf", ("utf-8", 3)),
        (b"\xef\xbb\xbfo", ("utf-8", 3)),
        (b"\xef\xbb", None),
        (b"\xff\xfe", None),
        (b"\xff\xfea\0", ("utf-16-le", 2)),
        (b"\xfe\xff\0a", ("utf-16-be", 2)),
        ("a\r\n".encode("utf-16-le")[:-1], ("utf-16-le", 0)),
        ("a\n".encode("utf-16-be"), ("utf-16-be", 0)),
        ("2026 日本 ok\n".encode("utf-16-le"), ("utf-16-le", 0)),
        ("no line end but long enough to be sure".encode("utf-16-be"), None),
        (b"\0\0\0\0one\n", ("utf-8", 0)),
        (b"\0one\n", ("utf-8", 0)),
        (b"one\0two\n", ("utf-8", 0)),
        (b"", None),
        (b"one", None),
        (b"x" * 1024, ("utf-8", 0)),
        ("x".encode("utf-16-be") * 512, ("utf-16-be", 0)),
    ],
)
def test_an_encoding_is_told_from_the_first_line(head, expected):
    assert told(head) == expected


@given(st.text(min_size=1, max_size=30), st.sampled_from(["utf-8", "utf-16-le", "utf-16"]))
def test_what_is_told_does_not_change_when_more_is_there(text, encoding):
    data = (text + "\nmore\n").encode(encoding)
    answers = {told(data[:n]) for n in range(len(data) + 1)} - {None}
    assert len(answers) == 1


def test_what_was_asked_for_wins_over_the_bytes():
    assert told(b"\xff\xfea\0\n\0", "latin-1") == ("iso8859-1", 0)
    assert told(b"\xff\xfea\0", "utf-16-le") == ("utf-16-le", 2)
    assert told(b"\xfe\xff\0a", "utf-16") == ("utf-16-be", 2)
    assert told("é".encode("utf-16-le") + b"\n", "utf-16") == ("utf-16-le", 0)
    assert told(b"\xef\xbb\xbfa", "utf-8-sig") == ("utf-8", 3)
    assert told(b"\xef\xbb", "utf-8") is None
    assert told(b"\xef\xbb", "utf-8", ended=True) == ("utf-8", 0)


@pytest.mark.parametrize(
    "name", ["utf-32", "utf-7", "cp037", "iso2022_jp", "hz", "base64", "rot13", "unicode_escape",
             "raw_unicode_escape", "punycode", "idna", "no-such", "shift_jisx0213"]
)  # fmt: skip
def test_what_lines_cannot_be_split_in_is_refused(name):
    with pytest.raises(SourceError, match=name):
        get_encoding(name)


def test_zeros_after_the_mark_of_utf_16_do_not_make_it_utf_32():
    assert told(b"\xff\xfe\0\0") is None
    assert told(b"\xff\xfe" + bytes(6)) == ("utf-16-le", 2)
    assert told(b"\xff\xfe\0\0a\0b\0") == ("utf-16-le", 2)
    assert told(b"\xff\xfe\0\0", ended=True) == ("utf-16-le", 2)


def test_utf_32_is_refused_by_its_mark():
    for name in ("utf-32-le", "utf-32-be"):
        with pytest.raises(SourceError, match="UTF-32"):
            tell("\ufeff日b\n".encode(name), "auto")


@given(st.sampled_from(SPLIT), st.lists(st.binary(max_size=12), min_size=1, max_size=8))
def test_no_line_is_lost_or_merged_and_each_is_decoded_by_itself(name, lines):
    encoding = get_encoding(name)
    lines = [line.replace(b"\n", b"") for line in lines]
    data = b"".join(line + b"\n" for line in lines)
    ends = np.cumsum([len(line) + 1 for line in lines])
    out, bad = encoding.to_utf8(data, ends)
    found = out.decode("utf-8", "backslashreplace").split("\n")
    assert found.pop() == ""
    assert found == [line.decode(name, "backslashreplace") for line in lines]
    is_bad = []
    for line in lines:
        try:
            line.decode(name)
            is_bad.append(False)
        except UnicodeDecodeError:
            is_bad.append(True)
    assert (bad.tolist() if bad is not None else [False] * len(lines)) == is_bad


def test_a_codec_that_swallows_or_invents_line_ends_merges_and_splits_nothing():
    def decode(data, errors="strict"):
        text = bytes(data).replace(b"\x81\n", b"?").replace(b"!", b"\n")
        return text.decode("ascii", errors), len(data)

    def search(name):
        return (
            codecs.CodecInfo(codecs.ascii_encode, decode, name=name) if name == "greedy" else None
        )

    codecs.register(search)
    try:
        encoding = Encoding("greedy", np.dtype(np.uint8))
        data = b"a\x81\nb\x81\n!c\n"
        out, _ = encoding.to_utf8(data, np.array([3, 6, 9]))
        assert out.count(b"\n") == 3
        with pytest.raises(SourceError):
            get_encoding("greedy")
    finally:
        codecs.unregister(search)


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=6))
def test_lone_surrogates_in_utf_16_stay_in_their_line(lines):
    encoding = get_encoding("utf-16-le")
    units = [line[: len(line) // 2 * 2] for line in lines]
    texts = [u for u in units if all(u[i : i + 2] != b"\n\0" for i in range(0, len(u), 2))]
    texts = texts or [b"\x00\xd8"]
    data = b"".join(text + b"\n\0" for text in texts)
    ends = np.cumsum([len(text) + 2 for text in texts])
    out, _ = encoding.to_utf8(data, ends)
    expected = [text.decode("utf-16-le", "backslashreplace") for text in texts]
    assert out.decode() == "".join(line + "\n" for line in expected)


def test_a_character_that_is_cut_is_left_out():
    assert get_encoding("utf-8").whole("aé".encode()[:-1]) == b"a"
    assert get_encoding("gb18030").whole("a日".encode("gb18030")[:-1]) == b"a"
    assert get_encoding("utf-16-be").whole(b"\0a\xd8\x3d") == b"\0a"
    assert get_encoding("cp1252").whole(b"a\x81") == b"a\x81"


def test_line_feeds_are_found_by_unit():
    utf16 = get_encoding("utf-16-le")
    block = "Ċa\nb\n".encode("utf-16-le")
    assert (utf16.find_newline(block, 0, len(block)), utf16.rfind_newline(block)) == (4, 8)
    assert utf16.find_newline(block, 0, 4) == utf16.rfind_newline(block[:4]) == -1
    assert get_encoding("utf-8").rfind_newline(b"a\nb") == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_first_lines_are_whole_and_in_utf_8(encoding):
    assert first_lines("aé\nb\nhalf".encode(encoding)) == "aé\nb\n".encode()
    assert first_lines("only one line".encode(encoding)) == b"only one line\n"
    assert first_lines("é\n".encode("cp1252"), "cp1252") == "é\n".encode()
    assert first_lines(b"") == b"\n"
