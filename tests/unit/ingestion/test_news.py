import logging

from soc_copilot.domain.clock import SYSTEM_CLOCK
from soc_copilot.ingestion.news import News, worst


def test_an_event_is_made_logged_and_kept(caplog):
    caplog.set_level(logging.INFO)
    news = News(7, SYSTEM_CLOCK)
    event = news.event("refused", '"a" is not read.', 3)
    assert (event.kind, event.message, event.generation) == ("refused", '"a" is not read.', 3)
    assert (event.is_loss, event.n_lost) == (False, None)
    assert event.at_ns > 0
    assert news.messages == ('"a" is not read.',)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        logging.INFO,
        "A source has news. source=7 kind=refused",
    )


def test_losses_are_errors(caplog):
    caplog.set_level(logging.INFO)
    news = News(7, SYSTEM_CLOCK)
    assert news.event("lost", "Some.", 1, is_loss=True).n_lost is None
    counted = news.event("lost", "Two.", 1, n_lost=2)
    assert (counted.is_loss, counted.n_lost) == (True, 2)
    assert [record.levelno for record in caplog.records] == [logging.ERROR] * 2


def test_messages_are_bounded_newest_last():
    news = News(7, SYSTEM_CLOCK)
    for number in range(120):
        news.event("note", str(number), 1)
    assert news.messages == tuple(str(number) for number in range(70, 120))


def test_the_worst_trouble_is_the_first_of_the_worst_state():
    troubles = [("error", "a"), ("denied", "b"), ("quarantined", "c"), ("quarantined", "d")]
    assert worst(troubles) == ("quarantined", "c")
    assert worst(troubles[:2]) == ("denied", "b")
    assert worst(iter(troubles[:1])) == ("error", "a")
    assert worst([]) is None
