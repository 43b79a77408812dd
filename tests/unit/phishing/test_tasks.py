import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.errors import ParseError
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.tasks import (
    Priority,
    Task,
    decode_analysis,
    decode_task,
    encode_analysis,
    encode_task,
    key_of,
)
from tests.unit.phishing.parts import FakePart, url

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(
    st.builds(
        Task, id=words, kind=st.sampled_from(["url", "email", "text", "page"]), raw=st.binary(),
        screenshot=st.none() | st.binary(min_size=1), user_id=words, session_id=words,
        priority=st.sampled_from(Priority), is_forced=st.booleans(),
    )
)  # fmt: skip
def test_a_task_comes_back_as_it_was(task: Task) -> None:
    assert decode_task(encode_task(task)) == task


@pytest.mark.parametrize(
    "data", ["", "{}", "[1]", '{"id":"1"}', encode_task(Task("1", "url", b"a")).replace("YQ", "?")]
)
def test_what_is_no_task_is_refused(data: str) -> None:
    with pytest.raises(ParseError, match="no job"):
        decode_task(data)


def test_a_task_of_an_unknown_priority_or_kind_is_refused() -> None:
    good = encode_task(Task("1", "url", b"a"))
    for bad in (good.replace('"priority":0', '"priority":7'), good.replace('"url"', '"exe"')):
        assert bad != good
        with pytest.raises(ParseError):
            decode_task(bad)


def test_an_answer_comes_back_as_it_was() -> None:
    pipeline = Orchestrator([FakePart()])
    found = pipeline.analyse(url("evil"), "r-1")
    assert pipeline.close()
    again = decode_analysis(encode_analysis(found))
    assert again == found
    assert again.timestamp == found.timestamp
    with pytest.raises(ParseError, match="no answer"):
        decode_analysis(b'{"prediction":"phish"}')


def test_a_key_tells_contents_kinds_and_versions_apart() -> None:
    task = Task("1", "url", b"a")
    others = [
        (task, "v2"),
        (Task("1", "text", b"a"), "v1"),
        (Task("1", "url", b"b"), "v1"),
        (Task("1", "url", b"a", screenshot=b"x"), "v1"),
        (Task("1", "url", b"", screenshot=b"a"), "v1"),
    ]
    keys = {key_of(*other) for other in others} | {key_of(task, "v1")}
    assert len(keys) == 6
    assert key_of(Task("2", "url", b"a", user_id="u"), "v1") == key_of(task, "v1")
