import random
import re

import pytest

from soc_copilot.detection.phishing import html
from soc_copilot.detection.phishing.html import read_html, tidy


def test_a_reader_sees_text_and_links() -> None:
    page = read_html(
        "<html><head><title>t</title><style>p{}</style></head><body><p>Hello&nbsp;<b>you</b></p>"
        '<a href="http://x.example/">click <i>here</i></a><script>var a;</script>'
        '<img src=x alt="logo"></body></html>'
    )
    assert page.text == "Hello you\nclick herelogo"
    assert page.links == [("click here", "http://x.example/")]
    assert (page.n_images, page.n_forms, page.n_hidden) == (1, 0, 0)


@pytest.mark.parametrize(
    "style", ["display:none", "DISPLAY: NONE", "font-size:0", "visibility:hidden", "opacity:0"]
)
def test_what_is_hidden_is_not_read(style: str) -> None:
    page = read_html(f'<p>a</p><div style="{style}">secret <b>x</b></div><p>b</p>')
    assert page.text == "a\nb"
    assert page.n_hidden == 1


@pytest.mark.parametrize("style", ["font-size:0.9em", "opacity:0.5", "display:block"])
def test_what_is_small_is_read(style: str) -> None:
    assert "seen" in read_html(f'<div style="{style}">seen</div>').text


def test_forms_and_image_maps_are_links() -> None:
    page = read_html('<form action="http://f.example"></form><area href="http://g.example" alt=m>')
    assert page.links == [("", "http://f.example"), ("m", "http://g.example")]
    assert page.n_forms == 1


@pytest.mark.parametrize(
    "source",
    [
        "<a href='http://x.example'>never closed",
        "<" * 10_000,
        "<div>" * 50_000,
        "<div hidden>" * 5_000 + "x",
        "</a></div>&#99999999999;&bogus;",
        "<![CDATA[<!--",
        "",
    ],
)
def test_broken_markup_is_taken(source: str) -> None:
    assert len(read_html(source).text) <= len(source)


@pytest.mark.parametrize(
    "source",
    ['<a title="x>y" href="http://x.example">go</a>', "<A HREF='http://x.example' >go</A>"],
)
def test_attributes_in_every_writing(source: str) -> None:
    assert read_html(source).links == [("go", "http://x.example")]


def test_scripts_that_write_tags_are_no_tags() -> None:
    assert read_html("a<script>if (a<b) '<p>x</p>'</script><style><p></style>b").text == "ab"


def test_an_unclosed_link_counts() -> None:
    assert read_html("<a href=http://x.example>go").links == [("go", "http://x.example")]


def test_unseen_signs_are_left_out() -> None:
    assert tidy("a\u200bb \xa0 c\r\n\n\n d") == "a b c\nd"


PIECES = (
    "<p>", "</p>", "<a href='http://a.example/?x=1&amp;y=\">\"'>", "</a>", "text &nbsp;", "<",
    ">", '"', "'", '<div style="display:none">', "<div style=font-size:0>",
    "<span STYLE='opacity: 0 '>", "</div>", "<b hidden>", "<i data-hidden=1>",
    '<td style="max-height:0.5em">', "</b></i>", "<!-- x -->", "<!doctype x>",
    "<style>p{}</style>", "<STYLE>", "</STYLE >", "<script>if (a<b) '</script>",
    "<img alt=\"a>b\" src=x>", "<form action=http://f.example>", "<area href=g alt='m'>", "<br/>",
    "\t\r\n  ", "\u200b\xa0", "<x y='", "<a>", '<p style="font-size:0&#59;">',
    "<p style='colour:red; line-height: 0'>", "\x85", "<textarea>", "</textarea",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_whole_tags_are_read_as_all_others(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)  # noqa: S311 - made-up texts
    source = "".join(rng.choices(PIECES, k=rng.randrange(1, 60)))
    quick = read_html(source)
    monkeypatch.setattr(html, "_WHOLE_TAG", re.compile(r"(?!)"))
    monkeypatch.setattr(html, "_may_say", lambda tag, source: True)
    assert quick == read_html(source)


@pytest.mark.parametrize("seed", range(40))
def test_blanks_are_made_one(seed: int) -> None:
    signs = " \n\n\t\r\f\v\xa0\u200b\u200f\u2060\ufeff\xad\u034fab.\x85\u2028\x1c"
    rng = random.Random(seed)  # noqa: S311 - made-up texts
    text = "".join(rng.choices(signs[: rng.choice((7, 20))], k=rng.randrange(40)))
    blanks = re.sub("[ \t\r\f\v\xa0\u200b-\u200f\u2060\ufeff\xad\u034f]+", " ", text)
    assert tidy(text) == re.sub(r" ?\n[ \n]*", "\n", blanks).strip()


@pytest.mark.parametrize("tag", ["<a ", '<a "', "<a '", "<a x='\">", '<a x="', "<td"])
def test_tags_without_an_end_take_no_longer_than_they_are(tag: str) -> None:
    html._Reader(tag * (html.MAX_HTML_CHARS // len(tag))).read()
