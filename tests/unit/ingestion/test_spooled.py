"""A spooled source: positions, deletion, crashes between the two, bounds, and its producer."""

import errno
import os

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, SourceEvent
from soc_copilot.ingestion import spool_reader
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.spooled import ProducerStatus, SpooledSource

SMALL = 8 * 100  # segments of 100 bytes


class StillClock:
    def __init__(self):
        self.at = 1_000.0

    def now_ns(self):
        return 10**18

    def monotonic_s(self):
        return self.at


class Hand:
    """A producer that writes what the test tells it to."""

    def __init__(self):
        self.spool = None
        self.refusals = []
        self.events = []
        self.last_words = []
        self.starts = self.stops = 0

    def start(self, spool):
        self.starts += 1
        if self.refusals:
            raise SourceError(self.refusals.pop())
        self.spool = spool

    def stop(self, timeout_s):
        self.stops += 1
        assert 0 < timeout_s <= 5
        if self.last_words:
            self.spool.write(self.last_words)
        return True

    def status(self):
        return ProducerStatus("listening", "", "udp 127.0.0.1:5514", 3, ("hello",))

    def take_events(self):
        events, self.events = tuple(self.events), []
        return events


class Store:
    """Holds positions as the database would: only chunks that follow are taken."""

    def __init__(self):
        self.positions = {}
        self.lines, self.events = [], []

    def take(self, chunks):
        for chunk in chunks:
            held = self.positions.get(chunk.generation)
            assert chunk.start == (held.offset if held else -1)
            assert chunk.start < 0 or (
                chunk.checkpoint.offset - chunk.start == chunk.lengths.sum() + chunk.n_skipped_bytes
            )
            self.positions[chunk.generation] = chunk.checkpoint
            self.lines += chunk.data.split(b"\n")[:-1]
            self.events += chunk.events

    def tell(self, source):
        for checkpoint in self.positions.values():
            source.committed(checkpoint)


class Desk:
    """One spool, its store, and the source as it is made again and again."""

    def __init__(self, folder):
        self.folder, self.store, self.clock = folder, Store(), StillClock()
        self.source = None

    def open(self, max_bytes=SMALL, limits=None):
        self.hand = Hand()
        self.source = SpooledSource(
            self.folder,
            self.hand,
            source_id=4,
            name="Syslog",
            max_bytes=max_bytes,
            checkpoints=tuple(self.store.positions.values()),
            limits=limits,
            clock=self.clock,
        )
        return self.source

    def poll(self, times=3, tell=True):
        for _ in range(times):
            self.store.take(self.source.poll())
        if tell:
            self.store.tell(self.source)
        return self.store.lines

    def files(self):
        return sorted(int(p.stem) for p in self.folder.glob("*.spool"))

    def close(self):
        if self.source is not None:
            self.source.close()


@pytest.fixture
def desk(tmp_path):
    it = Desk(tmp_path / "spool")
    yield it
    it.close()


def numbered(begin, end):
    return [b"line-%04d" % i for i in range(begin, end)]  # ten bytes each with its end


def test_what_is_received_is_handed_out_once(desk):
    source = desk.open()
    assert isinstance(source, Source)
    assert desk.poll() == []
    assert desk.store.positions[1] == Checkpoint(4, 1, str(desk.folder), 0)
    desk.hand.spool.write(numbered(0, 3))
    assert desk.poll() == numbered(0, 3)
    assert desk.poll() == numbered(0, 3)
    assert desk.hand.starts == 1
    assert desk.store.positions[1].offset == 30


def test_the_producer_starts_at_the_first_poll_only(desk):
    desk.open()
    assert desk.source.status().state == "waiting"
    assert not desk.folder.exists()
    desk.poll(times=1)
    status = desk.source.status()
    assert (status.state, status.address) == ("listening", "udp 127.0.0.1:5514")
    assert (status.n_connections, status.messages, status.name) == (3, ("hello",), "Syslog")


def test_a_restart_goes_on_where_the_store_is(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 5))
    desk.poll()
    desk.hand.spool.write(numbered(5, 9))
    desk.source.poll()  # read, never stored
    desk.source.close()
    desk.open()
    assert desk.poll() == numbered(0, 9)


def test_lines_that_came_before_the_first_position_was_stored_are_read(desk):
    desk.open()
    desk.source.poll()
    desk.hand.spool.write(numbered(0, 5))
    desk.source.close()
    desk.open()
    assert desk.poll() == numbered(0, 5)


