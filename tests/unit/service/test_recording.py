import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from soc_copilot.detection.web.detector import Verdict
from soc_copilot.detection.web.request import Request
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import MAX_LINE_BYTES
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.service import ServiceFormat
from soc_copilot.service import recording
from soc_copilot.service.recording import ServiceProducer, line_of
from soc_copilot.service.wire import Checked
from tests.unit.service.parts import PATIENCE_S

AT = datetime(2026, 3, 10, 9, 0, 0, 123456, tzinfo=UTC)
PASS = Verdict(0.125, is_threat=False, kind="", reasons=())
THREAT = Verdict(
    0.99, is_threat=True, kind="sqli", reasons=(), technique="T1190", part="body", text="x' or 1",
)  # fmt: skip
HEADERS = {"User-Agent": "a\nb", "Cookie": "sid=1", "X-A": "1", "Host": "shop.example"}
CHECKED = Checked(Request("POST", "/a", "q=1", HEADERS, "x' or 1\0\r\n"), "192.0.2.7", "mine")


def parsed(line: bytes) -> dict[str, object]:
    frame = ServiceFormat().parse(pl.Series([line.decode()]), ParseContext(AT))
    return frame.row(0, named=True)


def test_a_line_comes_back_as_it_was_said() -> None:
    line = line_of(CHECKED, THREAT, "v1", AT)
    assert not {b"\n", b"\r", b"\0"} & {bytes([byte]) for byte in line}
    row = parsed(line)
    assert row[c.KIND] == c.KIND_EVENT
    assert row[c.TIMESTAMP] == AT
    assert (row[c.SOURCE_IP], row[c.URL], row[c.METHOD]) == ("192.0.2.7", "/a?q=1", "POST")
    assert (row[c.URL_PATH], row[c.URL_QUERY]) == ("/a", "q=1")
    assert (row[c.WEB_SCORE], row[c.WEB_THREAT]) == (pytest.approx(0.99), True)
    assert (row[c.WEB_CLASS], row[c.WEB_VERSION]) == ("sqli", "v1")
    assert (row[c.WEB_TEXT], row[c.BODY]) == ("x' or 1", "x' or 1\0\r\n")
    assert (row[c.USER_AGENT], row["url.domain"]) == ("a\nb", "shop.example")


def test_of_harmless_requests_no_bodies_and_of_none_passwords_are_kept() -> None:
    quiet = json.loads(line_of(CHECKED, PASS, "v1", AT))
    assert c.BODY not in quiet
    assert "headers" not in quiet
    assert json.loads(line_of(CHECKED, THREAT, "v1", AT))["headers"] == {
        "Cookie": "(not kept)",
        "X-A": "1",
    }
    assert parsed(line_of(CHECKED, PASS, "v1", AT))[c.WEB_THREAT] is False


def test_no_line_outgrows_what_is_read_of_one() -> None:
    headers = {f"X-{i}": "é" * 100_000 for i in range(100)} | {"Referer": "\x01" * 100_000}
    request = Request("A" * 32, "/" + "\x01" * 10**6, "", headers, "\x01" * 10**6)
    verdict = Verdict(0.99, is_threat=True, kind="sqli", reasons=(), text="\x01" * 10**6)
    line = line_of(Checked(request), verdict, "v1", AT)
    assert len(line) < MAX_LINE_BYTES
    assert len(line_of(Checked(Request(path="/" + "a" * 10**6)), PASS, "v1", AT)) < MAX_LINE_BYTES


def lines_in(folder: Path) -> list[bytes]:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.spool"))).splitlines()


def test_what_is_observed_is_in_the_spool(tmp_path: Path) -> None:
    producer = ServiceProducer("v1", address="http://127.0.0.1:1")
    producer.observe([CHECKED], [PASS], 0.0)  # before the spool is open
    spool = SpoolWriter(tmp_path, 1 << 20)
    producer.start(spool)
    producer.observe([CHECKED, CHECKED], [THREAT, PASS], 0.0)
    producer.flush()
    assert [json.loads(line)[c.WEB_THREAT] for line in lines_in(tmp_path)] == [False, True, False]
    assert producer.status().state == "listening"
    assert producer.stop(1.0)
    spool.close()
    assert (producer.n_lost, producer.take_events()) == (0, ())


def test_only_threats_when_that_is_asked_for(tmp_path: Path) -> None:
    producer = ServiceProducer("v1", "threats")
    spool = SpoolWriter(tmp_path, 1 << 20)
    producer.start(spool)
    producer.observe([CHECKED, CHECKED], [THREAT, PASS], 0.0)
    assert producer.stop(PATIENCE_S)
    spool.close()
    assert len(lines_in(tmp_path)) == 1


