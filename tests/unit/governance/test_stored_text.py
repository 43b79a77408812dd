from hypothesis import example, given
from hypothesis import strategies as st

from soc_copilot.governance.stored_text import from_stored, to_stored

ANY_TEXT = st.text(
    st.one_of(
        st.characters(exclude_categories=()),
        st.sampled_from("\0\ud800\udfff\udc80\U0010f000\U0010f7ff\U0010f800\U0010f801a"),
    )
)


@given(ANY_TEXT)
@example("\U0010f801\0\U0010f801\n")
def test_any_text_comes_back_exactly(text: str) -> None:
    assert from_stored(to_stored(text)) == text


@given(ANY_TEXT)
def test_stored_text_is_valid_unicode_without_nul(text: str) -> None:
    stored = to_stored(text)
    assert "\0" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored


@given(ANY_TEXT, ANY_TEXT)
def test_different_texts_are_stored_differently(one: str, other: str) -> None:
    assert (to_stored(one) == to_stored(other)) == (one == other)


def test_plain_text_is_stored_as_it_is() -> None:
    assert to_stored("SELECT 'é' \n\t") == "SELECT 'é' \n\t"