def test_closing_stops_the_producer_and_a_later_poll_goes_on(desk):
    desk.open()
    desk.poll()
    desk.hand.last_words = numbered(0, 2)
    desk.hand.events = [SourceEvent("unterminated", "half a message", 5, n_lost=1)]
    desk.source.close()
    desk.source.close()
    assert desk.hand.stops == 1
    assert desk.source.status().address == ""
    desk.hand.last_words = []
    assert desk.poll() == numbered(0, 2)
    assert [e.kind for e in desk.store.events] == ["unterminated"]
    assert desk.hand.starts == 2


def test_segments_go_once_they_are_stored_to_their_end(desk):
    desk.open(max_bytes=10_000_000)
    desk.poll()
    desk.source._spool._segment_bytes = 100
    for i in range(0, 35, 5):
        desk.hand.spool.write(numbered(i, i + 5))
    desk.poll(tell=False)
    assert desk.files() == [0, 100, 200, 300], "read is not stored"
    desk.source.committed(Checkpoint(4, 1, "", 199))
    assert desk.files() == [100, 200, 300]
    desk.source.committed(Checkpoint(4, 9, "", 350))
    assert desk.files() == [100, 200, 300], "another generation's position says nothing"
    desk.source.committed(Checkpoint(4, 1, "", 350))
    assert desk.files() == [300], "the newest stays"


def test_a_crash_between_storing_and_deleting_is_cleaned_up(desk):
    desk.open()
    desk.poll()
    for i in range(0, 35, 5):
        desk.hand.spool.write(numbered(i, i + 5))
    desk.poll(tell=False)
    desk.source.close()
    assert desk.files() == [0, 100, 200, 300]
    desk.open()
    desk.source.poll()
    assert desk.files() == [300]
    assert desk.poll() == numbered(0, 35)
    assert desk.store.events == []


def test_it_fills_to_its_bound_while_nothing_is_stored_and_then_has_room(desk):
    desk.open()
    desk.poll()
    taken = sum(desk.hand.spool.write([line]) for line in numbered(0, 100))
    assert taken == 80
    status = desk.source.status()
    assert status.lag_bytes == 800
    assert "The spool is full" in status.detail
    desk.poll()
    assert desk.hand.spool.write(numbered(80, 81)) == 1
    assert desk.poll() == numbered(0, 81)


def test_a_position_conflict_makes_the_source_again(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 10))
    desk.source.poll()  # refused by the store, say
    desk.source.close()
    desk.open()
    assert desk.poll() == numbered(0, 10)


def test_a_torn_last_line_is_cut_off_and_counted(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 2))
    desk.poll()
    desk.source.close()
    with (desk.folder / f"{0:020d}.spool").open("ab") as f:
        f.write(b"torn")
    desk.open()
    desk.poll(times=1)
    desk.hand.spool.write(numbered(2, 3))
    assert desk.poll() == numbered(0, 3)
    (event,) = desk.store.events
    assert (event.kind, event.is_loss, event.n_lost) == ("unterminated", True, 1)
    assert event.generation == 1
    assert "only 4 bytes" in event.message


def test_events_are_stored_once_whatever_happens(desk):
    desk.open()
    desk.poll()
    desk.hand.events = [SourceEvent("refused", "full", 5, is_loss=True, n_lost=12)]
    desk.source.poll()  # put down, perhaps read, not stored
    desk.source.poll()
    desk.source.close()
    desk.open()
    desk.poll()
    assert [(e.kind, e.n_lost) for e in desk.store.events] == [("refused", 12)]
    assert desk.store.lines == []


def test_events_are_told_though_the_spool_is_full(desk):
    desk.open()
    desk.poll(times=1)
    desk.hand.spool.write(numbered(0, 80))
    desk.hand.events = [SourceEvent("refused", "full", 5, is_loss=True, n_lost=12)]
    desk.poll()
    assert [e.n_lost for e in desk.store.events] == [12]


def test_events_wait_where_the_disk_takes_none(desk, monkeypatch):
    desk.open()
    desk.poll()
    desk.hand.events = [SourceEvent("refused", "full", 5, is_loss=True, n_lost=12)]

    def refuse(fd, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", refuse)
        desk.poll()
        status = desk.source.status()
        assert (status.state, desk.store.events) == ("error", [])
        assert "Make room on its disk" in status.detail
    desk.poll()
    assert [e.n_lost for e in desk.store.events] == [12]
    assert desk.source.status().state == "listening"


def test_a_spool_that_is_another_one_is_a_new_generation(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 5))
    desk.poll()
    desk.source.close()
    (desk.folder / f"{0:020d}.spool").write_bytes(b"other-one\n" * 6)
    desk.open()
    assert desk.poll()[5:] == [b"other-one"] * 6
    assert set(desk.store.positions) == {1, 2}
    (event,) = desk.store.events
    assert (event.kind, event.is_loss, event.n_lost, event.generation) == (
        "replaced",
        True,
        None,
        2,
    )
    desk.source.close()
    desk.open()
    desk.hand.events = []
    desk.poll(times=1)
    desk.hand.spool.write(numbered(5, 6))
    assert desk.poll()[11:] == numbered(5, 6)


