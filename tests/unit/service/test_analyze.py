import base64
import json
import time
from typing import Any

import pytest

from soc_copilot.phishing.orchestrator import Orchestrator
from tests.unit.phishing.parts import PATIENCE_S, FakePart
from tests.unit.service.analysis_parts import BEARER, Analysing, heard


@pytest.fixture(scope="module")
def service():
    with Analysing(limits__body_kib=8) as found:
        yield found


def until(condition: Any) -> Any:
    end = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.01)
    return found


def test_a_content_is_analysed(service: Analysing) -> None:
    status, answer = service.analyze("http://evil.example/", session_id="s-1")
    assert status == 200
    assert answer["prediction"] == "phish"
    assert answer["content"] == "http://evil.example/"
    assert answer["content_type"] == "url"
    assert answer["confidence"] == pytest.approx(0.9)
    assert answer["explanation"]["summary"] == "This looks like phishing."
    assert answer["explanation"]["reasons"][0]["text"] == "a saw it."
    assert [part["name"] for part in answer["explanation"]["parts"]] == ["a"]
    assert (answer["cached"], answer["degraded"], answer["session_id"]) == (False, False, "s-1")
    assert answer["timestamp"].endswith("Z")
    assert answer["processing_time_ms"] > 0
    assert service.analyze("http://good.example/")[1]["prediction"] == "benign"


def test_an_answer_is_known_the_second_time_unless_asked_anew(service: Analysing) -> None:
    first = service.analyze("http://twice.example/")[1]
    part = service.parts[0]
    n = len(part.seen)
    again = service.analyze("http://twice.example/")[1]
    assert (again["cached"], len(part.seen)) == (True, n)
    assert again["request_id"] != first["request_id"]
    assert again["score"] == first["score"]
    anew = service.analyze("http://twice.example/", force_reanalyze=True)[1]
    assert (anew["cached"], len(part.seen)) == (False, n + 1)


def test_messages_that_are_no_text_come_in_base64(service: Analysing) -> None:
    raw = base64.b64encode(b"Subject: evil \xff\r\n\r\n").decode()
    status, answer = service.analyze(raw, "email", encoding="base64")
    assert (status, answer["prediction"]) == (200, "phish")
    assert [part["name"] for part in answer["explanation"]["parts"]] == ["a", "b"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"content": "x", "content_type": "exe"}, 422, "bad_request"),
        ({"content_type": "url"}, 422, "bad_request"),
        ({"content": " ", "content_type": "url"}, 422, "bad_request"),
        ({"content": "x", "content_type": "url", "force": True}, 422, "bad_request"),
        ({"content": "x", "content_type": "url", "user_id": "a b"}, 422, "bad_request"),
        ({"content": "?", "content_type": "url", "encoding": "base64"}, 422, "bad_request"),
        ({"content": "x", "content_type": "url", "screenshot": "?"}, 422, "bad_request"),
        ({"content": "x", "content_type": "url", "priority": "first"}, 422, "bad_request"),
        ({"content": "broken", "content_type": "url"}, 422, "unreadable"),
        ({"content": "poison", "content_type": "url"}, 503, "failed"),
        (b"{", 400, "bad_json"),
        (b"[" * 8000, 422, "bad_request"),
        (b'{"content":"\xff","content_type":"url"}', 400, "bad_json"),
        ({"content": "x" * 9000, "content_type": "url"}, 413, "too_large"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    service: Analysing, body: Any, status: int, code: str
) -> None:
    found, _, answer = service.call("POST", "/analyze", body)
    assert (found, answer["error"]["code"]) == (status, code)


def test_who_may_not_come_in_stays_out(service: Analysing) -> None:
    body = {"content": "x", "content_type": "url"}
    assert service.call("POST", "/analyze", body, Authorization=None)[0] == 401
    assert service.call("POST", "/analyze", body, Origin="https://evil.example")[0] == 403
    assert service.call("GET", "/analyze")[0] == 405
    assert service.call("GET", "/", Authorization=None)[0] == 401
    assert service.call("GET", "/")[2]["description"] == "/openapi.json"


