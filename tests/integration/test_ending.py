"""Asked to end, a run stores what it has read, says what became of it, and ends in time."""

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Terminal, access_lines
from tests.tools.ports import free_port

ENDS_IN_S = 60.0  # far above what it takes; the limits of the parts add up to less


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_with_files_and_listeners(
    terminal: Terminal, tmp_path: Path, number: signal.Signals
) -> None:
    terminal.only("auth")
    log = tmp_path / "access.log"
    log.write_text("".join(access_lines(2_000)) + "192.0.2.1 - - [20/Nov")
    address = f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    child = terminal.start(
        "watch", log, "--from-start", "--listen", f"syslog-udp={address}", "--batch-interval", "60"
    )
    terminal.wait_for_start()
    host, port = address.split(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<13>Nov 20 10:00:00 gw app: hello", (host, int(port)))
    child.send_signal(number)
    try:
        said, _ = child.communicate(timeout=ENDS_IN_S)
    except subprocess.TimeoutExpired:
        pytest.fail("The run did not end.")
    assert child.returncode == 0, said
    assert "alerts raised" in said
    assert "Traceback" not in said
    rows = terminal.rows("sources", "ledger")
    assert all(row["adds_up"] for row in rows)
    # What was read by then was stored, although no batch was due for a minute.
    (stored,) = (row["lines"] for row in rows if row["name"] == "access.log")
    assert stored in {0, 2_000}
    actions = [row["action"] for row in terminal.rows("audit", "list")]
    assert "ingestion.stopped" in actions
