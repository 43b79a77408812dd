import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from soc_copilot.domain.errors import DetectorError, PolicyError
from soc_copilot.phishing.queue import EmbeddedQueue, QueueFullError
from soc_copilot.phishing.redis_jobs import OPEN_KEY, answer_of
from soc_copilot.phishing.redis_queue import RedisQueue
from soc_copilot.phishing.tasks import Job, Priority, Task
from tests.unit.phishing.parts import PATIENCE_S, FakePart
from tests.unit.phishing.redis_parts import (
    RedisServer,
    WorkerProcess,
    begun,
    engine_of,
    until,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="ends by SIGTERM")


class Desk:
    """A queue in Redis, and what it told."""

    def __init__(self, server: RedisServer, **options: object) -> None:
        self.told: list[Job] = []
        self.changed = threading.Condition()
        self.queue = RedisQueue(server.redis(), job_timeout_s=2, **options)  # type: ignore[arg-type]
        self.queue.start(self.listen)

    def listen(self, jobs: Sequence[Job]) -> None:
        with self.changed:
            self.told += jobs
            self.changed.notify_all()

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S * 2)

    def ends(self) -> list[tuple[str, str]]:
        return sorted((job.id, job.state) for job in self.told)


@pytest.fixture
def desk(redis_server: RedisServer) -> Iterator[Desk]:
    found = Desk(redis_server)
    until(lambda: "reached" not in found.queue.trouble)
    yield found
    assert found.queue.close()


def task(name: str, raw: str = "good", priority: Priority = Priority.BULK) -> Task:
    return Task(name, "url", raw.encode(), user_id="ann", priority=priority)


