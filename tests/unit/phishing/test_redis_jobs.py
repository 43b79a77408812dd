import pytest
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from soc_copilot.domain.errors import DetectorError, ParseError
from soc_copilot.phishing.redis_jobs import (
    AnalysisJob,
    Answer,
    answer_of,
    end,
    job_of,
    perform,
    queues,
    set_answer,
)
from soc_copilot.phishing.tasks import Priority, Task, encode_task
from tests.unit.phishing.parts import FakePart
from tests.unit.phishing.redis_parts import RedisServer, engine_of

TASK = Task("j-1", "url", b"evil \x01", user_id="ann", session_id="s", priority=Priority.BULK)


def test_a_job_holds_json_and_nothing_of_it_is_called(redis_server: RedisServer) -> None:
    with redis_server.redis() as redis:
        queue = queues(redis)[TASK.priority]
        queue.enqueue_job(job_of(redis, TASK, 10))
        raw = redis.hget("rq:job:j-1", "data")
        assert isinstance(raw, bytes)
        assert b"evil" not in redis.hget("rq:job:j-1", "description")  # type: ignore[operator]
        # Somebody who may write to Redis names another function.
        bad = RqJob.create(
            "os.system", args=("true",), connection=redis, id="bad", serializer=JSONSerializer,
            origin=queue.name,
        )  # fmt: skip
        bad.save()
        redis.hset("rq:job:bad", "success_callback_name", "os.abort")
        found = AnalysisJob.fetch("bad", redis, JSONSerializer)
        assert isinstance(found, AnalysisJob)
        part = FakePart()
        found.engine = engine_of(part)
        with pytest.raises(ParseError):
            found.perform()
        assert found.success_callback is None
        assert found.engine.close()


def test_a_job_done_twice_counts_once(redis_server: RedisServer) -> None:
    part = FakePart()
    engine = engine_of(part)
    with redis_server.redis() as redis:
        data = encode_task(TASK)
        assert answer_of(redis, "j-1") is None
        assert perform(redis, engine, [data]) == "set"
        assert perform(redis, engine, [data]) == "known"
        assert len(part.seen) == 1
        assert not end(redis, TASK, DetectorError("late"))  # two at once: the first counts
        found = answer_of(redis, "j-1")
        assert found is not None
        assert found.analysis is not None
        assert (found.state, found.analysis.prediction) == ("done", "phish")
        assert (found.user_id, found.session_id, found.priority) == ("ann", "s", Priority.BULK)
        counts = redis.hgetall("soc-copilot:phishing:counts")
        assert counts == {b"done": b"1"}
    assert engine.close()


def test_failures_come_back_as_what_they_were(redis_server: RedisServer) -> None:
    with redis_server.redis() as redis:
        end(redis, Task("a", "url", b""), DetectorError("The model failed."))
        end(redis, Task("b", "url", b""), ParseError("Broken."))
        set_answer(redis, "c", Answer("cancelled"))
        redis.set("soc-copilot:phishing:answer:d", b"rubbish")
        kinds = [type(answer_of(redis, name).error) for name in "abcd"]  # type: ignore[union-attr]
        assert kinds == [DetectorError, ParseError, type(None), DetectorError]
