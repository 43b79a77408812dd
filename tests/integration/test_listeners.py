"""Listeners and real senders: `logger` and rsyslogd, across restarts and kills of ours."""

import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from soc_copilot.domain.records import Checkpoint, SourceEvent
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.listeners import make_listener
from soc_copilot.ingestion.spool import SpoolWriter
from soc_copilot.ingestion.spooled import SpooledSource
from tests.benchmarks.udp_syslog import measure
from tests.integration.conftest import PATIENCE_S, wait_until
from tests.integration.rsyslog import Rsyslog, find_program
from tests.tools.ports import free_port

_NUMBER = re.compile(rb"number=(\d+)=$")


class Receiver:
    """A spooled source and a store that takes only chunks which follow what it holds."""

    def __init__(self, folder: Path, kind: str, **options: str) -> None:
        self.folder, self.kind = folder, kind
        self.options = SourceOptions.checked(kind, options)
        self.port = free_port(
            socket.SOCK_DGRAM if kind == "syslog-udp" else socket.SOCK_STREAM,
        )
        self.positions: dict[int, Checkpoint] = {}
        self.lines: list[bytes] = []
        self.events: list[SourceEvent] = []
        self.open()

    def open(self) -> None:
        listener = make_listener(self.kind, f"127.0.0.1:{self.port}", self.options)
        self.source = SpooledSource(
            self.folder / "spool",
            listener,
            source_id=1,
            max_bytes=1 << 30,
            checkpoints=tuple(self.positions.values()),
        )
        self.poll()
        assert self.source.status().state == "listening", self.source.status().detail

    def poll(self) -> int:
        """Store what came; returns how many lines are stored by now."""
        for chunk in self.source.poll():
            held = self.positions.get(chunk.generation)
            assert chunk.start == (held.offset if held else -1)
            self.positions[chunk.generation] = chunk.checkpoint
            self.lines += chunk.data.split(b"\n")[:-1]
            self.events += chunk.events
            self.source.committed(chunk.checkpoint)
        return len(self.lines)

    def restart(self) -> None:
        """Stop and make everything again from what is stored."""
        self.source.close()
        self.open()

    def wait_for(self, n: int) -> list[bytes]:
        """Messages without their senders, once there are so many."""
        wait_until(lambda: self.poll() >= n, f"{n} messages are stored")
        return [line.partition(b"\t")[2] for line in self.lines]


@pytest.fixture
def papers(tmp_path: Path) -> dict[str, str]:
    ca = trustme.CA()
    issued = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "cert.pem"))
    return {
        "tls_certificate": str(tmp_path / "cert.pem"),
        "tls_key": str(tmp_path / "key.pem"),
    }


@pytest.fixture
def closing() -> Iterator[list[object]]:
    things: list[object] = []
    yield things
    for thing in things:
        thing.source.close() if isinstance(thing, Receiver) else thing.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("syslog-udp", ("-d",)),
        ("syslog-tcp", ("-T",)),
        ("syslog-tcp", ("-T", "--octet-count")),
        ("syslog-tcp", ("-T", "--rfc3164")),
    ],
)
def test_logger_is_understood(
    tmp_path: Path, closing: list[object], kind: str, words: tuple[str, ...]
) -> None:
    receiver = Receiver(tmp_path, kind)
    closing.append(receiver)
    logger = find_program("logger", "bsdutils")
    for message in ("first of two", "second, with 'quotes' and\ttab"):
        subprocess.run(
            [logger, "-n", "127.0.0.1", "-P", str(receiver.port), *words, "-t", "app", message],
            check=True,
            timeout=PATIENCE_S,
        )
    messages = receiver.wait_for(2)
    assert [m[:1] for m in messages] == [b"<", b"<"]
    assert messages[0].endswith(b"first of two")
    assert messages[1].endswith(b"second, with 'quotes' and\ttab")
    assert re.match(rb"127\.0\.0\.1:\d+\t<13>", receiver.lines[0])


class Numbers(threading.Thread):
    """Writes numbered lines until it is told that there are enough."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.n = path, 1
        self.begun, self.is_enough = threading.Event(), threading.Event()

    def run(self) -> None:
        with self.path.open("ab", buffering=0) as f:
            f.write(b"number=0=\n")
            assert self.begun.wait(PATIENCE_S)
            while not self.is_enough.is_set():
                f.write(b"".join(b"number=%d=\n" % k for k in range(self.n, self.n + 50)))
                self.n += 50
                time.sleep(0.001)  # not much faster than rsyslog forwards

    def close(self) -> None:
        self.begun.set()
        self.is_enough.set()
        self.join(PATIENCE_S)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "framing"),
    [
        ("syslog-tcp", "octet-counted"),
        ("syslog-tcp", "traditional"),
        ("syslog-tls", "octet-counted"),
    ],
)
def test_rsyslog_loses_and_repeats_nothing_while_we_restart(
    tmp_path: Path, closing: list[object], papers: dict[str, str], kind: str, framing: str
) -> None:
    is_tls = kind == "syslog-tls"
    receiver = Receiver(tmp_path, kind, **(papers if is_tls else {}))
    ca = tmp_path / "ca.pem" if is_tls else None
    rsyslog = Rsyslog(tmp_path / "rsyslog", receiver.port, ca=ca, framing=framing)
    closing += [receiver, rsyslog]
    writer = Numbers(rsyslog.input)
    closing.append(writer)
    writer.start()
    wait_until(lambda: receiver.poll() == 1, "rsyslog forwards its first message")
    writer.begun.set()
    for _ in range(4):  # and it writes all the while
        before = len(receiver.lines)
        wait_until(lambda before=before: receiver.poll() > before + 5_000, "more came")  # type: ignore[misc]
        receiver.restart()
    writer.close()
    n = writer.n
    messages = receiver.wait_for(n)
    numbers = [int(found[1]) for m in messages if (found := _NUMBER.search(m))]
    assert sorted(numbers) == list(range(n))
    assert len(messages) == n
    assert [e.message for e in receiver.events if e.is_loss] == []


@pytest.mark.slow
def test_udp_under_load_is_stored_or_counted() -> None:
    found = measure(rate=20_000, seconds=3.0)
    assert found["stored"] + found["counted"] == found["sent"] == 60_000
    assert found["counted"] == found["dropped_by_kernel"] + found["refused_by_spool"]
    assert found["stored"] > 0


_WRITE = """
import pathlib, sys
from soc_copilot.ingestion.spool import SpoolWriter
spool = SpoolWriter(pathlib.Path(sys.argv[1]), 1 << 30, 100_000)
n = int(sys.argv[2])
while True:
    taken = spool.write([b"number=%d=" % i for i in range(n, n + 37)])
    n += taken
    print(n, flush=True)
"""


def test_a_killed_writer_leaves_whole_lines_in_order(tmp_path: Path) -> None:
    folder, written = tmp_path / "spool", 0
    for turn in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", _WRITE, str(folder), str(written)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        for _ in range(50 + 97 * turn):
            told = int(child.stdout.readline())
        child.kill()
        told = int((child.communicate()[0].split() or [told])[-1])
        spool = SpoolWriter(folder, 1 << 30)
        lines = b"".join(s.path.read_bytes() for s in spool.segments()).split(b"\n")
        spool.close()
        assert lines.pop() == b""
        assert lines == [b"number=%d=" % i for i in range(len(lines))]
        assert len(lines) >= told, "what was told to be written is there"
        written = len(lines)
