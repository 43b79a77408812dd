import random

import pytest

from soc_copilot.detection.phishing.rtf import MAX_BYTES, RtfError, html_in, inflate, text_in

# The two examples of MS-OXRTFCP, chapter 4.
SIMPLE = bytes.fromhex(
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d"
    "0a800fa0"
)
CROSSING = bytes.fromhex("1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0")


def packed(size: int, body: bytes, kind: bytes = b"LZFu") -> bytes:
    return (
        (len(body) + 12).to_bytes(4, "little")
        + size.to_bytes(4, "little")
        + kind
        + (bytes(4) + body)
    )


def test_the_examples_of_the_specification_are_unpacked() -> None:
    assert inflate(SIMPLE) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert inflate(CROSSING) == b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"


def test_what_is_not_packed_is_taken_as_it_is() -> None:
    assert inflate(packed(5, b"{\\rtf rest", b"MELA")) == b"{\\rtf"


@pytest.mark.parametrize("raw", [b"", b"short", packed(3, b"abc", b"ZIP!")])
def test_other_packing_is_refused(raw: bytes) -> None:
    with pytest.raises(RtfError):
        inflate(raw)


def test_no_more_is_unpacked_than_is_read() -> None:
    # Eight times seventeen bytes of before; a copy from where it goes to would be the end.
    starts = [16 if (207 + 17 * n) % 4096 == 0 else 0 for n in range(8 * 32_000)]
    pairs = [(start << 4 | 15).to_bytes(2, "big") for start in starts]
    bomb = b"".join(b"\xff" + b"".join(pairs[n : n + 8]) for n in range(0, len(pairs), 8))
    assert len(inflate(packed(0xFFFFFFFF, bomb))) == MAX_BYTES


def test_broken_packing_ends() -> None:
    rng = random.Random(1)  # noqa: S311 - not for secrets
    for _ in range(300):
        body = rng.randbytes(rng.randrange(200))
        assert len(inflate(packed(rng.randrange(1 << 20), body))) <= len(body) * 9


def test_a_page_is_found_within() -> None:
    rich = (
        rb"{\rtf1\ansi\ansicpg1252\fromhtml1 {\fonttbl{\f0 Arial;}}{\*\htmltag64 <p>}\htmlrtf {"
        rb"\htmlrtf0 caf\'e9 \u8364?{\*\htmltag84 <b>}\htmlrtf {\b \htmlrtf0 A \{1\}\htmlrtf }"
        rb"\htmlrtf0 {\*\htmltag92 </b>}\par {\*\other hidden}}"
    )
    assert html_in(rich) == "<p>caf\u00e9 \u20ac<b>A {1}</b>\n"
    assert text_in(rich).startswith("caf\u00e9 \u20acA {1}")


def test_letters_of_two_bytes_are_read_together() -> None:
    rich = rb"{\rtf1\ansi\ansicpg932 \'93\'fa\'96\'7b}"
    assert text_in(rich) == "\u65e5\u672c"


def test_of_other_rich_text_only_letters_are_read() -> None:
    rich = rb"{\rtf1\ansi{\info{\author me}}{\*\generator x;}One\tab two\par {\pict 0011}\u-10179?}"
    assert text_in(rich) == "One\ttwo\n"
    assert html_in(rich) == ""
    assert text_in(b"no rich text") == ""
    assert text_in(b"{\\rtf1" + b"{" * 10_000 + b"x" + b"}" * 20_000) == "x"
