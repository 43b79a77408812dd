import numpy as np
import pytest

from soc_copilot.detection.web import loops, model, normalise

TABLES = np.stack(
    [normalise.FOLD, normalise.HEX, normalise.BASE64, model.DIGITS_ALIKE, model.KINDS_ALIKE]
)


def read(raw: bytes) -> tuple[bytes, list[int]] | None:
    text = np.frombuffer(raw + bytes(loops.PAD), np.uint8).copy()
    marks = np.zeros(len(text), np.uint8)
    origin = np.empty(0, np.int64)
    n, _ = loops.read(
        text, marks, origin, len(raw), normalise.MARK_DOUBLE, TABLES, normalise.PRINTABLE
    )
    return None if n < 0 else (text[:n].tobytes(), np.flatnonzero(marks[:n]).tolist())


def test_its_numbers_are_those_of_the_network():
    assert (normalise.PAD, model.STRETCH) == (loops.PAD, loops.STRETCH)
    assert (normalise.BEYOND, int(model.ROLL)) == (loops.BEYOND, loops.ROLL)
    assert "".join(model.VIEWS) == "edswkf"
    assert [getattr(loops, letter.upper()) for letter in model.VIEWS] == list(range(6))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/A?b=1+OR++1", b"/a?b=1 or 1"),
        (b"/%41%3d%zz", b"/a=%zz"),
        (b"\t a\0\x01\xc3", b" a\x01\x02\x80"),
        (b"text/html,*/*;q=0.8", b"text/html,*/*;q=0.8"),
        (b"/alert(1)", b"/alert(1)"),
        (b"/a/b/c/session/deadbeefdeadbeef", b"/a/b/c/session/deadbeefdeadbeef"),
        (b"", b""),
    ],
)
def test_plain_and_percent_encoded_letters_are_read(raw, expected):
    assert read(raw) == (expected, [])


def test_what_was_encoded_twice_is_marked():
    assert read(b"a%253Cb%u003C") == (b"a<b<", [1, 3])


@pytest.mark.parametrize(
    "raw",
    [
        b"&lt;", b"&#60", b"\\u003c", b"a/**/b", b"+ADw-a+AD4-", b"%C0%AE", b"\xef\xbc\x9c",
        b"\xe2\x80\x99", b"c2VsZWN0ICogZnJvbSB1", b"x/c2VsZWN0ICogZnJvbSB1", b"%25252525252541",
        b"?a=1&b=2&a=3", b"'al'+'ert'", b"concat(1)", b"CONCAT_WS(1)", b"nchar(1)", b"chr(1)",
        b"String.fromCharCode(1)", b"0x61", b"wh''oami", b"a$IFS", b"c^md",
        b"&".join(b"p%d=1" % i for i in range(40)),
    ],
)  # fmt: skip
def test_what_takes_more_steps_is_left(raw):
    assert read(b"/" + raw + b" ") is None


def test_each_byte_knows_where_it_stood():
    raw = b"/a%2541++b%41"
    text, origin = np.frombuffer(raw + bytes(loops.PAD), np.uint8).copy(), np.arange(50)
    marks = np.zeros(len(text), np.uint8)
    n, n_rounds = loops.read(
        text, marks, origin, len(raw), normalise.MARK_DOUBLE, TABLES, normalise.PRINTABLE
    )
    assert text[:n].tobytes() == b"/aa ba"
    assert origin[:n].tolist() == [0, 1, 2, 7, 9, 10]
    assert n_rounds == 2


def test_it_lasts_no_longer_on_hostile_texts():
    for raw in (b"&", b"/*", b"%25", b"A", b"'", b"a/"):
        read(raw * 50_000)  # the suite's own limit would tell
