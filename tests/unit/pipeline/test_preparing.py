from dataclasses import replace

import pytest

from soc_copilot.domain.records import RecordBatch, SourceEvent
from soc_copilot.parsing.batch import BatchParser
from soc_copilot.pipeline.preparing import prepare, refusals, refuse
from tests.unit.pipeline.test_core import FakeParser, make_chunk


def test_a_good_batch_is_what_the_parser_makes_of_it() -> None:
    batch = RecordBatch(7, (make_chunk(1, 0, 3), make_chunk(2, 0, 2), make_chunk(1, 6, 1)))
    prepared = prepare(BatchParser(), batch)
    assert prepared.refused == ()
    assert prepared.events.sequence == 7
    assert prepared.n_events_by_file() == {(1, 1): 4, (2, 1): 2}
    assert prepared.ledger[1, 1].lines == 4
    assert prepared.parse_s > 0


def test_a_batch_of_nothing_but_poison_has_no_events() -> None:
    parser = FakeParser()
    parser.poison = 0
    prepared = prepare(parser, RecordBatch(1, (make_chunk(1, 0, 3),)))
    assert (prepared.events.n_events, prepared.n_events_by_file()) == (0, {})
    assert prepared.ledger[1, 1].refused == 3


@pytest.mark.parametrize(("n_lost", "lost", "possible"), [(5, 5, 0), (None, 0, 1)])
def test_what_was_lost_before_is_counted_for_refused_lines_too(
    n_lost: int | None, lost: int, possible: int
) -> None:
    gone = SourceEvent("lost", "Gone.", 1, is_loss=True, n_lost=n_lost)
    chunk = replace(make_chunk(1, 0, 2), events=(gone, SourceEvent("note", "Fine.", 1)))
    ledger = refuse(RecordBatch(1, (chunk,))).ledger[1, 1]
    assert (ledger.refused, ledger.lost, ledger.possible_losses) == (2, lost, possible)
    assert ledger.adds_up


def test_a_chunk_without_lines_is_no_refusal_to_speak_of() -> None:
    assert refusals([make_chunk(1, -1, 0)]) == []
    (event,) = refusals([make_chunk(1, -1, 1)])
    assert (event.start, event.end) == (0, 1)
