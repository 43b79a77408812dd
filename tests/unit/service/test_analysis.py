import json
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.phishing.breaker import FAILURES_TO_OPEN
from soc_copilot.phishing.operations import MIN_LOOKS
from soc_copilot.phishing.redis_store import PREFIX
from soc_copilot.service.analysed import AnalysisRecorder
from soc_copilot.service.openapi import Health
from tests.unit.phishing.conftest import redis_server  # noqa: F401 - a fixture
from tests.unit.phishing.parts import FakePart
from tests.unit.phishing.redis_parts import RedisServer, WorkerProcess, begun, until
from tests.unit.service.analysis_parts import Analysing, heard


def test_what_is_known_is_kept_over_a_restart_where_a_file_is_given(tmp_path: Path) -> None:
    path = str(tmp_path / "answers.jsonl")
    for is_known in (False, True):
        with Analysing(phishing__cache_file=path) as service:
            answer = service.analyze("http://evil.example/")[1]
            assert (answer["cached"], answer["prediction"]) == (is_known, "phish")


def test_nothing_is_told_before_it_is_open() -> None:
    side = Analysing().side
    assert side.trouble() == ""
    assert side.health() == ()
    assert side.info() is None
    assert side.stop()


def test_how_the_models_stand_is_told_without_a_token_and_without_secrets() -> None:
    part = FakePart("url")
    with Analysing([part]) as service:
        status, _, told = service.call("GET", "/health", Authorization=None)
        assert (status, told["phishing"]) == (200, {"state": "ok", "models": {"url": "ok"}})
        Health.model_validate(told)
    with Analysing([part], missing=[("visual", "/srv/models/visual is gone")]) as service:
        told = service.call("GET", "/health", Authorization=None)[2]
        assert told["phishing"]["state"] == "open"
        assert told["phishing"]["models"]["visual"] == "missing"
        assert "/srv" not in json.dumps(told["phishing"])


def test_a_cold_cache_is_told_and_is_no_trouble() -> None:
    with Analysing() as service:
        for number in range(MIN_LOOKS):
            service.analyze(f"http://example.com/{number}")
        until(lambda: service.alerts == ["cache"])
        assert service.call("GET", "/health")[2]["status"] == "ok"


def test_a_redis_url_that_is_none_ends_the_start() -> None:
    service = Analysing(phishing__redis_url="http://127.0.0.1")
    with pytest.raises(SourceError, match="must begin with redis://"):
        service.server.start()
    assert service.server.stop()


def test_with_redis_workers_answer_and_everyone_knows(
    redis_server: RedisServer,  # noqa: F811 - the fixture
    tmp_path: Path,
) -> None:
    here = FakePart("here")
    with Analysing([here], phishing__redis_url=redis_server.url) as service:
        until(lambda: service.call("GET", "/health")[2]["detail"].startswith("No worker"))
        assert service.analyze("evil", user_id="ann")[1]["prediction"] == "phish"
        assert here.seen == ["evil"]  # nobody else was there to do it
        assert service.analyze("evil")[1]["cached"] is True
        with redis_server.redis() as redis:
            assert len(list(redis.scan_iter(f"{PREFIX}known:*"))) == 1
        worker = WorkerProcess(redis_server, tmp_path)
        until(lambda: service.call("GET", "/health")[2]["status"] == "ok")
        with service.listen() as socket:
            answer = service.analyze("odd", user_id="ann")[1]
            assert (answer["prediction"], begun(tmp_path)) == ("suspicious", ["odd"])
            assert heard(socket)["prediction"] == "suspicious"
            queued = service.analyze("evil 2", user_id="ann", wait=False, priority="bulk")[1]
            told = heard(socket)
            assert (told["request_id"], told["status"]) == (queued["request_id"], "done")
        assert here.seen == ["evil"]
        assert worker.end() == 0


def test_an_open_breaker_shows_in_the_health() -> None:
    part = FakePart("a")
    with Analysing([part]) as service:
        assert service.side.standing().state == "ok"
        part.is_broken = True
        for n in range(FAILURES_TO_OPEN):
            service.analyze(f"https://a.example/{n}")
        standing = service.side.standing()
        assert standing.state == "open"
        assert "a open" in standing.detail
        assert standing.n_failures >= FAILURES_TO_OPEN
        assert standing.retry_in_s > 0


def test_what_is_answered_is_handed_on_to_be_recorded() -> None:
    kept: list[bytes] = []
    recorder = AnalysisRecorder(kept.extend)
    with Analysing([FakePart("a")], recorder=recorder) as service:
        assert service.analyze("https://a.example/1")[0] == 200
        assert service.analyze("https://a.example/1")[1]["cached"]
        assert service.analyze("broken")[0] == 422
        status, queued = service.analyze("https://a.example/2", wait=False)
        assert status == 202
        until(lambda: len(kept) == 3)
    told = [json.loads(line) for line in kept]
    assert [one["cached"] for one in told] == [False, True, False]
    assert told[2]["http.request.id"] == queued["request_id"]
