"""A real nginx as a child process, on ports that are its own before it starts."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.integration.rsyslog import find_program

PATIENCE_S: Final = 60.0  # far above what starting and stopping take


def listening() -> socket.socket:
    """A listening socket on a free loopback port; nginx takes it over, so nobody else can."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=511)
    sock.set_inheritable(True)
    return sock


class Nginx:
    """nginx in the foreground.

    Args:
        folder: Its own, there already; configuration and everything that it writes are in there.
        config: Text of nginx.conf. The main context's `pid`, `user`, `error_log` and `daemon`
            are set here, temporary files kept in the folder.
        sockets: From `listening`; `listen` directives with their addresses use them. They are
            closed here.
        log_level: Of the error log.
    """

    def __init__(
        self, folder: Path, config: str, *sockets: socket.socket, log_level: str = "warn"
    ) -> None:
        self.folder = folder
        path = folder / "nginx.conf"
        path.write_text(config, encoding="utf-8")
        main = f"daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log {log_level};"
        if os.geteuid() == 0:
            main += " user root;"  # the folder is ours alone
        numbers = [sock.fileno() for sock in sockets]
        self._output = (folder / "nginx.out").open("wb")
        self._child = subprocess.Popen(
            [find_program("nginx", "nginx-light"), "-p", folder, "-c", path, "-g", main],
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=numbers,
            # How nginx hands its sockets to a new binary.
            env={**os.environ, "NGINX": "".join(f"{n};" for n in numbers)},
        )
        for sock in sockets:
            sock.close()

    @property
    def is_running(self) -> bool:
        """It has not ended by itself."""
        return self._child.poll() is None

    def wait_ready(self, n_workers: int = 1) -> None:
        """Wait until its workers are there; what it said is in the error when it ends instead."""
        end = time.monotonic() + PATIENCE_S
        while len(self.workers()) < n_workers:
            if not self.is_running or time.monotonic() > end:
                raise RuntimeError(f"nginx does not start:\n{self.complaints()}")
            time.sleep(0.02)

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        pid = self._child.pid
        try:
            found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        except OSError:
            return []
        return [int(word) for word in found.split()]

    def complaints(self) -> str:
        """What it said on its terminal and in its error log."""
        files = (self.folder / "nginx.out", self.folder / "error.log")
        return "".join(f.read_text("utf-8", "replace") for f in files if f.exists())[-4000:]

    def close(self) -> None:
        """Stop it."""
        if self.is_running:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._output.close()


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
