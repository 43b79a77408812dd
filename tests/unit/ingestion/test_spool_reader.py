"""The reading end of a spool: whole lines, marks between them, and files that are gone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import LongLine, SourceEvent
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES, SpoolWriter, cut_line
from soc_copilot.ingestion.spool_reader import SpoolReader

BIG = 1 << 30
EVENT = SourceEvent("refused", 'Hostile "quotes"\n\0 and ünïcode.', 5, 0, True, 7, 1, 2)


@pytest.fixture
def make(tmp_path):
    made = []

    def open_both(position=0, segment_bytes=BIG, max_lines=2_500):
        writer = SpoolWriter(tmp_path / "spool", BIG, segment_bytes)
        reader = SpoolReader(writer, position, ReadLimits(max_lines=max_lines))
        made.extend([reader, writer])
        return writer, reader

    yield open_both
    for one in made:
        one.close()


def check(cuts, start):
    """Cuts follow each other, and each adds up."""
    for cut in cuts:
        assert cut.start == start
        assert cut.end - cut.start == cut.lengths.sum() + cut.n_skipped
        assert len(cut.offsets) == len(cut.lengths) == cut.data.count(b"\n")
        start = cut.end
    return start


def test_lines_come_once_with_their_numbers(make):
    writer, reader = make()
    assert reader.read(BIG, 0) == []
    writer.write([b"one", b"", b"three"])
    (cut,) = reader.read(BIG, 0)
    assert cut.data == b"one\n\nthree\n"
    assert cut.offsets.tolist() == [0, 4, 5]
    assert cut.lengths.tolist() == [4, 1, 6]
    assert cut.offsets.dtype == cut.lengths.dtype == np.int64
    assert reader.read(BIG, 0) == []
    writer.write([b"four"])
    (cut,) = reader.read(BIG, 0)
    assert (cut.start, cut.data, cut.offsets.tolist()) == (11, b"four\n", [11])


def test_it_reads_across_segments_and_in_bounded_steps(make):
    writer, reader = make(segment_bytes=100, max_lines=3)
    lines = [b"line-%04d" % i for i in range(200)]
    for line in lines:
        writer.write([line])
    cuts = []
    while step := reader.read(1, 0):
        assert sum(len(cut.data) for cut in step) <= 100, "one block, here one segment"
        cuts += step
    assert check(cuts, 0) == writer.end
    assert b"".join(cut.data for cut in cuts).split() == lines
    assert max(len(cut.offsets) for cut in cuts) == 3


def test_it_starts_anywhere(make):
    writer, _ = make()
    writer.write([b"one", b"two", b"three"])
    reader = SpoolReader(writer, 4, ReadLimits())
    (cut,) = reader.read(BIG, 0)
    assert (cut.start, cut.data) == (4, b"two\nthree\n")
    assert reader.before(5) == b"hree\n"
    reader.close()


def test_a_marker_stands_before_each_position(make):
    writer, reader = make(max_lines=2)
    writer.write([b"a" * 300, b"b", b"c"])
    first, second = reader.read(BIG, 0)
    assert first.marker == b"a" * 253 + b"\nb\n"
    assert second.marker == b"c\n"


def test_what_is_before_a_position_may_be_gone(make):
    writer, reader = make(segment_bytes=1)
    writer.write([b"one"])
    writer.write([b"two"])
    check(reader.read(BIG, 0), 0)
    assert reader.before(4) == b"two\n"
    assert reader.before(5) is None, "never over two files"
    writer.segments()[1].path.unlink()
    reader.close()
    assert reader.before(4) is None


def test_events_and_long_lines_are_told_apart_from_lines(make):
    writer, reader = make()
    kept = b"x" * MAX_TEXT_BYTES
    writer.write([b"one"])
    assert writer.write_events([EVENT, EVENT]) == 2
    writer.write([cut_line(kept, 70_001, "ab" * 16), b"two"])
    (cut,) = reader.read(BIG, 0)
    assert cut.data == b"one\n" + kept + b"\ntwo\n"
    assert cut.events == (EVENT, EVENT)
    assert cut.long_lines == (LongLine(1, 70_001, "ab" * 16),)
    assert cut.offsets[0] == 0
    assert cut.n_skipped == cut.offsets[1] - 4, "the events' bytes"
    check([cut], 0)


def test_a_spool_of_events_alone_moves_on(make):
    writer, reader = make()
    writer.write_events([EVENT])
    (cut,) = reader.read(BIG, 0)
    assert (cut.data, cut.events, len(cut.offsets)) == (b"", (EVENT,), 0)
    assert check([cut], 0) == writer.end


@pytest.mark.parametrize("damage", [b"\0", b"\0{}", b"\0nonsense", b'\0{"kind": "x"}', b"a\0b"])
def test_damaged_marks_harm_nothing(make, damage):
    writer, reader = make()
    writer.write([b"one", damage, b"two"])
    (cut,) = reader.read(BIG, 0)
    assert cut.events == ()
    assert b"one\n" in cut.data
    assert cut.data.endswith(b"two\n")
    check([cut], 0)


def test_a_missing_segment_is_a_loss_that_is_told_and_passed(make):
    writer, reader = make(segment_bytes=1)
    for line in (b"one", b"two", b"three"):
        writer.write([line])
    writer.segments()[1].path.unlink()
    cuts = reader.read(BIG, 77)
    assert check(cuts, 0) == writer.end
    assert b"".join(cut.data for cut in cuts) == b"one\nthree\n"
    (event,) = [e for cut in cuts for e in cut.events]
    assert (event.kind, event.is_loss, event.n_lost) == ("lost", True, None)
    assert (event.start, event.end, event.at_ns) == (4, 8, 77)
    assert "4 bytes of received messages cannot be read" in event.message


def test_a_gap_in_the_numbers_is_a_loss(make, tmp_path):
    writer, _ = make(segment_bytes=1)
    for line in (b"one", b"two", b"three"):
        writer.write([line])
    writer.segments()[1].path.unlink()
    writer.close()
    writer, reader = make()
    cuts = reader.read(BIG, 0)
    assert check(cuts, 0) == 14
    assert [len(cut.events) for cut in cuts] == [0, 1, 0]


def test_a_segment_that_was_cut_short_or_zeroed_is_passed(make):
    writer, reader = make(segment_bytes=1)
    for line in (b"one", b"two", b"three", b"four"):
        writer.write([line])
    _, second, third, _ = writer.segments()
    second.path.write_bytes(b"tw")
    third.path.write_bytes(b"\0" * 6)
    cuts = reader.read(BIG, 0)
    assert check(cuts, 0) == writer.end
    assert b"".join(cut.data for cut in cuts) == b"one\nfour\n"
    assert [e.kind for cut in cuts for e in cut.events] == ["lost", "lost"]


def test_something_else_in_a_segments_place_is_refused(make):
    writer, reader = make()
    writer.write([b"one"])
    path = writer.segments()[0].path
    path.unlink()
    path.mkdir()
    with pytest.raises((SourceError, OSError)):
        reader.read(BIG, 0)


def test_a_read_segment_is_not_held_open(make):
    writer, reader = make(segment_bytes=1)
    writer.write([b"one"])
    writer.write([b"two"])
    reader.read(BIG, 0)
    reader.read(BIG, 0)
    assert writer.release(4) == 1
    assert reader._open_first == 4


@given(
    batches=st.lists(
        st.lists(
            st.one_of(
                st.binary(max_size=20).map(
                    lambda b: b.replace(b"\n", b"").replace(b"\0", b"").replace(b"\r", b"")
                ),
                st.just(EVENT),
            ),
            min_size=1,
            max_size=5,
        ),
        max_size=12,
    ),
    segment_bytes=st.integers(1, 60),
    max_lines=st.integers(1, 4),
    step=st.integers(1, 50),
)
def test_whatever_is_written_is_read_in_order(
    tmp_path_factory, batches, segment_bytes, max_lines, step
):
    writer = SpoolWriter(tmp_path_factory.mktemp("s") / "spool", BIG, segment_bytes)
    reader = SpoolReader(writer, 0, ReadLimits(max_lines=max_lines))
    cuts, written, events = [], [], 0
    for batch in batches:
        for one in batch:
            if one is EVENT:
                events += writer.write_events([one])
            else:
                written.append(one)
                assert writer.write([one]) == 1
        cuts += reader.read(step, 0)
    while more := reader.read(step, 0):
        cuts += more
    reader.close()
    writer.close()
    assert check(cuts, 0) == writer.end
    assert b"".join(cut.data for cut in cuts).split(b"\n")[:-1] == written
    assert sum(len(cut.events) for cut in cuts) == events
