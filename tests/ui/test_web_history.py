from soc_copilot.domain.web import WebCount, WebStanding
from soc_copilot.ui.web_history import (
    COLUMN_S,
    MOST_IN_COLUMN,
    MOST_NAMES,
    MOST_REQUESTS,
    SPAN_S,
    WebHistory,
)
from tests.ui.web_support import asked, standing

NOW = 1_700_000_000.0


def test_counts_add_up_over_batches() -> None:
    web = WebHistory()
    web.take([standing(asked("a", path="/x"), asked("b", path="/x"))], NOW)
    web.take([standing(asked("a", path="/y", kind="xss"))], NOW + COLUMN_S)
    assert (web.n_requests, web.n_threats) == (100, 3)
    assert web.attackers() == (WebCount("a", 2, "sqli"), WebCount("b", 1, "sqli"))
    assert web.targets() == (WebCount("/x", 2, "sqli"), WebCount("/y", 1, "xss"))
    assert web.classes() == (WebCount("sqli", 2, "sqli"), WebCount("xss", 1, "xss"))


def test_series_begin_with_the_first_request_and_end_now() -> None:
    web = WebHistory()
    web.take([standing(asked())], NOW)
    web.take([standing(asked(kind="xss"), asked(kind="cmdi"))], NOW + 2 * COLUMN_S)
    seconds, counts = web.series()
    assert seconds.tolist() == [NOW, NOW + COLUMN_S, NOW + 2 * COLUMN_S]
    assert counts.tolist() == [50, 0, 50]
    assert web.series(["xss", "cmdi"])[1].tolist() == [0, 0, 2]


def test_what_is_older_than_a_quarter_of_an_hour_no_longer_counts() -> None:
    web = WebHistory()
    web.take([standing(asked("a"))], NOW)
    web.advance(NOW + SPAN_S)
    assert web.n_threats == 1
    web.advance(NOW + SPAN_S + COLUMN_S)
    assert (web.n_requests, web.attackers()) == (0, ())
    assert len(web.requests()) == 1  # still to be read


def test_a_late_batch_is_not_put_into_the_present() -> None:
    web = WebHistory()
    web.advance(NOW)
    web.take([standing(asked("old"))], NOW - 2 * SPAN_S)
    assert web.attackers() == ()


def test_requests_are_listed_newest_first_and_by_selection() -> None:
    web = WebHistory()
    first, second, third = asked("a"), asked("b", path="/p"), asked("a", path="/p")
    web.take([standing(second, first)], NOW)
    web.take([standing(third)], NOW)
    assert web.requests() == (third, second, first)
    assert web.requests(attacker="a") == (third, first)
    assert web.requests(target="/p") == (third, second)


def seen(name: str, n_threats: int = 1) -> WebStanding:
    return WebStanding(1, 1, attackers=(WebCount(name, n_threats, "sqli"),))


def test_memory_is_bounded_and_those_with_the_most_stay() -> None:
    web = WebHistory()
    web.take([seen("worst", 50)], NOW)
    for n in range(3 * MOST_NAMES):
        web.take([seen(f"a{n}")], NOW + n // 100 * COLUMN_S / 2)
    web.take([seen("late", 9)], NOW + 70 * COLUMN_S)
    names = web.attackers()
    assert len(names) <= MOST_NAMES
    assert [one.name for one in names[:2]] == ["worst", "late"]
    for _ in range(MOST_REQUESTS):
        web.take([standing(asked(), asked())], NOW)
    assert len(web.requests()) == MOST_REQUESTS


def test_ten_seconds_with_too_many_names_leave_nothing_behind() -> None:
    web = WebHistory()
    for n in range(3 * MOST_IN_COLUMN):
        web.take([seen(f"a{n}")], NOW)
    assert 0 < len(web.attackers()) <= MOST_IN_COLUMN
    web.advance(NOW + SPAN_S + COLUMN_S)
    assert web.attackers() == ()
