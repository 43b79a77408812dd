import numpy as np
import pytest

from soc_copilot.detection.web import rejoin
from soc_copilot.detection.web.normalise import PAD, Texts, normalise, pack


def read(raw: bytes) -> bytes:
    return normalise(pack([raw])).text(0)


def behind(raw: bytes) -> bytes:
    """What is put behind a text, or nothing."""
    return read(raw).partition(b"\x03")[2]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/?a=x'||'un'||'ion'", b"x'||'union'"),
        (b"/?a='al'%2B'ert'", b"'alert'"),
        (b"/?a='al'+'ert'", b"'alert'"),
        (b'/?a="ev"."al"', b"'eval'"),
        (b"/?a=CONCAT('adm',%20'in')", b"'admin'"),
        (b"/?a=concat(0x61646d,'in')", b"'admin'"),
        (b"/?a=char(97,100)%7c%7cchr(109)||'in'", b"'admin'"),
        (b"/?a=String.fromCharCode(88,83,83)", b"'xss'"),
        (b"/?a=0x2f6574632f706173737764", b"'/etc/passwd'"),
        (b"/?a=;wh''oami", b";whoami"),
        (b"/?a=;c'a't$IFS$9/e\"tc\"/passwd", b";cat /etc/passwd"),
        (b"/?a=w^h^oami", b"whoami"),
        (b"/?a=/bi''n/pas\"swd\"", b"/bin/passwd"),
        (b"/?a=c^er''til.c^b&b=wh$@oa''mi", b"&b=whoami"),
        (b"/?a=nope''x'un'||'ion'", b"'union'"),
    ],
)
def test_pieces_are_joined_behind_the_text(raw: bytes, expected: bytes) -> None:
    assert expected in behind(raw)
    assert read(raw).startswith(b"/?a=")


@pytest.mark.parametrize(
    "raw",
    [
        b"/?a=x'+||+'1'%3D'1",
        b'/\n\n{"a": " ", "b": ".", "c":"+","d":"||"}',
        b"/?a=it's&b=don't",
        b"/?a=0x61646d696eff",
        b"/?a=char(7)",
        b"/?a=%22big%22%20house",
        b"/?s=Ab%22cd%5eeF%22Gh'k'l^m",
        b"/?q=don''t&r=say%22yes%22now",
        b"/a^b/cat/x''y",
        b"/?a=concat''enate",
    ],
)
def test_what_is_whole_is_left(raw: bytes) -> None:
    assert not behind(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/?a=un/**/ion+se/*x*/lect+1", b"/?a=union select 1"),
        (b"/?a=u/**/n/**/i/**/on/**/all/**/sel/**/ect", b"/?a=union all select"),
        (b"/?a=union/**/select/**/1", b"/?a=union select 1"),
    ],
)
def test_comments_within_a_keyword_are_undone(raw: bytes, expected: bytes) -> None:
    assert read(raw) == expected


def test_a_payload_within_a_comment_is_read() -> None:
    assert b"<audio src=1 onloadstart=confirm(1)" in read(
        b"/?p=/*+%3Caudio+src%3D1+onloadstart%3Dconfirm(1)//%3E+*/x"
    )


def test_signs_that_stay_do_not_use_up_the_limit() -> None:
    assert b";whoami" in behind(b"/?a=" + b"a^b " * 1_000 + b";wh''oami")


def test_values_of_a_repeated_parameter_are_joined() -> None:
    assert behind(b"/?id=1+union&x=1&ID=select+2,3&id=from+t") == b"1 union,select 2,3,from t"
    assert behind(b"/p?a=1'\n\na=or+1&b=2") == b"1',or 1"


@pytest.mark.parametrize(
    "raw",
    [
        b"/?id=1&id=2&id=word",
        b"/?id[]=1'&id[]=2'&id%5B%5D=3'&id%5B%5D=4'",
        b"/?id=x'&id=x'",
        b"/?id=it's+&id=it's&id=it's%20%0a",
        b"/?id=1+&id=2",
        b"/?scope=read+all's&scope=read%2Ball's",
        b'/\n\n{"u":"?a=1\'&a=2"}',
        b"/?abcdefgh1=a'&abcdefgh2=b",
    ],
)
def test_lists_and_plain_words_are_not_joined(raw: bytes) -> None:
    assert not behind(raw)


def test_neighbours_change_nothing() -> None:
    raws = [b"'a'||'b'", b"/?a='x'+'y'&a=1", b"^", b"(", b"/?a=1'&a=2", b"chr(97)||chr(98)"]
    together = normalise(pack(raws))
    assert [together.text(i) for i in range(len(raws))] == [read(raw) for raw in raws]


@pytest.mark.parametrize(
    "unit",
    [b"'a'||", b"char(97,", b"concat('a',", b"0x41", b"un/**/", b"&a='", b"'", b"a'b'", b'"a" ',
     b"$IFS", b"x'y\"z`", b"?a=", b"char(9 ", b"'+'", b"&a=1 ", b"a/*", b"select/*x*/",
     b"0x" + b"6" * 900, b"a''", b"a^", b"ca''t/"],
)  # fmt: skip
@pytest.mark.timeout(120)
def test_hostile_input_takes_bounded_time(unit: bytes) -> None:
    raw = (unit * (1 << 18))[: 1 << 18]
    texts = normalise(pack([raw]))  # 0.4 s at most; work that grew with the square would not end
    assert len(texts.text(0)) <= 3 * len(raw)


def test_places_come_from_the_texts_they_stand_in() -> None:
    texts = normalise(pack([b"/?q=hello", b"/?a='al'%2B'ert'(1)"], traced=True))
    assert isinstance(texts, Texts)
    assert texts.origin is not None
    read = texts.text(1)
    at = int(texts.starts[1]) + read.rindex(b"(1)")
    assert texts.origin[at] == b"/?a='al'%2B'ert'(1)".index(b"(1)")


def test_no_text_is_looked_at_without_a_sign() -> None:
    packed = pack([b"/?a=1&b=plain+words", b"/index.html"])
    end = len(packed.data) - PAD
    assert not len(rejoin.pieced(packed.data, end))
    assert not len(rejoin.repeated(packed.data, packed.starts, end))
    assert not len(rejoin.repeated(np.zeros(PAD, np.uint8), np.zeros(1, np.int64), 0))
