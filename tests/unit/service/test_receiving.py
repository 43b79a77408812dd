import os
import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import SpoolWriter, event_line
from soc_copilot.service import receiving
from soc_copilot.service.frames import frame
from soc_copilot.service.receiving import Receiver, lines_since
from tests.unit.service.parts import PATIENCE_S

EVENT = event_line(SourceEvent("note", "something", 1))


class Sender:
    """The service's end: a pipe to a receiver, and what that told."""

    def __init__(self) -> None:
        reading, writing = os.pipe()
        self._stream = os.fdopen(reading, "rb")
        self._pipe = os.fdopen(writing, "wb", buffering=0)
        self._told: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.receiver = Receiver(self._stream, self._told.put)
        self.receiver.listen()

    def send(self, number: int, *lines: bytes) -> None:
        self._pipe.write(frame(number, b"\n".join(lines)))

    def told(self) -> dict[str, Any]:
        return self._told.get(timeout=PATIENCE_S)

    def has_told(self) -> bool:
        return not self._told.empty()

    def cut(self) -> None:
        self._pipe.close()

    def end(self) -> None:
        self.cut()
        assert self.receiver.is_cut.wait(PATIENCE_S)
        self._stream.close()


@pytest.fixture
def sender() -> Iterator[Sender]:
    found = Sender()
    yield found
    found.end()


def lines_in(folder: Path) -> list[bytes]:
    data = b"".join(path.read_bytes() for path in sorted(folder.glob("*.spool")))
    return data.split(b"\n")[:-1]


def test_lines_are_in_the_spool_when_that_is_said(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20)
    sender.send(1, b"before it is open")
    sender.receiver.begin()
    sender.receiver.start(spool)
    assert sender.told() == {"kind": "open", "end": 0}
    assert sender.told() == {"kind": "taken", "number": 1, "end": spool.end}
    sender.send(2, b"b", EVENT, b"c")
    assert sender.told() == {"kind": "taken", "number": 2, "end": spool.end}
    assert lines_in(tmp_path) == [b"before it is open", b"b", EVENT, b"c"]
    assert sender.receiver.status().state == "live"
    assert sender.receiver.take_events() == ()
    assert not sender.receiver.is_over.is_set()
    sender.cut()
    assert sender.receiver.is_over.wait(PATIENCE_S)
    spool.close()


def test_what_stands_in_the_spool_already_is_left_out(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20)
    spool.write([b"answered"])
    first = spool.end
    spool.write([b"a", b"a"])
    spool.write_events([SourceEvent("note", "the reader's own", 1)])
    spool.write([EVENT, b"b"])
    spool.close()
    path = next(tmp_path.glob("*.spool"))
    path.write_bytes(path.read_bytes() + b"to")  # killed in the midst of a line

    found = lines_since(tmp_path, first)
    assert found is not None
    assert (found[:2], found[3:]) == ([b"a", b"a"], [EVENT, b"b"])
    spool = SpoolWriter(tmp_path, 1 << 20)
    assert spool.n_cut_bytes == 0  # so that nobody tells it as lost
    sender.receiver.begin(first, found)
    sender.receiver.start(spool)
    sender.told()
    sender.send(7, b"a", b"a", EVENT, b"b", b"torn", b"new")
    assert sender.told()["number"] == 7
    sender.send(8, b"a")
    assert sender.told()["number"] == 8
    lines = lines_in(tmp_path)
    assert lines[:3] == [b"answered", b"a", b"a"]
    assert lines[4:] == [EVENT, b"b", b"torn", b"new", b"a"]
    spool.close()


def test_what_stands_there_alone_is_answered_without_writing(
    sender: Sender, tmp_path: Path
) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20)
    spool.write([b"a"])
    sender.receiver.begin(0, [b"a"])
    sender.receiver.start(spool)
    sender.told()
    sender.send(1, b"a")
    assert sender.told() == {"kind": "taken", "number": 1, "end": spool.end}
    assert lines_in(tmp_path) == [b"a"]
    spool.close()


def test_lines_of_somebody_else_are_no_reason_to_leave_any_out(
    sender: Sender, tmp_path: Path
) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20)
    sender.receiver.begin(0, [b"strange", b"a"])
    sender.receiver.start(spool)
    sender.send(1, b"a", b"b")
    assert [sender.told()["kind"] for _ in range(2)] == ["open", "taken"]
    assert lines_in(tmp_path) == [b"a", b"b"]
    spool.close()


def test_segments_stay_until_what_they_hold_is_answered(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20, segment_bytes=10)
    held: list[int | None] = []
    hold = spool.hold

    def seen(first: int | None) -> None:
        held.append(first)
        hold(first)

    spool.hold = seen  # type: ignore[method-assign]
    sender.receiver.begin()
    sender.receiver.start(spool)
    for number in range(1, 4):
        sender.send(number, b"x" * 20)
    sender.cut()
    assert sender.receiver.is_over.wait(PATIENCE_S)
    assert held == [None, 0, None, 21, None, 42, None]
    spool.close()


def test_gone_lines_are_told(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20, segment_bytes=10)
    for _ in range(3):
        spool.write([b"x" * 20])
    spool.release(42)
    spool.close()
    assert lines_since(tmp_path, 42) == [b"x" * 20]
    assert lines_since(tmp_path, 21) is None
    assert lines_since(tmp_path / "none", 0) == []
    sender.receiver.begin(21, None)
    (event,) = sender.receiver.take_events()
    assert "twice" in event.message
    assert sender.receiver.take_events() == ()


def test_a_full_spool_takes_the_rest_when_there_is_room(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 100)
    sender.receiver.begin()
    sender.receiver.start(spool)
    sender.told()
    lines = [b"%020d" % n for n in range(10)]
    sender.send(1, *lines[:4])
    end = sender.told()["end"]
    sender.send(2, *lines[4:7])
    spool.release(end)
    assert sender.told()["number"] == 2
    assert not sender.has_told()
    assert lines_in(tmp_path)[-3:] == lines[4:7]
    spool.close()


def test_at_the_services_end_a_full_spool_takes_all(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 100)
    sender.receiver.begin()
    sender.receiver.start(spool)
    lines = [b"%020d" % n for n in range(50)]
    sender.send(1, *lines)
    sender.cut()
    assert sender.receiver.is_over.wait(PATIENCE_S)
    assert lines_in(tmp_path) == lines
    spool.close()


def test_a_stopped_one_goes_on_in_the_next_spool(sender: Sender, tmp_path: Path) -> None:
    spool = SpoolWriter(tmp_path, 1 << 20)
    sender.receiver.begin()
    sender.receiver.start(spool)
    sender.send(1, b"a")
    assert [sender.told()["kind"] for _ in range(2)] == ["open", "taken"]
    assert sender.receiver.stop(PATIENCE_S)
    spool.close()
    sender.send(2, b"b")
    spool = SpoolWriter(tmp_path, 1 << 20)
    sender.receiver.start(spool)
    assert sender.told() == {"kind": "open", "end": 2}
    assert sender.told()["number"] == 2
    assert lines_in(tmp_path) == [b"a", b"b"]
    spool.close()


def test_without_a_spool_it_ends_all_the_same(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(receiving, "_LAST_S", 0.01)
    monkeypatch.setattr(receiving, "_LOOK_S", 0.01)
    sender.receiver.begin()
    sender.send(1, b"a", b"b")
    sender.cut()
    assert sender.receiver.is_over.wait(PATIENCE_S)
    assert "lost: no spool took them. n=2" in caplog.text
