"""Real programs write and rotate their logs under load; every line is stored exactly once."""

import http.client
import re
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.governance.database import Governance
from tests.integration.conftest import PATIENCE_S, Terminal, wait_until
from tests.tools.archived import archived_lines
from tests.tools.ports import free_port

LINES = 8_000
BLOCK = 4_000  # lines of one writer; there is another one until the log was rotated often enough
ROTATIONS = 4
REQUESTS = 2_000
NUMBER = re.compile(r"(?:line |/n/)(\d{9})")


def program(name: str, package: str) -> str:
    """Where a program from Debian's packages is; the set-up of the tests installs it."""
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin")
    assert found, f"{name} is missing: install the package {package} (bootstrap.py test does)."
    return found


def stored(terminal: Terminal) -> Counter[int]:
    """How often each number stands in the archive."""
    with terminal.governance() as governance:
        lines = list(archived_lines(governance))
    found = [NUMBER.search(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match][:3]
    return Counter(int(match[1]) for match in found if match)


def declared(terminal: Terminal) -> list[str]:
    return [row["message"] for row in terminal.rows("sources", "events") if row.get("is_loss")]


class Watch:
    """The program under test, running while a log is written; it only reads and archives."""

    def __init__(self, terminal: Terminal, log: Path) -> None:
        self.terminal, self.log = terminal, log
        log.touch()
        terminal.only()
        with terminal.governance() as governance:
            self.words = ("watch", log, "--from-start", "--batch-interval", "0.1")
            self.child = terminal.start(*self.words)
            wait_until(
                lambda: self._is_known(governance),
                "the source has a position: what comes later is its own",
            )

    def _is_known(self, governance: Governance) -> bool:
        assert self.child.poll() is None, self.child.communicate()[0]
        return any(governance.sources.checkpoints(s.id) for s in governance.sources.list())

    def end(self) -> None:
        """Stop it as a person does, then read what is left."""
        self.child.send_signal(signal.SIGINT)
        out, _ = self.child.communicate(timeout=PATIENCE_S)
        assert "Traceback" not in out, out
        self.terminal.run(*self.words, "--until-idle", "2")


def write(handler: str, log: Path, first: int, count: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.tools.numbered_writer", handler, str(log)]
    return subprocess.Popen([*words, str(first), str(count)])


@pytest.mark.slow
def test_pythons_rotating_handler(terminal: Terminal, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    watch = Watch(terminal, log)
    assert write("rotating", log, 0, LINES).wait(PATIENCE_S) == 0
    assert len(list(log.parent.iterdir())) > 20, "It never rotated: nothing was tested."
    watch.end()
    found = stored(terminal)
    assert set(found) == set(range(LINES))
    assert set(found.values()) == {1}
    assert not declared(terminal)


@pytest.mark.slow
def test_logrotate_with_a_watching_handler(terminal: Terminal, tmp_path: Path) -> None:
    """Rename, create a new file, pack the old ones; the writer moves over by itself."""
    log = tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    watch = Watch(terminal, log)
    written = write_and_rotate("watched", log, "create 0600\n compress\n delaycompress")
    watch.end()
    found = stored(terminal)
    assert set(found) == set(range(written))
    assert set(found.values()) == {1}
    assert not declared(terminal)


@pytest.mark.slow
def test_logrotate_with_copytruncate(terminal: Terminal, tmp_path: Path) -> None:
    """What copytruncate itself loses is in no file; what is in a file is stored once."""
    log = tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    watch = Watch(terminal, log)
    write_and_rotate("plain", log, "copytruncate")
    watch.end()
    found = stored(terminal)
    on_disk = {
        int(n) for file in log.parent.iterdir() for n in NUMBER.findall(file.read_text("latin-1"))
    }
    assert on_disk <= set(found), sorted(on_disk - set(found))[:5]
    assert set(found.values()) == {1}


def write_and_rotate(handler: str, log: Path, how: str) -> int:
    """Run logrotate again and again while a writer writes; returns how many lines it wrote."""
    logrotate = program("logrotate", "logrotate")
    config = log.parent.parent / "logrotate.conf"
    config.write_text(f'"{log}" {{\n rotate 400\n missingok\n {how}\n}}\n')
    config.chmod(0o600)
    state = config.with_suffix(".state")
    rotations = written = 0
    while rotations < ROTATIONS:
        writer = write(handler, log, written, BLOCK)
        written += BLOCK
        while writer.poll() is None:
            if log.exists() and log.stat().st_size > 20_000:
                done = subprocess.run(
                    [logrotate, "-f", "-s", str(state), str(config)],
                    capture_output=True, text=True, timeout=PATIENCE_S, check=False,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr
                rotations += 1
            time.sleep(0.15)
        assert writer.returncode == 0
    return written


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator["Nginx"]:
    server = Nginx(tmp_path / "nginx")
    yield server
    server.close()


class Nginx:
    """A web server on a free port that logs every request."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.port = free_port()
        self.log = folder / "access.log"
        config = folder / "nginx.conf"
        config.write_text(
            textwrap.dedent(f"""
                worker_processes 2;
                pid {folder}/nginx.pid;
                error_log {folder}/error.log;
                events {{ worker_connections 128; }}
                http {{
                    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
                    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
                    scgi_temp_path {folder}/scgi;
                    access_log {self.log} combined;
                    keepalive_requests 100000;
                    server {{ listen 127.0.0.1:{self.port}; location / {{ return 204; }} }}
                }}
            """)
        )
        words = [program("nginx", "nginx-light"), "-p", str(folder), "-c", str(config)]
        self.process = subprocess.Popen([*words, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        wait_until(self._answers, "nginx answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, "nginx ended by itself."
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def rotate(self, n: int) -> None:
        """Rename the log and have nginx open a new one, as its manual says."""
        self.log.rename(self.log.with_name(f"access.log.{n}"))
        self.process.send_signal(signal.SIGUSR1)

    def close(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE_S)


@pytest.mark.slow
def test_nginx_under_load_with_rotations(terminal: Terminal, nginx: Nginx) -> None:
    watch = Watch(terminal, nginx.log)
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port)
    for n in range(REQUESTS):
        connection.request("GET", f"/n/{n:09d}")
        connection.getresponse().read()
        if n % 500 == 300:
            nginx.rotate(10 - n // 500)
    connection.close()
    watch.end()
    found = stored(terminal)
    assert set(found) == set(range(REQUESTS))
    assert set(found.values()) == {1}
    assert not declared(terminal)
