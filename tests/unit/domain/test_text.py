from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.text import csv_cell, has_hidden, render_safe, render_safe_spans

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)


def test_control_characters_become_visible_signs() -> None:
    assert render_safe("a\x1b[31mb\x00c\nd\x7f") == "a␛[31mb␀c␊d␡"


def test_bidi_overrides_and_separators_become_escapes() -> None:
    assert render_safe("a\u202eb\u2028c\u200bd\x9b") == "a\\u202eb\\u2028c\\u200bd\\x9b"


def test_markup_stays_as_it_is() -> None:
    payload = "<img src=http://127.0.0.1:1/x> &lt;b&gt;"
    assert render_safe(payload) == payload


def test_plain_text_of_any_script_is_untouched() -> None:
    for text in ("plain", "Zażółć gęślą jaźń", "日本語", "Ω≈ç", ""):
        assert render_safe(text) == text
        assert not has_hidden(text)


def test_limit_cuts_with_an_ellipsis() -> None:
    assert render_safe("abcdef", 4) == "abc…"
    assert render_safe("abcd", 4) == "abcd"
    assert render_safe("\x9b\x9b\x9b", 3) == "\\x…"


@given(ANY_TEXT)
def test_result_is_always_inert_and_on_one_line(text: str) -> None:
    safe = render_safe(text)
    assert not has_hidden(safe)
    assert "\n" not in safe
    safe.encode("utf-8")


@given(ANY_TEXT, st.integers(1, 50))
def test_result_never_passes_the_limit(text: str, limit: int) -> None:
    assert len(render_safe(text, limit)) <= limit


@given(ANY_TEXT, st.integers(-3, 250), st.integers(-3, 250))
def test_spans_cover_the_same_characters_after_rendering(text: str, start: int, end: int) -> None:
    safe, spans = render_safe_spans(text, ((start, end),))
    assert safe == render_safe(text)
    inside = text[max(start, 0) : max(end, 0)]
    if spans:
        (place,) = spans
        assert safe[place[0] : place[1]] == render_safe(inside)
    else:
        assert not inside or start >= end


def test_formula_cells_are_guarded() -> None:
    for text in ("=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "%x", "|x"):
        assert csv_cell(text).startswith("'")
    assert csv_cell("plain") == "plain"
    assert csv_cell("\x1b=1") == "␛=1"
