import time

import pytest

from soc_copilot.detection.phishing import text_shape
from soc_copilot.detection.phishing.text_shape import N_NUMBERS, shape

FRIEND = "hey r u home? i am near the gate, call me l8r x"
OPERATOR = "Recharge N500 today and get 200% bonus. Dial *123*4# now. T&C apply."
HOSTILE = ("1", "1,", "a.", "call ", "$1", "*1", "Aa, ", "9 ", "=", "\u0130", "\ud800", "'a")


def test_numbers_are_bounded_and_always_as_many() -> None:
    for text in ("", "a", FRIEND, OPERATOR, *(piece * 3_000 for piece in HOSTILE)):
        found = shape(text)
        assert len(found) == N_NUMBERS
        assert all(0.0 <= number <= 1.0 for number in found)


def test_which_number_it_is_is_not_told() -> None:
    assert shape("Call 07700900123 now") == shape("Call 08031234567 now")
    assert shape(FRIEND) != shape(OPERATOR)


@pytest.mark.parametrize(
    ("sign", "text"),
    [
        ("_LINK", "see my-offer.co.za/x"), ("_LINK", "http://a.example"), ("_MONEY", "win £5"),
        ("_MONEY", "pay 300 naira"), ("_MONEY", "rs.500 only"), ("_DIALLED", "dial *123*4# now"),
        ("_NUMBER_TO_USE", "text yes to 55555"), ("_NUMBER_TO_USE", "call our office on 0800123"),
        ("_PERCENT", "50% off"), ("_TIME", "at 3.30pm"), ("_LARGE", "you won 10,000"),
        ("_PHONE", "my line is 0803 123 4567"), ("_CODE", "code 12345"), ("_SMILE", "ok :-)"),
    ],
)  # fmt: skip
def test_signs_are_seen(sign: str, text: str) -> None:
    assert getattr(text_shape, sign).search(text)
    assert not getattr(text_shape, sign).search("see you at the gate then, nothing new here")


def test_kinds_of_words_are_shares() -> None:
    one, two = text_shape._shares(["i", "u"], 2), text_shape._shares(["i"] * 8, 8)
    assert one[:2] == [0.5, 0.5]
    assert two[:2] == [0.0, 1.0]
    assert text_shape._shares(["don't", "can't"], 2)[0] == 1.0


@pytest.mark.parametrize(
    "text",
    ["", "Win 08001 NOW", "caf\u00e9 \u00c9T\u00c9 \u0663", "\u00b2 ABCD ok", "abc\U0001d5d4"],
)
def test_letters_capitals_and_digits_are_counted(text: str) -> None:
    letters = [c for c in text if c.isalpha()]
    n_capitals, n_digits = sum(c.isupper() for c in letters), sum(c.isdigit() for c in text)
    assert text_shape._counts(text) == (len(letters), n_capitals, n_digits)


def test_work_is_bounded() -> None:
    start = time.process_time()
    for piece in HOSTILE:
        shape(piece * 50_000)
    assert time.process_time() - start < 5.0
