import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.cli import main
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.redis_jobs import answer_of, job_of, queues
from soc_copilot.phishing.tasks import Task
from tests.unit.phishing.conftest import redis_server  # noqa: F401 - a fixture
from tests.unit.phishing.redis_parts import RedisServer, until


def test_a_redis_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOC_COPILOT_REDIS_URL", raising=False)
    assert main(["worker", "--db", str(tmp_path / "g.db")]) == 2
    assert "Which Redis?" in capsys.readouterr().err
    assert main(["worker", "--db", str(tmp_path / "g.db"), "--redis", "http://x"]) == 2
    assert "must begin with redis://" in capsys.readouterr().err
    assert not (tmp_path / "g.db").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="ends by SIGTERM")
def test_jobs_are_done_with_our_models_unless_the_kill_switch_is_engaged(
    redis_server: RedisServer,  # noqa: F811 - the fixture
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOC_COPILOT_REDIS_URL", redis_server.url)
    db = tmp_path / "g.db"
    with Governance.open(db) as governance:
        governance.kill_switch.engage("a drill")
        with (tmp_path / "log").open("wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "soc_copilot.cli", "worker", "--db", db, "--json"],
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert child.stdout is not None
        try:
            line = child.stdout.readline()
            assert line, (tmp_path / "log").read_text()
            assert json.loads(line) == {"state": "ready"}
            with redis_server.redis() as redis:
                task = Task("1", "url", b"https://example.com/")
                queues(redis)[task.priority].enqueue_job(job_of(redis, task, 60))
                key = "rq:queue:phishing-interactive"
                until(lambda: redis.llen(key) == 1)
                assert answer_of(redis, "1") is None
                governance.kill_switch.release("drill over")
                job = until(lambda: answer_of(redis, "1"))
                assert job.state == "done"
                assert job.analysis.parts[0].name == "url"
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == 0
        finally:
            child.kill()
            child.stdout.close()
            child.wait()