def test_what_nobody_waits_for_is_a_job(service: Analysing) -> None:
    part = service.parts[0]
    part.gate.clear()
    part.entered.clear()
    try:
        status, queued = service.analyze("evil job", "text", wait=False, priority="bulk")
        assert (status, queued["status"]) == (202, "queued")
        assert part.entered.wait(PATIENCE_S)
        _, second = service.analyze("evil 2", "text", wait=False, priority="drop")
        names = [queued["request_id"], second["request_id"], "nobody"]
        _, _, told = service.call("POST", "/analyze/jobs", {"job_ids": names})
        states = [job["status"] for job in told["jobs"]]
        assert states == ["running", "queued", "unknown"]
        _, _, told = service.call("POST", "/analyze/cancel", {"job_ids": names})
        assert told == {"cancelled": [second["request_id"]]}
    finally:
        part.gate.set()

    def jobs() -> Any:
        _, _, told = service.call("POST", "/analyze/jobs", {"job_ids": names})
        return told["jobs"] if told["jobs"][0]["status"] == "done" else None

    found = until(jobs)
    assert found[0]["prediction"] == "phish"
    assert found[1]["status"] == "cancelled"


def test_a_session_tells_what_was_answered_lately(service: Analysing) -> None:
    first = service.analyze("evil session", "text", user_id="ann", session_id="s-7")[1]
    again = service.analyze("evil session", "text", user_id="ann", session_id="s-7")[1]
    asked = {"user_id": "ann", "session_id": "s-7"}
    status, _, told = service.call("POST", "/analyze/session", asked)
    assert status == 200
    names = [one["request_id"] for one in told["answers"]]
    assert names == [again["request_id"], first["request_id"]]
    assert [one["cached"] for one in told["answers"]] == [True, False]
    assert told["answers"][1]["prediction"] == "phish"
    other = service.call("POST", "/analyze/session", {**asked, "user_id": "bob"})[2]
    assert other == {"answers": []}
    assert service.call("POST", "/analyze/session", {"session_id": ""})[0] == 422


def test_the_kill_switch_closes_it(service: Analysing) -> None:
    n = len(service.parts[0].seen)
    service.reason = "A drill."
    try:
        status, answer = service.analyze("http://halted.example/")
        assert (status, answer["error"]["code"]) == (503, "kill_switch")
        known = service.analyze("http://evil.example/")
        assert known[0] == 503  # not even what is known already
    finally:
        service.reason = ""
    assert len(service.parts[0].seen) == n
    assert service.analyze("http://halted.example/")[0] == 200


def test_figures_are_told(service: Analysing) -> None:
    service.analyze("http://figures.example/")
    service.analyze("http://figures.example/")
    text = service.call("GET", "/metrics")[2].decode()
    for line in (
        'soc_copilot_requests_total{endpoint="analyze",method="POST",status="200"}',
        'soc_copilot_analyses_total{content_type="url",prediction="benign"}',
        'soc_copilot_inference_seconds_bucket{le="0.0005",model="a"}',
        'soc_copilot_cache_lookups_total{result="hit"}',
        'soc_copilot_cache_lookups_total{result="miss"}',
        'soc_copilot_jobs{status="queued"} 0.0',
        'soc_copilot_jobs{status="done"}',
        "soc_copilot_websockets 0.0",
        'soc_copilot_model_loaded{model="a"} 1.0',
        'soc_copilot_model_state{model="a",state="ok"} 1.0',
    ):
        assert line in text
    info = service.call("GET", "/model/info")[2]["phishing"]
    assert [model["name"] for model in info["models"]] == ["a", "b"]


def test_it_is_described(service: Analysing) -> None:
    paths = service.call("GET", "/openapi.json")[2]["paths"]
    assert {"/analyze", "/analyze/jobs", "/analyze/cancel"} <= set(paths)


