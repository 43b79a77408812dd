"""A real redis-server for tests, on a free port, to be killed and started again; and a worker."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis, RedisError

from soc_copilot.domain.phishing import Content, ContentType
from soc_copilot.phishing.cache import Cache, MemoryCache
from soc_copilot.phishing.engine import Engine
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.redis_store import connect
from soc_copilot.phishing.worker import run_worker
from tests.unit.phishing.parts import PATIENCE_S, FakePart

SERVER = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S * 2
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)
    return found


def read(kind: ContentType, raw: bytes, screenshot: bytes | None) -> Content:
    return Content(kind, raw, raw.decode(), screenshot=screenshot)


class RedisServer:
    """Writes every change to its file before it answers."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as sock:
            self.port = sock.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = folder
        self._child: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert SERVER is not None
        self._child = subprocess.Popen(
            [SERVER, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder),
             "--appendonly", "yes", "--appendfsync", "always", "--save", ""],
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(self.is_up)

    def is_up(self) -> bool:
        try:
            with connect(self.url) as redis:
                return bool(redis.ping())
        except RedisError:
            return False

    def kill(self) -> None:
        assert self._child is not None
        self._child.kill()
        self._child.wait(PATIENCE_S)

    def redis(self) -> Redis:
        return connect(self.url)


class WorkerProcess:
    """`run_worker` over a fake part; notes each content that it begins in a file.

    A content that holds "hold" is held until the file "go" is there.
    """

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self.folder = folder
        self._log = (folder / "worker.log").open("ab")
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.unit.phishing.redis_parts", server.url, str(folder)],
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        assert line == b"ready\n", (folder / "worker.log").read_text()

    def kill(self) -> None:
        self._child.kill()
        self._close()

    def end(self) -> int:
        self._child.send_signal(signal.SIGTERM)
        return self._close()

    def _close(self) -> int:
        assert self._child.stdout is not None
        try:
            return self._child.wait(PATIENCE_S)
        finally:
            self._child.kill()
            self._child.stdout.close()
            self._log.close()


class NotingPart(FakePart):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def analyse(self, content: Content) -> Any:
        with (self._folder / "begun").open("a") as file:
            file.write(f"{content.text}\n")
        while "hold" in content.text and not (self._folder / "go").exists():
            time.sleep(0.02)
        if "kill" in content.text:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().analyse(content)


def begun(folder: Path) -> list[str]:
    path = folder / "begun"
    return path.read_text().splitlines() if path.exists() else []


def engine_of(part: FakePart, cache: Cache | None = None) -> Engine:
    pipeline = Orchestrator([part], timeout_s=PATIENCE_S)
    return Engine(pipeline, cache or MemoryCache(), read)


def _main() -> None:
    url, folder = sys.argv[1], Path(sys.argv[2])
    halted = folder / "halted"

    def ready() -> None:
        sys.stdout.write("ready\n")
        sys.stdout.flush()

    run_worker(
        connect(url),
        engine_of(NotingPart(folder)),
        halted=lambda: "A drill." if halted.exists() else "",
        ready=ready,
    )


if __name__ == "__main__":
    _main()
