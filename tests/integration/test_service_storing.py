"""The checking service and the process that stores for it: killed, either of them, and ended."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.service.apart import COMMAND, StoreProcess
from soc_copilot.service.frames import StorePlan
from soc_copilot.settings import SETTINGS
from tests.tools.archived import archived_lines

PATIENCE_S = 120.0
N_CLIENTS = 4
N_KILLS = 3
N_FATAL = 3

# The process that stores, but each of the first ones dies at the worst moment: its lines are in
# the spool and nobody was told, or a line is there by half.
FATAL = f"""
import os, sys
from pathlib import Path
from soc_copilot.ingestion import spool
from soc_copilot.service import storing

starts, how = Path(sys.argv[1]), sys.argv[2]
n = int(starts.read_text()) if starts.exists() else 0
starts.write_text(str(n + 1))

class Teller(storing.Teller):
    n = 0
    def __call__(self, told):
        if told["kind"] == "taken":
            Teller.n += 1
            if how == "untold" and Teller.n == 3:
                os._exit(9)
        super().__call__(told)

class Os:
    def __getattr__(self, name):
        return getattr(os, name)
    def write(self, fd, data):
        if Teller.n == 2:
            os.write(fd, data[: len(data) * 2 // 3])
            os._exit(9)
        return os.write(fd, data)

if n < {N_FATAL}:
    storing.Teller = Teller
    if how == "torn":
        spool.os = Os()
sys.exit(storing.main())
"""

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
    pytest.mark.timeout(600),
]


def until(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def is_alive(pid: int) -> bool:
    """False for one that has ended, waited for or not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def quiet(target: Path) -> None:
    """Switch off every detector of the process that stores: it starts in a fifth of the time."""
    with Governance.open(target, actor=Actor("a", "cli")) as governance:
        for setting in SETTINGS:
            if setting.key.startswith("detection.") and setting.key.endswith(".enabled"):
                governance.settings.set(setting.key, value=False)


class Served:
    """`soc-copilot serve` with numbered requests; nothing of it outlives the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.db = folder / "governance.db"
        self.token_path = folder / "service.token"
        config = folder / "service.yaml"
        config.write_text(
            f"port: 0\ntoken_file: {self.token_path}\nhost_events: false\n"
            "rate_limit: {global_per_s: 0, per_address_per_s: 0}\nphishing: {enabled: no}\n",
            encoding="utf-8",
        )
        self._log = (folder / "log").open("wb")
        self._known: set[int] = set()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soc_copilot.cli", "serve", "--db", self.db,
             "--config", config, "--json"],
            stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.end()
            raise AssertionError((folder / "log").read_text())
        self.port = int(json.loads(line)["url"].rpartition(":")[2])

    def children(self) -> list[int]:
        found: list[int] = []
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{self.process.pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        self._known |= set(found)
        return [pid for pid in found if is_alive(pid)]

    def storing(self) -> int:
        """The process that stores, once there is one."""
        (pid,) = until(self.children)
        return int(pid)

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def call(self, connection: http.client.HTTPConnection, path: str, body: Any = None) -> Any:
        token = self.token_path.read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        connection.request("POST" if data else "GET", path, data, headers)
        answer = connection.getresponse()
        raw = answer.read()
        return json.loads(raw) if raw.startswith(b"{") else raw.decode()

    def check(self, connection: http.client.HTTPConnection, path: str) -> None:
        assert "is_threat" in self.call(connection, "/check", {"path": path})

    def n_unrecorded(self, connection: http.client.HTTPConnection) -> float:
        (line,) = [
            line
            for line in self.call(connection, "/metrics").splitlines()
            if line.startswith("soc_copilot_unrecorded_bytes ")
        ]
        return float(line.split()[1])

    def end(self) -> int:
        """End it as a user does."""
        self.children()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self.clear()

    def clear(self) -> None:
        """Leave nothing behind, whatever happened."""
        self.children()
        self.process.kill()
        self.process.wait(PATIENCE_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._log.close()
        for pid in filter(is_alive, self._known):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Served]]:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    quiet(tmp_path / "governance.db")
    made: list[Served] = []

    def make() -> Served:
        made.append(Served(tmp_path))
        return made[-1]

    yield make
    for one in made:
        one.clear()


def stored(db: Path, home: Path | None = None) -> Counter[str]:
    """How often each path stands in the archive; the ledger must say the same."""
    with Governance.open(db, home=home) as governance:
        (source,) = governance.sources.list()
        found = Counter(json.loads(line)["url.original"] for line in archived_lines(governance))
        ledger = governance.sources.ledger(source.id)
        assert all(part.totals.adds_up for part in ledger)
        assert sum(part.totals.lines for part in ledger) == found.total()
        assert [e for e in governance.sources.events(source.id) if e.event.is_loss] == []
        assert governance.audit.verify().ok
    return found


class Clients:
    """Ask on several connections until told to stop."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._stop = threading.Event()
        self.answered: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(N_CLIENTS)]

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *what: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number: int) -> None:
        connection = self._served.connect()
        n = 0
        while not self._stop.is_set():
            path = f"/client/{number}/{n}"
            self._served.check(connection, path)
            self.answered.append(path)
            n += 1
        connection.close()

    def wait_for(self, n_more: int) -> None:
        end = len(self.answered) + n_more
        until(lambda: len(self.answered) >= end)


