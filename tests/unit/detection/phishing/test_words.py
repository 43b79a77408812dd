import pytest

from soc_copilot.detection.phishing import words


def said(subject: str, body: str) -> set[str]:
    return {word for _, word in words.gather(subject, body, is_short=False).words}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Your ACCOUNT is locked!!!", "your account , is locked ."),
        ("see http://a.example/x", "see http://b.example/y?z"),
        ("write to a@b.example", "write to c.d @ e . example"),
        ("call 555", "call 777"),
        ("\U0001d5ee\U0001d5f0\U0001d5f0\U0001d5fc\U0001d602\U0001d5fb\U0001d601", "account"),
        ("\u0430ccount", "account"),
    ],
)
def test_layout_and_disguise_are_not_read(one: str, other: str) -> None:
    assert words.gather("", one, is_short=False) == words.gather("", other, is_short=False)


def test_quoted_text_footers_and_tags_are_left_out() -> None:
    body = "hello\n> quoted words\n-- \nsignature"
    assert said("Re: [list] Fwd: topic", body) >= {"s:topic", "w:hello"}
    assert not said("Re: [list] topic", body) & {"w:quoted", "w:signature", "s:list", "s:re"}


def test_letters_without_blanks_are_taken_in_twos() -> None:
    assert words.tokens("\u304a\u5ba2\u69d8") == ["\u304a\u5ba2", "\u5ba2\u69d8"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("please verify it", "proving"),
        ("innerhalb von 24 stunden", "haste"),
        ("votre colis", "parcel"),
        ("su contrase\u00f1a", "account"),
        ("\u30d1\u30b9\u30ef\u30fc\u30c9", "account"),
        ("you have won a prize", "prize"),
    ],
)
def test_bait_in_several_languages(text: str, kind: str) -> None:
    assert kind in {name for name, _, _ in words.baits(text)}


def test_plain_talk_is_no_bait() -> None:
    assert words.baits("see you at dinner on sunday") == []


@pytest.mark.parametrize("is_short", [False, True])
def test_numbers_are_bounded_and_always_as_many(is_short: bool) -> None:
    for text in ("", "a", "FREE $$$ 08001234567 " * 500, "\u0000\ud800"):
        found = words.gather("", text, is_short=is_short).dense
        assert len(found) == words.n_dense(is_short=is_short)
        assert all(0.0 <= number <= 1.0 for number in found)


def test_work_is_bounded() -> None:
    found = words.gather("x " * 10_000, "word%d " * 100_000, is_short=False)
    assert len(found.words) < 1_000
    many = words.gather(
        "", " ".join(f"w{chr(97 + i % 26)}{i}q" for i in range(9_000)), is_short=False
    )
    assert len(many.words) < 1_000


def test_spans_point_at_words() -> None:
    assert words.spans("Please VERIFY now, unverified", ["verify", "now"]) == [(7, 13), (14, 17)]


def test_numbers_of_short_texts_are_no_words() -> None:
    found = words.gather("", "Call 08001234567 now, win 500", is_short=True)
    by_field = {n: {w for m, w in found.words if m == n} for n in range(words.N_FIELDS)}
    assert by_field[words.SUBJECT] == set()
    assert by_field[words.WORDS] == {"w:call", "w:now", "w:win"}
    assert by_field[words.PAIRS] == {"p:call now", "p:now win"}
    assert "#" not in "".join(text for _, _, text, _, _ in found.texts)
    mail = words.gather("", "Call 08001234567 now", is_short=False)
    assert (words.WORDS, "w:#7") in mail.words


@pytest.mark.parametrize(
    "body",
    [
        "see HTTP://a.example/x now", "www . a.example", "HXXPS://b.example", "Ftp://c.example",
        "no link: none", "he wrote:\nx", "Er schrieb :\n> y", "SAID\t:", "that she said so", "a:b",
    ],
)  # fmt: skip
def test_cleaning_skips_only_what_changes_nothing(body: str) -> None:
    expected = words._FOOTER.sub("", body)
    expected = words._QUOTED.sub("", expected)
    if words._QUOTING.search(expected):
        expected = words._QUOTE_HEAD.sub("", expected)
    expected = words._ADDRESS.sub(" addressmark ", words._URL.sub(" linkmark ", expected))
    assert words.clean(body) == expected


def test_a_text_is_read_once_for_score_and_reasons() -> None:
    words._read.cache_clear()
    body = "please verify the account " * 2_000
    words.gather("Notice", body, is_short=False)
    words.said("Notice", body)
    assert words._read.cache_info()[:2] == (1, 1)
