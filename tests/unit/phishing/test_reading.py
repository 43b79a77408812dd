import pytest

from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.phishing import ParsedEmail, ParsedUrl
from soc_copilot.phishing.reading import MAX_URL_CHARS, read_content


def test_each_kind_is_taken_apart() -> None:
    url = read_content("url", b" https://a.example/x?y \n")
    assert url.text == "https://a.example/x?y"
    assert isinstance(url.parsed, ParsedUrl)
    assert url.parsed.host == "a.example"
    email = read_content("email", b"From: A <a@a.example>\r\nSubject: Hi\r\n\r\nWords.\r\n")
    assert isinstance(email.parsed, ParsedEmail)
    assert email.parsed.subject == "Hi"
    assert "Words." in email.text
    text = read_content("text", b"free \xff money", b"png")
    assert (text.text, text.parsed, text.screenshot) == ("free \ufffd money", None, b"png")


@pytest.mark.parametrize("raw", [b"http://a\nhttp://b", b"x" * (MAX_URL_CHARS + 1)])
def test_what_is_no_url_is_refused(raw: bytes) -> None:
    with pytest.raises(ParseError, match="no URL"):
        read_content("url", raw)