def test_what_finds_no_room_is_counted_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_LOSS_GAP_S", 0.0)
    producer = ServiceProducer("v1")
    spool = SpoolWriter(tmp_path, 4_000)
    producer.start(spool)
    producer.observe([CHECKED] * 100, [PASS] * 100, 0.0)
    producer.flush()
    n_kept = len(lines_in(tmp_path))
    assert 0 < n_kept < 100
    assert "full" in producer.trouble()
    (event,) = producer.take_events()
    assert (event.kind, event.is_loss, event.n_lost) == ("lost", True, 100 - n_kept)
    assert producer.take_events() == ()
    assert producer.stop(PATIENCE_S)
    spool.close()


def test_what_is_noted_is_handed_out_once() -> None:
    producer = ServiceProducer("v")
    producer.note("The model url fails.")
    (event,) = producer.take_events()
    assert (event.kind, event.message, event.is_loss) == ("note", "The model url fails.", False)
    assert producer.take_events() == ()


def test_nobody_waits_for_the_disk_and_a_stop_writes_all(tmp_path: Path) -> None:
    producer = ServiceProducer("v1")
    spool = SpoolWriter(tmp_path, 1 << 20)
    may_write, is_writing = threading.Event(), threading.Event()
    write = spool.write

    def slow(lines: Sequence[bytes]) -> int:
        is_writing.set()
        assert may_write.wait(PATIENCE_S)
        return write(lines)

    spool.write = slow  # type: ignore[method-assign]
    producer.start(spool)
    producer.observe([CHECKED], [PASS], 0.0)
    assert is_writing.wait(PATIENCE_S)
    producer.observe([CHECKED], [THREAT], 0.0)  # returns although the disk takes nothing
    assert not producer.stop(0.01)
    with pytest.raises(SourceError, match="still writes"):
        producer.start(spool)
    may_write.set()
    assert producer.stop(PATIENCE_S)
    assert [json.loads(line)[c.WEB_THREAT] for line in lines_in(tmp_path)] == [False, True]
    spool.close()


def test_it_may_be_stopped_and_started_again(tmp_path: Path) -> None:
    producer = ServiceProducer("v1")
    assert producer.stop(PATIENCE_S)
    for i in range(3):
        spool = SpoolWriter(tmp_path, 1 << 20)
        producer.start(spool)
        producer.observe([CHECKED], [PASS], 0.0)
        assert producer.stop(PATIENCE_S)
        producer.observe([CHECKED], [PASS], 0.0)
        assert producer.stop(PATIENCE_S)
        producer.flush()  # nowhere to write: kept
        assert len(lines_in(tmp_path)) == 2 * i + 1
        spool.close()
    assert "service-recording" not in {thread.name for thread in threading.enumerate()}


def test_what_memory_may_not_hold_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MAX_KEPT_BYTES", 1_000)
    producer = ServiceProducer("v1")
    producer.observe([CHECKED], [PASS], 0.0)
    assert producer.trouble() == ""
    producer.observe([CHECKED] * 10, [PASS] * 10, 0.0)
    assert producer.n_lost == 10
    assert "full" in producer.trouble()
    (event,) = producer.take_events()
    assert event.n_lost == 10


def test_what_is_not_written_yet_is_counted_until_it_is(tmp_path: Path) -> None:
    producer = ServiceProducer("v1")
    assert producer.n_waiting_bytes == 0
    producer.observe([CHECKED], [PASS], 0.0)
    n_bytes = producer.n_waiting_bytes
    assert n_bytes > 100
    seen: list[int] = []

    class Sink:
        def write(self, lines: Sequence[bytes], /) -> int:
            seen.append(producer.n_waiting_bytes)
            return len(lines)

    producer.start(Sink())
    assert producer.stop(PATIENCE_S)
    assert seen == [n_bytes]
    assert producer.n_waiting_bytes == 0


def test_the_last_loss_does_not_wait_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_MAX_KEPT_BYTES", 1)
    producer = ServiceProducer("v1")
    producer.observe([CHECKED], [PASS], 0.0)
    assert [event.n_lost for event in producer.take_events()] == [1]
    producer.observe([CHECKED] * 2, [PASS] * 2, 0.0)
    assert producer.take_events() == ()
    assert [event.n_lost for event in producer.take_events(is_last=True)] == [2]
