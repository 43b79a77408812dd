"""Messages out of streams: both ways of RFC 6587, however the bytes arrive, however hostile."""

from hashlib import blake2b
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.framing import (
    LineFramer,
    LongMessage,
    SyslogFramer,
    spool_line,
    whole_message,
)
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES, whole_line

SENDER = b"192.0.2.1:514\t"


def digest(data):
    return blake2b(data, digest_size=16).hexdigest()


def run(data, framer=None, *, finish=True):
    framer = framer or SyslogFramer()
    return framer.feed(data) + (framer.finish() if finish else [])


def counted(*messages):
    return b"".join(b"%d %b" % (len(m), m) for m in messages)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"<13>one\n<13>two\n", [b"<13>one", b"<13>two"]),
        (b"<13>one\r\n<13>two\r\n", [b"<13>one", b"<13>two"]),
        (b"<13>one\0<13>two\0", [b"<13>one", b"<13>two"]),
        (b"<13>one\0\n<13>two\0\n", [b"<13>one", b"<13>two"]),
        (b"\n\n<13>one\n\0\n", [b"<13>one"]),
        (b"<13>no end", [b"<13>no end"]),
        (b"<13>one\n<13>no end", [b"<13>one", b"<13>no end"]),
        (b"7 <13>one7 <13>two", [b"<13>one", b"<13>two"]),
        (b"8 <13>one\n9 <13>two\r\n8 <13>six\0", [b"<13>one", b"<13>two", b"<13>six"]),
        (b"7 <13>one\n7 <13>two\n", [b"<13>one", b"<13>two"]),
        (b"11 hello world3 abc", [b"hello world", b"abc"]),
        (b"10 <13>a\nb\0cd", [b"<13>a\nb\0cd"]),
        (b"<13>one\n7 <13>two<13>six\n", [b"<13>one", b"<13>two", b"<13>six"]),
        (b"<13>one\n2026 began well\n", [b"<13>one", b"2026 began well"]),
        (b"123abc\n", [b"123abc"]),
        (b"0 <13>x\n", [b"0 <13>x"]),
        (b"007 <13>one\n", [b"007 <13>one"]),
        (b"9999999999 <13>x\n<13>y\n", [b"9999999999 <13>x", b"<13>y"]),
        (b"-7 <13>one\n", [b"-7 <13>one"]),
        (b"1\n2\n", [b"1", b"2"]),
        (b"12\x0034 \0", [b"12", b"34 "]),
        (b"", []),
    ],
)
def test_messages_are_told_apart(data, expected):
    assert run(data) == expected
    framer = SyslogFramer()
    one_by_one = [m for i in range(len(data)) for m in framer.feed(data[i : i + 1])]
    assert one_by_one + framer.finish() == expected


def test_a_message_with_a_count_is_never_taken_in_part():
    framer = SyslogFramer()
    assert run(b"20 <13>cut off", framer) == []
    assert framer.is_inside


@pytest.mark.parametrize("begin", [b"12", b"12 "])
def test_a_stream_that_ends_in_a_count_holds_nothing_whole(begin):
    framer = SyslogFramer()
    assert run(begin, framer) == []
    assert framer.is_inside


def test_a_number_that_ends_a_stream_of_lines_is_a_line():
    assert run(b"<13>one\n12") == [b"<13>one", b"12"]
    assert run(b"<13>one\n12 ") == [b"<13>one", b"12 "]


def test_nothing_is_inside_between_messages():
    framer = SyslogFramer()
    framer.feed(b"<13>one\n7 <13>two")
    assert not framer.is_inside
    framer.feed(b"<")
    assert framer.is_inside


@pytest.mark.parametrize("extra", [0, 1, 500_000])
def test_a_long_line_is_cut_counted_and_passed(extra):
    line = b"<13>" + b"x" * (MAX_LINE_BYTES - 4 + extra)
    framer = SyslogFramer()
    got = run(line + b"\n<13>next\n", framer)
    first = line if not extra else LongMessage(line[:MAX_LINE_BYTES], len(line), digest(line))
    assert got == [first, b"<13>next"]


@pytest.mark.parametrize("end", [b"\n", b"\0", b""])
def test_a_long_line_in_pieces_is_the_same(end):
    line = b"<13>" + bytes(range(32, 127)) * 3_000
    framer = SyslogFramer()
    data = line + end
    got = [m for i in range(0, len(data), 4_096) for m in framer.feed(data[i : i + 4_096])]
    got += framer.finish()
    assert got == [LongMessage(line[:MAX_LINE_BYTES], len(line), digest(line))]


def test_a_long_message_with_a_count_is_cut_counted_and_passed():
    message = b"<13>" + b"a\nb" * 100_000
    data = counted(message, b"<13>next")
    expected = [LongMessage(message[:MAX_LINE_BYTES], len(message), digest(message)), b"<13>next"]
    assert run(data) == expected
    framer = SyslogFramer()
    got = [m for i in range(0, len(data), 1_000) for m in framer.feed(data[i : i + 1_000])]
    assert got == expected
    assert not framer.is_inside