def test_who_asked_is_told_live(service: Analysing) -> None:
    with service.listen("ann") as ann, service.listen("bob") as bob:
        answer = service.analyze("evil live", "text", user_id="ann")[1]
        told = heard(ann)
        assert told["type"] == "analysis_update"
        assert (told["request_id"], told["status"]) == (answer["request_id"], "done")
        assert told["prediction"] == "phish"
        service.analyze("evil live", "text", user_id="ann")
        assert heard(ann)["cached"] is True
        queued = service.analyze("odd", "text", user_id="ann", wait=False, priority="bulk")[1]
        assert [heard(ann)["status"] for _ in range(2)] == ["running", "done"]
        assert queued["status"] == "queued"
        bob.send('{"type":"ping"}')
        assert heard(bob)["type"] == "pong"  # and nothing before it


def test_a_part_that_fails_is_told_and_closes_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Orchestrator.__init__

    def quickly(self: Orchestrator, *args: Any, **options: Any) -> None:
        made(self, *args, **options, open_s=0.2)

    monkeypatch.setattr(Orchestrator, "__init__", quickly)
    a, b = FakePart("a"), FakePart("b")
    with Analysing([a, b]) as service, service.listen() as socket:
        b.is_broken = True
        for number in range(3):
            answer = service.analyze(f"evil {number}", "text")[1]
            assert (answer["degraded"], answer["prediction"]) == (True, "phish")
            assert "b is missing" in answer["explanation"]["summary"]
        told = heard(socket)
        assert (told["type"], told["code"], told["active"]) == ("system_alert", "model:b", True)
        health = service.call("GET", "/health")[2]
        assert (health["status"], "model b" in health["detail"]) == ("degraded", True)
        b.is_broken = False
        until(lambda: not service.analyze("evil", "text", force_reanalyze=True)[1]["degraded"])
        told = heard(socket)
        assert (told["code"], told["active"]) == ("model:b", False)
        assert service.alerts == ["model:b", "model:b"]
        assert service.call("GET", "/health")[2]["status"] == "ok"


def test_a_model_that_is_missing_is_told_from_the_start() -> None:
    with Analysing(missing=[("visual", "No such file.")]) as service:
        health = until(
            lambda: (h := service.call("GET", "/health")[2])["status"] == "degraded" and h
        )
        assert "visual is not loaded. No such file." in health["detail"]
        text = service.call("GET", "/metrics")[2].decode()
        assert 'soc_copilot_model_loaded{model="visual"} 0.0' in text
        assert service.analyze("evil")[1]["degraded"] is True


def test_a_content_that_takes_too_long_is_answered_in_time() -> None:
    with Analysing(timeout_s=0.2) as service:
        service.parts[0].gate.clear()
        status, answer = service.analyze("slow")
        assert (status, answer["error"]["code"]) == (504, "timeout")


def test_a_full_queue_refuses() -> None:
    with Analysing(phishing__queue_size=1) as service:
        part = service.parts[0]
        part.gate.clear()
        service.analyze("first", wait=False)
        assert part.entered.wait(PATIENCE_S)
        assert service.analyze("second", wait=False)[0] == 202
        status, answer = service.analyze("third", wait=False)
        assert (status, answer["error"]["code"]) == (503, "queue_full")
        assert json.dumps(answer)


def test_who_goes_away_costs_no_scoring() -> None:
    with Analysing() as service:
        part = service.parts[0]
        part.gate.clear()
        service.analyze("first", wait=False)
        assert part.entered.wait(PATIENCE_S)
        connection = service.connect()
        body = json.dumps({"content": "second", "content_type": "url"})
        headers = {**BEARER, "Content-Type": "application/json"}
        connection.request("POST", "/analyze", body, headers)
        counts = service.side.counts
        until(lambda: counts()["queued"] == 1)
        connection.close()
        until(lambda: counts()["cancelled"] == 1)
        part.gate.set()
        until(lambda: counts()["done"] == 1)
        assert part.seen == ["first"]
        assert service.side.trouble() == ""
