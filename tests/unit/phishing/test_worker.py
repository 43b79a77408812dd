import sys
from pathlib import Path

import pytest

from soc_copilot.phishing.redis_jobs import answer_of, job_of, queues
from soc_copilot.phishing.tasks import Priority, Task
from tests.unit.phishing.redis_parts import RedisServer, WorkerProcess, begun, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends by SIGTERM")


def push(server: RedisServer, name: str, raw: str, priority: Priority = Priority.BULK) -> None:
    with server.redis() as redis:
        task = Task(name, "url", raw.encode(), priority=priority)
        queues(redis)[priority].enqueue_job(job_of(redis, task, 10))


def test_jobs_are_answered_the_first_priority_first(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    push(redis_server, "1", "evil bulk")
    push(redis_server, "2", "good drop", Priority.DROP)
    push(redis_server, "3", "odd now", Priority.INTERACTIVE)
    worker = WorkerProcess(redis_server, tmp_path)
    with redis_server.redis() as redis:
        found = [until(lambda name=name: answer_of(redis, name)) for name in "123"]
    assert [job.analysis.prediction for job in found] == ["phish", "benign", "suspicious"]
    assert begun(tmp_path) == ["odd now", "good drop", "evil bulk"]
    assert worker.end() == 0


def test_the_kill_switch_holds_jobs(redis_server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "halted").touch()
    worker = WorkerProcess(redis_server, tmp_path)
    push(redis_server, "1", "evil")
    with redis_server.redis() as redis:
        queue = queues(redis)[Priority.BULK]
        # It is taken out, and put back.
        until(lambda: redis.hget(f"rq:worker:{workers(redis)[0]}", "last_heartbeat"))
        until(lambda: queue.count == 1)
        assert answer_of(redis, "1") is None
        assert begun(tmp_path) == []
        (tmp_path / "halted").unlink()
        assert until(lambda: answer_of(redis, "1")).state == "done"
    assert worker.end() == 0


def workers(redis: object) -> list[str]:
    from rq import Worker

    return [worker.name for worker in Worker.all(connection=redis)]  # type: ignore[arg-type]


def test_it_waits_for_a_redis_that_is_gone(redis_server: RedisServer, tmp_path: Path) -> None:
    worker = WorkerProcess(redis_server, tmp_path)
    redis_server.kill()
    redis_server.start()
    push(redis_server, "1", "evil")
    with redis_server.redis() as redis:
        assert until(lambda: answer_of(redis, "1")).state == "done"
    assert worker.end() == 0