def test_an_emptied_spool_goes_on_and_says_so(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 5))
    desk.poll()
    desk.source.close()
    (desk.folder / f"{0:020d}.spool").unlink()
    desk.open()
    desk.poll(times=1)
    desk.hand.spool.write(numbered(5, 6))
    assert desk.poll() == numbered(0, 6)
    assert min(desk.files()) >= 50, "a number is never given twice"
    assert [e.kind for e in desk.store.events] == ["lost"]


def test_what_a_power_cut_took_after_it_was_stored_is_not_missed(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 5))
    desk.poll()
    desk.source.close()
    os.truncate(desk.folder / f"{0:020d}.spool", 30)
    desk.open()
    desk.poll(times=1)
    desk.hand.spool.write(numbered(5, 6))
    assert desk.poll() == numbered(0, 6)
    assert desk.files() == [50]
    assert desk.store.events == []


def test_a_producer_that_cannot_start_is_tried_again_and_the_spool_read_on(desk):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 2))
    desk.source.close()
    desk.open()
    desk.hand.refusals = ["Port 5514 is in use."] * 2
    assert desk.poll() == numbered(0, 2)
    assert desk.hand.starts == 1, "it waits"
    status = desk.source.status()
    assert (status.state, status.detail, status.address) == ("error", "Port 5514 is in use.", "")
    desk.clock.at += 0.3
    desk.poll()
    assert (desk.hand.starts, desk.source.status().state) == (2, "error")
    desk.clock.at += 0.5
    desk.poll()
    assert (desk.hand.starts, desk.source.status().state) == (3, "listening")


def test_a_spool_in_use_is_refused_until_it_is_free(desk):
    other = SpoolWriter(desk.folder, SMALL)
    desk.open()
    assert desk.source.poll() == []
    status = desk.source.status()
    assert status.state == "error"
    assert f"in use by process {os.getpid()}" in status.detail
    assert desk.hand.starts == 0
    other.close()
    desk.clock.at += 1.0
    desk.poll()
    assert desk.source.status().state == "listening"


def test_a_read_that_fails_is_told_and_tried_again(desk, monkeypatch):
    desk.open()
    desk.poll()
    desk.hand.spool.write(numbered(0, 2))

    def refuse(*args):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(spool_reader, "read_at", refuse)
        assert desk.poll() == []
        assert desk.source.status().state == "error"
        assert "Input/output error. It is tried again." in desk.source.status().detail
    assert desk.poll() == numbered(0, 2)
    assert desk.source.status().state == "listening"


def test_lag_is_told_in_bytes_and_seconds(desk):
    desk.open(limits=ReadLimits(block_bytes=10))
    desk.poll()
    assert desk.source.status().lag_s == 0.0
    desk.hand.spool.write(numbered(0, 1))
    assert desk.source.status().lag_s == 0.0, "not seen to wait yet"
    desk.hand.spool.write(numbered(1, 3))
    desk.source.poll(max_bytes=10)  # one line of three
    desk.clock.at += 7.0
    status = desk.source.status()
    assert (status.lag_bytes, status.lag_s) == (20, 7.0)
    desk.source.poll()
    assert (desk.source.status().lag_bytes, desk.source.status().lag_s) == (0, 0.0)
    desk.hand.spool.write(numbered(3, 4))
    desk.source.close()
    desk.open(limits=ReadLimits(block_bytes=10))
    desk.source.poll(max_bytes=1)
    assert desk.source.status().lag_s == -1.0, "older than what was watched"


def test_many_looks_at_a_growing_spool_keep_memory_flat(desk):
    desk.open(max_bytes=1 << 30, limits=ReadLimits(block_bytes=10))
    desk.poll()
    for i in range(10_000):
        desk.hand.spool.write(numbered(i, i + 1))
        desk.clock.at += 1.0
        desk.source._sample(desk.clock.at, desk.source._spool.end)
    assert len(desk.source._samples) <= 4_097
    assert 9_000 < desk.source.status().lag_s <= 10_000