def test_who_stores_is_killed_again_and_again_and_nothing_is_lost_or_doubled(
    start: Callable[[], Served],
) -> None:
    served = start()
    watcher = served.connect()
    former: set[int] = set()
    with Clients(served) as clients:
        for _ in range(N_KILLS):
            clients.wait_for(100)
            pid = served.storing()
            former.add(pid)
            os.kill(pid, signal.SIGKILL)
            told = until(lambda: (t := served.call(watcher, "/health"))["status"] != "ok" and t)
            assert "not stored" in told["detail"]
            assert "/" not in told["detail"]  # anybody may ask
            clients.wait_for(100)  # answers go on
            until(lambda: served.call(watcher, "/health")["status"] == "ok")
    assert served.storing() not in former
    watcher.close()
    last = served.storing()
    assert served.end() == 0
    assert not is_alive(last)
    log = (served.folder / "log").read_text()
    assert log.count("The process that stores ended. code=-9") == N_KILLS
    assert stored(served.db) == Counter(clients.answered)


def test_the_service_is_killed_and_what_was_on_disk_is_stored(start: Callable[[], Served]) -> None:
    served = start()
    connection = served.connect()
    kept = [f"/kept/{n}" for n in range(150)]
    for path in kept:
        served.check(connection, path)
    until(lambda: not served.n_unrecorded(connection))
    late = [f"/late/{n}" for n in range(20)]
    for path in late:
        served.check(connection, path)
    pid = served.storing()
    served.process.kill()
    connection.close()
    until(lambda: not is_alive(pid))  # by itself
    found = stored(served.db)
    assert set(kept) <= set(found) <= set(kept + late)
    assert max(found.values()) == 1

    served = start()  # the next one goes on
    connection = served.connect()
    served.check(connection, "/again")
    connection.close()
    assert served.end() == 0
    assert stored(served.db) == found + Counter(["/again"])


def test_the_next_service_waits_until_all_of_the_one_before_is_stored(
    start: Callable[[], Served],
) -> None:
    served = start()
    with Clients(served) as clients:
        clients.wait_for(200)
    connection = served.connect()
    until(lambda: not served.n_unrecorded(connection))
    served.process.kill()
    connection.close()
    served = start()
    assert served.end() == 0
    assert stored(served.db) == Counter(clients.answered)


def test_a_normal_end_stores_all(start: Callable[[], Served]) -> None:
    served = start()
    with Clients(served) as clients:
        clients.wait_for(300)
    pid = served.storing()
    assert served.end() == 0
    assert not is_alive(pid)
    assert stored(served.db) == Counter(clients.answered)


def test_a_second_service_on_the_same_database_is_refused(start: Callable[[], Served]) -> None:
    first = start()
    with pytest.raises(AssertionError, match=f"in use by process {first.process.pid}"):
        start()
    assert first.end() == 0


@pytest.mark.parametrize("how", ["untold", "torn"])
def test_a_death_at_the_worst_moment_loses_and_doubles_nothing(tmp_path: Path, how: str) -> None:
    db, home = tmp_path / "g.db", tmp_path / "home"
    with Governance.open(db, actor=Actor("a", "cli"), home=home) as governance:
        row = governance.sources.add("service", "service", from_start=True)
    settings = {setting.key: setting.default for setting in SETTINGS}
    settings.update({key: False for key in settings if key.startswith("detection.")
                     and key.endswith(".enabled")})  # fmt: skip
    plan = StorePlan(str(db), str(home), ("a", "cli"), settings, row.id)
    starts = tmp_path / "starts"
    store = StoreProcess(plan, (*COMMAND[:-2], "-c", FATAL, str(starts), how))
    store.start()
    paths = [f"/n/{n}" for n in range(200)]
    try:
        for at in range(0, len(paths), 10):
            lines = [
                json.dumps(
                    {"@timestamp": "2026-03-10T09:00:00+00:00", "url.original": path}
                ).encode()
                for path in paths[at : at + 10]
            ]
            store.write(lines)
            until(lambda: not store.n_unanswered_bytes)
    finally:
        store.close()
    assert int(starts.read_text()) == N_FATAL + 1
    assert stored(db, home) == Counter(paths)
