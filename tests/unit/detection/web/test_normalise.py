import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.web.normalise import (
    MARK_BASE64,
    MARK_COMMENT,
    MARK_DOUBLE,
    MARK_ESCAPE,
    MARK_JOINED,
    MARK_OVERLONG,
    MARK_REPEATED,
    MARK_WORDS,
    PAD,
    PERCENT,
    normalise,
    pack,
)


def read(raw: bytes) -> bytes:
    return normalise(pack([raw])).text(0)


def marks(raw: bytes) -> set[int]:
    texts = normalise(pack([raw]))
    return set() if texts.marks is None else set(texts.marks.tolist()) - {0}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/a?x=1+OR+1%3D1", b"/a?x=1 or 1=1"),
        (b"%2527", b"'"),
        (b"%25252e%25252E", b".."),
        (b"%u0027%uFF1C", b"'<"),
        (b"%c0%ae%c0%af", b"./"),
        ("\uff1cscript\uff1e".encode(), b"<script>"),
        ("\u2019 or \u201c".encode(), b"' or \""),
        (b"&#x3c;&#60&lt;", b"<<<"),
        (b"\\u003c\\x3e", b"<>"),
        (b"\\u003ca\\u{3c}b\\u{00003e}", b"<a<b>"),
        (b'{"a":"\\/x\\""}', b'{"a":"/x""}'),
        (b"un/**/ion/*!50000select*/x", b"union select x"),
        (b"a \t\r\n b", b"a b"),
        (b"%00%01", b"\x01\x02"),
        (b"%F1", b"\x80"),
        (b"&amp;lt;script&amp;gt;", b"<script>"),
        (b"&#37;3cscript\\x253e", b"<script>"),
        (b"&amp;amp;amp;lt;", b"&amp;lt;"),
        (b"+ADw-script+AD4-alert+ACgAJw-x'", b"<script>alert('x'"),
        (b"%2BADw-b%2BAD4AIg", b'<b>"'),
        (b"an ABC of ADs", b"an abc of ads"),
        (b"100%", b"100%"),
        (b"%zz%4", b"%zz%4"),
        (b"..\\boot.ini", b"..\\boot.ini"),
        (b"", b""),
    ],
)
def test_a_disguise_is_undone(raw: bytes, expected: bytes) -> None:
    assert read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "mark"),
    [
        (b"%2527", MARK_DOUBLE),
        (b"%u0027", MARK_DOUBLE),
        (b"&#39;", MARK_ESCAPE),
        (b"%c0%af", MARK_OVERLONG),
        (b"+ADw-a+AD4-", MARK_OVERLONG),
        (b"PHNjcmlwdD5hbGVydCgxKQ==", MARK_BASE64),
        (b"a/**/b", MARK_COMMENT),
        (b"'a'||'b'", MARK_JOINED),
        (b"?a='&a=1", MARK_REPEATED),
    ],
)
def test_a_disguise_leaves_its_mark(raw: bytes, mark: int) -> None:
    assert marks(raw) == {mark}


@pytest.mark.parametrize(
    "raw", [b"/a?b=%20c+d", "/caf\u00e9?q=\u2019".encode(), b'{"t":"\\u00e9"}', b"/\xf1"]
)
def test_what_harmless_clients_do_leaves_no_mark(raw: bytes) -> None:
    assert marks(raw) == set()


def test_base64_words_are_shown_behind_the_text() -> None:
    assert read(b"/?d=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg").endswith(
        b"\x03<script>alert(1)</script>"
    )
    assert read(b"/KGFsZXJ0KSgxKSBub3c").endswith(b"\x03(alert)(1) now")
    assert b"\x03(alert)(1) now" in read(b"/a/b/KGFsZXJ0KSgxKSBub3c/edit")
    assert b"\x03" not in read(b"/img/3f2c9d81aa0b4c6f8e12d7a90b5c3e44.png")


def test_a_word_within_a_word_is_shown_and_decoded() -> None:
    inner = base64.b64encode(b"%3Cscript%3Ealert(1)%3C/script%3E")
    assert read(b"/?d=" + base64.b64encode(inner)).endswith(b"\x03<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("raw", "steps"),
    [
        (b"/?a=b+c", []),
        (b"/?a=%27", [PERCENT]),
        (b"%25253c", [PERCENT, PERCENT, PERCENT]),
        (b"%26%2339;%2527", [PERCENT, PERCENT, MARK_WORDS[MARK_ESCAPE]]),
        (b"?a=Jmx0O3NjcmlwdCZndDs", [MARK_WORDS[MARK_BASE64], MARK_WORDS[MARK_ESCAPE]]),
        (b"?a='&a=%2f**/", [PERCENT, MARK_WORDS[MARK_COMMENT], MARK_WORDS[MARK_REPEATED]]),
        (b"\\u0027a'%2b'b'%c0%af",
         [PERCENT, MARK_WORDS[MARK_ESCAPE], MARK_WORDS[MARK_JOINED], MARK_WORDS[MARK_OVERLONG]]),
    ],
)  # fmt: skip
def test_the_steps_are_told_in_the_order_they_were_taken(raw: bytes, steps: list[str]) -> None:
    assert normalise(pack([raw], traced=True)).steps == [steps]
    together = normalise(pack([b"/a", raw, b"%41"], traced=True))
    assert together.steps == [[], steps, ["percent-encoding"]]
    assert normalise(pack([raw])).steps == []


def test_origin_points_at_the_raw_byte() -> None:
    raw = b"/p?x=%2527+%3Cb&#62;PHNjcmlwdD5hbGVydCgxKQ"
    texts = normalise(pack([raw], traced=True))
    assert texts.origin is not None
    for byte, place in zip(texts.text(0), texts.origin.tolist(), strict=False):
        if byte == ord("'"):
            assert raw[place : place + 5] == b"%2527"
        if byte == ord(">"):
            assert raw[place : place + 5] == b"&#62;"
            break


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_neighbours_do_not_change_a_text(raws: list[bytes]) -> None:
    together = normalise(pack(raws))
    assert [together.text(i) for i in range(len(raws))] == [read(raw) for raw in raws]
    ends = together.starts + together.lengths
    assert all(not together.data[end : end + PAD].any() for end in ends)


@given(st.binary(max_size=200))
def test_origin_stays_inside_whatever_comes(raw: bytes) -> None:
    texts = normalise(pack([raw], traced=True))
    assert texts.origin is not None
    assert len(texts.origin) == len(texts.data)
    used = texts.origin[: len(texts.text(0))]
    assert all(0 <= place < max(len(raw), 1) for place in used.tolist())


@pytest.mark.parametrize(
    "unit",
    [
        b"%25",
        b"\\x41",
        b"&#",
        b"QUFB",
        b"/*",
        b"&lt;",
        b"%",
        b"%u00",
        b"\xc0\xae",
        b"{",
        b"&#x0",
        b"+ADw",
        b"&amp;",
        b"VTFSU",
    ],
)
def test_pathological_input_takes_bounded_time(unit: bytes) -> None:
    raw = unit * (65_536 // len(unit))
    took_s = []
    for _ in range(3):  # a collection of garbage may fall into one of them
        began = time.thread_time()
        texts = normalise(pack([raw], traced=True))
        took_s.append(time.thread_time() - began)
    assert min(took_s) < 2.0  # 0.1 s where this was written
    assert len(texts.text(0)) <= 2 * len(raw)


def test_an_escape_within_a_wide_escape_shifts_no_other_text():
    packed = normalise(pack([b"/a%u%34123b", b"/next?x=1"]))
    assert [packed.text(i) for i in range(2)] == [b"/a\x80b", b"/next?x=1"]