def test_a_count_of_many_megabytes_holds_no_memory():
    framer = SyslogFramer()
    framer.feed(b"999999999 <13>")
    for _ in range(200):
        assert framer.feed(b"y" * 65_536) == []
        assert len(framer._buffer) <= MAX_LINE_BYTES + 65_536
    assert framer.finish() == []
    assert framer.is_inside


def test_a_line_without_end_holds_no_memory():
    framer = SyslogFramer()
    for _ in range(200):
        assert framer.feed(b"y" * 65_536) == []
        assert len(framer._buffer) <= MAX_LINE_BYTES
    assert framer.feed(b"\n")[0].length == 200 * 65_536


def test_json_lines_are_lines_whatever_they_begin_with():
    data = b'{"a": 1}\n12 <13>no count\r\n[1]\n\n{"b": 2}'
    expected = [b'{"a": 1}', b"12 <13>no count", b"[1]", b'{"b": 2}']
    assert run(data, LineFramer()) == expected


text = st.binary(min_size=1, max_size=30).map(
    lambda b: b.replace(b"\n", b"").replace(b"\0", b"").rstrip(b"\r")
)
frames = st.lists(
    st.one_of(
        text.map(lambda t: (b"<13>" + t, b"<13>" + t + b"\n")),
        text.map(lambda t: (b"<13>" + t, b"<13>" + t + b"\r\n")),
        text.map(lambda t: (b"<13>" + t, b"<13>" + t + b"\0")),
        st.binary(max_size=30).map(
            lambda t: ((b"<13>" + t).rstrip(b"\r\n\0"), counted(b"<13>" + t))
        ),
        st.integers(MAX_LINE_BYTES - 3, MAX_LINE_BYTES + 70_000).map(
            lambda n: (whole_message(b"<9>" + b"z" * n), counted(b"<9>" + b"z" * n))
        ),
    ),
    max_size=8,
)


@given(frames=frames, seed=st.randoms(use_true_random=False))
def test_any_mix_of_frames_in_any_pieces_gives_its_messages(frames, seed):
    data = b"".join(frame for _, frame in frames)
    framer, got, at = SyslogFramer(), [], 0
    while at < len(data):
        step = seed.choice((1, 2, 3, 7, 50, 5_000, 100_000))
        got += framer.feed(data[at : at + step])
        at += step
    assert got + framer.finish() == [message for message, _ in frames]
    assert not framer.is_inside


@given(
    data=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from(
                [b"1", b"23 ", b"0", b" ", b"<", b"<13>x", b"\n", b"\0", b"\r\n", b"9" * 12]
            ),
            max_size=30,
        ).map(b"".join),
    ),
    cuts=st.lists(st.integers(0, 300), max_size=10),
    kind=st.sampled_from([SyslogFramer, LineFramer]),
)
@example(data=b"1 2 <\n3 x", cuts=[1, 2], kind=SyslogFramer)
def test_any_split_of_any_bytes_gives_the_same_messages(data, cuts, kind):
    whole, parts = kind(), kind()
    expected = whole.feed(data) + whole.finish()
    places = [0, *sorted(cuts), len(data)]
    got = [m for a, b in pairwise(places) for m in parts.feed(data[a:b])]
    assert got + parts.finish() == expected
    assert parts.is_inside == whole.is_inside


def test_a_spool_line_begins_with_its_sender():
    assert spool_line(SENDER, b"<13>hello\tworld") == b"192.0.2.1:514\t<13>hello\tworld"
    assert spool_line(SENDER, b"") == SENDER


def test_no_message_can_pass_for_two():
    forged = b"<13>a\n<34>su: root\r\n\0end"
    line = spool_line(SENDER, forged)
    assert line == SENDER + b"<13>a#012<34>su: root#015#012#000end"


@given(st.binary(max_size=200))
def test_a_spool_line_has_no_line_end_in_it(data):
    assert not set(spool_line(SENDER, data)) & set(b"\n\r\0")


@pytest.mark.parametrize("fill", [b"x", b"\n"])
@pytest.mark.parametrize("length", [MAX_TEXT_BYTES - 13, MAX_LINE_BYTES])
def test_a_message_that_fits_but_for_its_sender_is_cut_with_its_length(fill, length):
    message = fill * length
    kept, whole, hashed = whole_line(spool_line(SENDER, message))
    assert len(kept) == MAX_TEXT_BYTES
    assert (whole, hashed) == (length + 1, digest(message))


def test_a_long_message_keeps_its_own_length_and_hash():
    message = LongMessage(b"x" * MAX_LINE_BYTES, 1_000_000, "ab" * 16)
    kept, length, hashed = whole_line(spool_line(SENDER, message))
    assert kept == SENDER + b"x" * (MAX_TEXT_BYTES - len(SENDER))
    assert (length, hashed) == (1_000_001, "ab" * 16)


def test_the_longest_line_that_fits_is_not_cut():
    message = b"x" * (MAX_TEXT_BYTES - len(SENDER))
    assert spool_line(SENDER, message) == SENDER + message


def test_a_last_word_and_a_space_are_no_count():
    framer = SyslogFramer()
    assert framer.feed(b"a b") == []
    assert framer.finish() == [b"a b"]
