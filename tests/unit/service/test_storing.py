import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.ingestion.spool import FolderLock
from soc_copilot.service import storing
from soc_copilot.service.frames import StorePlan, frame
from soc_copilot.service.storing import Teller
from soc_copilot.settings import SETTINGS
from tests.tools.archived import archived_lines
from tests.unit.service.test_receiving import Sender

PATIENCE_S = 60.0
LINES = [
    json.dumps({"@timestamp": "2026-03-10T09:00:00+00:00", "url.original": f"/{n}"}).encode()
    for n in range(20)
]


def settings() -> dict[str, Any]:
    values: dict[str, Any] = {setting.key: setting.default for setting in SETTINGS}
    values.update({key: False for key in values if key.endswith(".enabled")})
    return values | {"archive.enabled": True, "ingestion.batch_interval_s": 0.1}


@pytest.fixture
def plan(tmp_path: Path) -> StorePlan:
    with Governance.open(tmp_path / "g.db", actor=Actor("a", "cli"), home=tmp_path) as governance:
        row = governance.sources.add("service", "service", from_start=True)
    return StorePlan(str(tmp_path / "g.db"), str(tmp_path), ("a", "cli"), settings(), row.id)


def archived(plan: StorePlan) -> list[str]:
    with Governance.open(plan.target, home=Path(plan.home or "")) as governance:
        return sorted(archived_lines(governance))


class Told:
    """What was told, and a way to wait for it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.all: list[dict[str, Any]] = []

    def __call__(self, told: dict[str, Any]) -> None:
        with self._condition:
            self.all.append(told)
            self._condition.notify_all()

    def wait_for(self, **wanted: Any) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            return next((t for t in self.all if wanted.items() <= t.items()), None)

        with self._condition:
            assert self._condition.wait_for(find, PATIENCE_S)
        found = find()
        assert found is not None
        return found


class Run:
    """`store` on a thread."""

    def __init__(self, plan: StorePlan) -> None:
        self.told = Told()
        self.sender = Sender()
        self.sender.receiver._tell = self.told
        self._thread = threading.Thread(
            target=storing.store,
            args=(plan, self.sender.receiver, self.told),
        )
        self._thread.start()

    def join(self) -> None:
        self.sender.end()
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()


def test_all_that_came_is_stored_when_it_ends(plan: StorePlan) -> None:
    run = Run(plan)
    run.told.wait_for(kind="ready")
    run.told.wait_for(kind="open")
    run.sender.send(1, *LINES)
    run.told.wait_for(kind="taken", number=1)
    told = run.told.wait_for(kind="status", trouble="")
    assert told["cpu_s"] > 0
    run.join()
    assert archived(plan) == sorted(line.decode() for line in LINES)


def test_it_waits_until_the_one_before_has_stored_all(plan: StorePlan, tmp_path: Path) -> None:
    with Governance.open(plan.target, home=tmp_path) as governance:
        folder = governance.spool_folder / str(plan.source_id)
    folder.mkdir(parents=True)
    lock = FolderLock(folder, "storing.lock")
    run = Run(plan)
    told = run.told.wait_for(kind="status")
    assert "former" in told["trouble"]
    lock.release()
    run.told.wait_for(kind="ready")
    run.join()
    # And one that waits in vain ends with its service.
    lock = FolderLock(folder, "storing.lock")
    run = Run(plan)
    run.told.wait_for(kind="status")
    run.join()
    lock.release()
    assert "ready" not in [told["kind"] for told in run.told.all]


def test_what_the_service_does_not_hear_is_no_reason_to_stop() -> None:
    class Gone:
        def write(self, data: bytes) -> int:
            raise BrokenPipeError

    Teller(Gone())({"kind": "ready"})  # type: ignore[arg-type]


def run_main(data: bytes) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "soc_copilot.service.storing"],
        input=data, capture_output=True, check=False, timeout=PATIENCE_S * 4,
    )  # fmt: skip


def test_a_process_stores_and_ends_with_its_input(plan: StorePlan) -> None:
    # The last frame is torn: the service was killed in the midst of it.
    sent = frame(0, plan.to_bytes()) + frame(1, b"\n".join(LINES)) + frame(2, b"torn")[:-1]
    ended = run_main(sent)
    assert ended.returncode == 0, ended.stderr
    told = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {"ready", "open", "taken"} <= {one["kind"] for one in told}
    assert archived(plan) == sorted(line.decode() for line in LINES)


def test_a_process_that_can_open_nothing_says_why(tmp_path: Path) -> None:
    (tmp_path / "g.db").write_bytes(b"no database at all" * 100)
    plan = StorePlan(str(tmp_path / "g.db"), str(tmp_path), ("a", "cli"), settings(), 1)
    ended = run_main(frame(0, plan.to_bytes()))
    assert ended.returncode == storing.EXIT_FAILED
    (told,) = [json.loads(line) for line in ended.stdout.splitlines()]
    assert told["kind"] == "failed"
    assert "g.db" in told["message"]


def test_a_process_that_is_told_nothing_ends() -> None:
    assert run_main(b"").returncode == 0