def test_jobs_are_done_by_a_worker_and_told_once(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    assert "No worker" in desk.queue.trouble
    desk.queue.submit([task("1", "evil"), task("2", "poison")])
    found = desk.queue.job("1")
    assert found is not None
    assert (found.state, found.user_id) == ("queued", "ann")
    worker = WorkerProcess(redis_server, tmp_path)
    desk.until(lambda: len(desk.told) == 2)
    assert desk.ends() == [("1", "done"), ("2", "failed")]
    done = desk.queue.job("1")
    assert done is not None
    assert done.analysis is not None
    assert done.analysis.prediction == "phish"
    until(lambda: desk.queue.counts()["done"] == 1 and desk.queue.counts()["failed"] == 1)
    assert desk.queue.n_waiting == 0
    assert desk.queue.trouble == ""
    with redis_server.redis() as redis:
        until(lambda: redis.hlen(OPEN_KEY) == 0)
    assert worker.end() == 0
    assert len(desk.told) == 2


def test_only_what_waits_is_cancelled(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    worker = WorkerProcess(redis_server, tmp_path)
    desk.queue.submit([task("1", "hold")])
    until(lambda: begun(tmp_path))
    desk.queue.submit([task("2")])
    assert not desk.queue.cancel("1")
    assert not desk.queue.cancel("nobody")
    assert desk.queue.cancel("2")
    assert not desk.queue.cancel("2")
    (tmp_path / "go").touch()
    desk.until(lambda: len(desk.told) == 2)
    assert desk.ends() == [("1", "done"), ("2", "cancelled")]
    assert begun(tmp_path) == ["hold"]
    assert desk.queue.job("nobody") is None
    assert worker.end() == 0


def test_a_worker_that_is_killed_loses_no_job_and_repeats_none_in_effect(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    names = [f"j-{number:02}" for number in range(20)]
    contents = ["hold" if number == 7 else f"evil {number}" for number in range(20)]
    first = WorkerProcess(redis_server, tmp_path)
    desk.queue.submit([task(name, raw) for name, raw in zip(names, contents, strict=True)])
    until(lambda: "hold" in begun(tmp_path))
    first.kill()  # in the midst of a job
    (tmp_path / "go").touch()
    second = WorkerProcess(redis_server, tmp_path)
    desk.until(lambda: len(desk.told) >= 20)
    assert desk.ends() == [(name, "done") for name in names]
    assert begun(tmp_path).count("hold") == 2  # begun twice, told once
    assert len(begun(tmp_path)) == 21
    until(lambda: desk.queue.counts()["done"] == 20)
    assert second.end() == 0
    assert len(desk.told) == 20


def test_a_job_taken_and_never_begun_is_queued_again(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    desk.queue.submit([task("1", "evil")])
    with redis_server.redis() as redis:
        assert redis.lpop("rq:queue:phishing-bulk") == b"1"  # as a worker that dies right then
        until(lambda: redis.llen("rq:queue:phishing-bulk") == 1)
    worker = WorkerProcess(redis_server, tmp_path)
    desk.until(lambda: len(desk.told) == 1)
    assert desk.ends() == [("1", "done")]
    assert worker.end() == 0


def test_a_redis_that_is_killed_loses_no_job(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    worker = WorkerProcess(redis_server, tmp_path)
    names = [f"j-{number:02}" for number in range(12)]
    contents = ["hold" if number == 5 else f"evil {number}" for number in range(12)]
    desk.queue.submit([task(name, raw) for name, raw in zip(names, contents, strict=True)])
    until(lambda: "hold" in begun(tmp_path))
    redis_server.kill()
    with pytest.raises(PolicyError, match="cannot be reached"):
        desk.queue.submit([task("late")])
    (tmp_path / "go").touch()  # its answer finds no Redis
    redis_server.start()
    desk.until(lambda: len(desk.told) >= 12)
    assert desk.ends() == [(name, "done") for name in names]
    until(lambda: desk.queue.counts()["done"] == 12)
    assert worker.end() == 0
    assert len(desk.told) == 12


def test_a_content_that_kills_its_workers_comes_to_an_end(
    desk: Desk, redis_server: RedisServer, tmp_path: Path
) -> None:
    desk.queue.submit([task("1", "kill")])
    n = 0
    while not desk.told and n < 8:
        worker = WorkerProcess(redis_server, tmp_path)
        n += 1
        until(lambda: len(begun(tmp_path)) >= n or desk.told)  # noqa: B023 - called at once
        if desk.told:
            worker.kill()
            break
        worker.end()
    desk.until(lambda: len(desk.told) == 1)
    assert desk.ends() == [("1", "failed")]
    assert isinstance(desk.told[0].error, DetectorError)
    assert 1 < len(begun(tmp_path)) <= 4


def test_another_service_hears_of_the_jobs_of_one_that_is_gone(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    gone = Desk(redis_server)
    gone.queue.submit([task("1", "evil")])
    assert gone.queue.close()
    worker = WorkerProcess(redis_server, tmp_path)
    with redis_server.redis() as redis:
        until(lambda: answer_of(redis, "1"))  # while nobody listens
        assert redis.hlen(OPEN_KEY) == 1
        other = Desk(redis_server)
        other.until(lambda: other.ends() == [("1", "done")])
        until(lambda: redis.hlen(OPEN_KEY) == 0)
    assert other.queue.close()
    assert worker.end() == 0
    assert gone.told == []


def test_what_waits_is_bounded(redis_server: RedisServer) -> None:
    desk = Desk(redis_server, max_waiting=2)
    desk.queue.submit([task("1"), task("2")])
    until(lambda: desk.queue.n_waiting == 2)
    with pytest.raises(QueueFullError):
        desk.queue.submit([task("3")])
    assert desk.queue.close()


def test_without_redis_what_somebody_waits_for_is_done_here(redis_server: RedisServer) -> None:
    engine = engine_of(FakePart())
    desk = Desk(redis_server, local=EmbeddedQueue(engine.work))
    until(lambda: desk.queue.trouble.startswith("No worker"))
    desk.queue.submit([task("1", "evil", Priority.INTERACTIVE)])
    desk.until(lambda: desk.ends() == [("1", "done")])
    redis_server.kill()
    until(lambda: "reached" in desk.queue.trouble)
    desk.queue.submit([task("2", "evil", Priority.INTERACTIVE)])
    desk.until(lambda: len(desk.told) == 2)
    with pytest.raises(PolicyError, match="cannot be reached"):
        desk.queue.submit([task("3", "evil", Priority.BULK)])
    assert desk.queue.counts()["done"] == 2
    assert desk.queue.close()
    assert engine.close()
