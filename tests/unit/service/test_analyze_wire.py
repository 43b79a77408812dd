import base64

import msgspec
import pytest

from soc_copilot.domain.errors import (
    DetectorError,
    KillSwitchEngagedError,
    ParseError,
    PolicyError,
    SocCopilotError,
)
from soc_copilot.domain.phishing import Link, ParsedEmail
from soc_copilot.phishing.orchestrator import Orchestrator
from soc_copilot.phishing.queue import QueueFullError
from soc_copilot.phishing.tasks import Job, Priority, Task
from soc_copilot.service.analyze_wire import (
    MAX_ECHO_CHARS,
    MAX_JOBS,
    AnalyzeCall,
    JobsCall,
    answer_to,
    job_told,
    read_call,
    refusal_of,
    task_of,
    update_of,
)
from soc_copilot.service.wire import RefusedError
from tests.unit.phishing.parts import Content, FakePart


def test_a_call_becomes_a_task() -> None:
    body = (
        b'{"content":"x","content_type":"email","user_id":"a@b.example","session_id":"s",'
        b'"force_reanalyze":true,"wait":false,"priority":"bulk"}'
    )
    task = task_of(read_call(body, AnalyzeCall), "r-1")
    assert task == Task(
        "r-1", "email", b"x", None, "a@b.example", "s", Priority.BULK, is_forced=True
    )
    raw = base64.b64encode(b"\xff\x00").decode()
    call = AnalyzeCall(raw, "text", encoding="base64", screenshot=raw)
    assert (task_of(call, "1").raw, task_of(call, "1").screenshot) == (b"\xff\x00", b"\xff\x00")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{}", 422), (b"[]", 422), (b'{"content":"x"}', 422),
        (b'{"content":1,"content_type":"url"}', 422),
        (b'{"content":"x","content_type":"url","user_id":"' + b"x" * 129 + b'"}', 422),
        (b'{"content":"x","content_type":"url","x":1}', 422), (b"\xff", 400),
    ],
)  # fmt: skip
def test_what_is_no_call_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(RefusedError) as caught:
        read_call(body, AnalyzeCall)
    assert caught.value.status == status


def test_the_number_of_jobs_is_bounded() -> None:
    for n in (0, MAX_JOBS + 1):
        with pytest.raises(RefusedError):
            read_call(msgspec.json.encode({"job_ids": ["x"] * n}), JobsCall)
    assert len(read_call(b'{"job_ids":["a","b"]}', JobsCall).job_ids) == 2


def test_an_answer_shows_links_defanged_and_content_cut() -> None:
    link = Link("here", "http://evil.example/", "hxxp[://]evil[.]example/")
    pipeline = Orchestrator([FakePart()], missing=[("visual", "No.")])
    content = Content("email", b"", "evil", ParsedEmail(links=(link,)))
    found = pipeline.analyse(content, "r-1")
    assert pipeline.close()
    told = answer_to(Task("r-1", "email", b"\xff" * 10_000), found, 1.5)
    assert len(told["content"]) == MAX_ECHO_CHARS
    assert told["links"] == [{"text": "here", "defanged": "hxxp[://]evil[.]example/"}]
    assert "a model is missing" in told["explanation"]["summary"]
    assert b"http://evil" not in msgspec.json.encode(told)
    job = Job("r-1", "done", Priority.BULK, "u", "s", found)
    assert update_of(job)["type"] == "analysis_update"
    assert (job_told(job)["prediction"], job_told(job)["session_id"]) == ("phish", "s")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (KillSwitchEngagedError("x"), 503, "kill_switch"),
        (QueueFullError("x"), 503, "queue_full"),
        (ParseError("x"), 422, "unreadable"),
        (DetectorError("x"), 503, "failed"),
        (PolicyError("x"), 503, "not_ready"),
        (RefusedError(429, "rate_limited", "x"), 429, "rate_limited"),
    ],
)
def test_each_failure_has_its_refusal(error: SocCopilotError, status: int, code: str) -> None:
    refusal = refusal_of(error)
    assert (refusal.status, refusal.code) == (status, code)
