import pytest

from soc_copilot.detection.phishing.analysers import analysers
from soc_copilot.detection.phishing.contents import content_of
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import Analyser, Content

CONTENTS = {
    "url": "http://paypal-login.pages.dev/",
    "email": "From: a@b.example\nSubject: verify your account\n\nverify your account now",
    "text": "win a prize now, call 09061234567",
    "page": "<html><p>verify your account now</p>",
}


@pytest.mark.parametrize("kind", list(CONTENTS))
def test_one_part_applies_to_each_content(kind: str) -> None:
    content = content_of(CONTENTS[kind])
    assert content.kind == kind
    (part,) = [part for part in analysers() if part.applies(content)]
    result = part.analyse(content)
    assert result.name == part.name
    assert result.state == "ok"
    assert result.score is not None
    assert 0.0 <= result.score <= 1.0
    assert result.latency_ms > 0
    for reason in result.reasons:
        if reason.start is not None and reason.end is not None and kind != "page":
            assert content.text[reason.start : reason.end]


def test_parts_refuse_what_is_not_theirs() -> None:
    url, mail, _ = analysers()
    text = Content("text", b"x", "x")
    for part in (url, mail):
        assert not part.applies(text)
        with pytest.raises(DetectorError):
            part.analyse(text)


def test_parts_are_analysers_that_tell_their_version() -> None:
    for part in analysers():
        assert isinstance(part, Analyser)
        assert f"phishing-{part.name}-" in part.version


@pytest.mark.parametrize(
    ("said", "is_told"),
    [("verify your account now", True), ("Lunch on Friday, and the minutes are enclosed.", False)],
)
def test_single_words_are_told_where_the_whole_is_suspicious(said: str, is_told: bool) -> None:
    _, mail, _ = analysers()
    raw = f"From: a@b.example\nSubject: {said}\n\n{said}"
    result = mail.analyse(content_of(raw, "email"))
    assert (result.score or 0.0) >= 0.4 if is_told else (result.score or 0.0) < 0.4
    assert any(reason.kind == "word" for reason in result.reasons) == is_told
