"""Child processes: their output without waiting, their end, their limits."""

import os
import signal
import sys
import time

import pytest

from soc_copilot.ingestion.child import Child

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits are those of Unix")


def python(code):
    return Child([sys.executable, "-I", "-c", code])


def wait_for(condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def read_all(child):
    parts = []
    wait_for(lambda: parts.append(child.read(1 << 20)) or child.has_ended)
    return b"".join(parts)


def test_output_comes_in_order_and_whole():
    child = python("import sys\nfor i in range(100_000): print(i)")
    assert read_all(child) == b"".join(b"%d\n" % i for i in range(100_000))
    assert child.exit_code == 0
    child.close()


def test_reading_gives_no_more_than_asked_for():
    child = python("print('x' * 99, flush=True)")
    got = b""
    while len(got) < 100:
        part = child.read(7)
        assert len(part) <= 7
        got += part
    wait_for(lambda: child.has_ended)
    assert child.read(7) == b""
    child.close()


def test_writer_waits_when_nobody_reads():
    code = "import sys\nwhile True:\n    sys.stdout.write('x' * 65536); sys.stderr.write('y')"
    child = python(code)
    wait_for(lambda: child._blocks.full())
    assert child.quiet_s == 0.0
    assert not child.has_ended
    child.close()
    assert child.exit_code != 0


def test_silence_is_measured():
    child = python("import time; print(1, flush=True); time.sleep(60)")
    wait_for(lambda: child.read(10) == b"1\n" or child.quiet_s > 30)
    wait_for(lambda: child.quiet_s > 0.05)
    child.close()


def test_end_of_the_error_output_is_kept():
    child = python("import sys; sys.stderr.write('a' * 100_000 + 'the end'); sys.exit(3)")
    read_all(child)
    wait_for(lambda: child.errors.endswith("the end"))
    assert len(child.errors) <= 4096
    assert child.exit_code == 3
    child.close()


@POSIX
def test_closing_ends_everything_the_child_started(tmp_path):
    code = (
        "import subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True); p.wait()"
    )
    child = python(code)
    got = []
    wait_for(lambda: got.append(child.read(100)) or b"".join(got).endswith(b"\n"))
    grandchild = int(b"".join(got))
    child.close()
    child.close()
    assert child.exit_code == -signal.SIGKILL

    def is_gone():
        try:
            os.kill(grandchild, 0)
        except ProcessLookupError:
            return True
        with open(f"/proc/{grandchild}/stat") as stat:  # noqa: PTH123 - not yet reaped
            return stat.read().rpartition(")")[2].split()[0] == "Z"

    wait_for(is_gone)


LIMITED = (
    "from soc_copilot.ingestion.child import Limits, restrict_self\n"
    "restrict_self(Limits(memory_bytes=256 << 20, cpu_s=1))\n"
)


@POSIX
@pytest.mark.parametrize(
    ("deed", "exit_codes"),
    [
        ("x = bytearray(512 << 20)", {1}),
        ("open('made.txt', 'w').write('x')", {0, 1, 120}),
        ("fds = [open('/dev/null') for _ in range(32)]", {1}),
        ("while True: pass", {-signal.SIGKILL, -getattr(signal, "SIGXCPU", 24)}),
        ("print('fine')", {0}),
    ],
)
def test_limits_hold(deed, exit_codes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    child = python(LIMITED + deed)
    read_all(child)
    assert child.exit_code in exit_codes
    assert not any(path.stat().st_size for path in tmp_path.iterdir())
    child.close()
