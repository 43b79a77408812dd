import threading
from collections import deque

from soc_copilot.domain.records import RecordBatch
from soc_copilot.parsing.batch import ParsedBatch
from soc_copilot.pipeline.ahead import ParseAhead, SharedParser, without
from tests.unit.pipeline.test_core import FakeParser, make_chunk


def batches(*starts: int) -> deque[RecordBatch]:
    return deque(
        RecordBatch(i, (make_chunk(1, start, 1), make_chunk(2, start, 1)))
        for i, start in enumerate(starts, 1)
    )


def ahead_of(waiting: deque[RecordBatch], parser: FakeParser) -> ParseAhead:
    return ParseAhead(lambda: waiting.popleft() if waiting else None, parser)


def test_batches_come_in_the_order_taken_and_then_none() -> None:
    ahead = ahead_of(batches(0, 2, 4), FakeParser())
    found = [ahead.next() for _ in range(4)]
    ahead.close()
    assert [p.batch.sequence for p in found if p is not None] == [1, 2, 3]
    assert found[3] is None


def test_the_next_one_is_parsed_while_the_first_is_looked_at_and_no_more() -> None:
    waiting, parser = batches(0, 2, 4, 6), FakeParser()
    parsed_two = threading.Event()
    parse = parser.parse

    def watched(batch: RecordBatch) -> ParsedBatch:
        result = parse(batch)
        if parser.n_parsed == 2:
            parsed_two.set()
        return result

    parser.parse = watched  # type: ignore[method-assign]
    ahead = ahead_of(waiting, parser)
    ahead.next()
    assert parsed_two.wait(60)
    ahead.forget(9)  # waits for what is in the making
    assert len(waiting) == 2
    ahead.close()


def test_forgetting_a_source_drops_its_lines_and_keeps_the_others() -> None:
    parser = FakeParser()
    ahead = ahead_of(batches(0, 2), parser)
    ahead.next()
    ahead.forget(1)
    prepared = ahead.next()
    assert prepared is not None
    assert [chunk.source_id for chunk in prepared.batch.chunks] == [2]
    assert prepared.events.n_events == 1
    ahead.close()


def test_forgetting_the_only_source_leaves_nothing() -> None:
    ahead = ahead_of(batches(0, 2), FakeParser())
    ahead.next()
    ahead.forget(1)
    ahead.forget(2)
    assert ahead.next() is None
    ahead.close()


def test_closing_joins_the_thread() -> None:
    before = set(threading.enumerate())
    ahead = ahead_of(batches(0, 2, 4), FakeParser())
    ahead.next()
    ahead.close()
    assert set(threading.enumerate()) <= before
    ahead.close()


def test_a_batch_without_a_source_keeps_its_number() -> None:
    batch = batches(0)[0]
    assert without(batch, 1).sequence == batch.sequence
    assert without(batch, 3).chunks == batch.chunks


def test_a_shared_parser_is_a_parser() -> None:
    parser = SharedParser()
    parser.set_format(1, "json")
    parsed = parser.parse(RecordBatch(1, (make_chunk(1, 0, 2),)))
    assert parsed.events.n_events == 2
    assert parser.formats_of(1) == ("json",)
