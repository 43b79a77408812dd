import json
from datetime import UTC, datetime
from typing import Any

import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.phishing import (
    Analysis,
    Attachment,
    ContentType,
    Link,
    MailHead,
    Reason,
    prediction_of,
)
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.service import ServiceFormat
from soc_copilot.phishing.tasks import Task
from soc_copilot.service import analysed
from soc_copilot.service.analysed import AnalysisRecorder, Asked, asked_of, line_of

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
MAIL = b"From: Bank <x@y.example>\r\nReply-To: z@w.example\r\nSubject: Verify\r\n\r\nSecret body"


def analysis(kind: ContentType, score: float) -> Analysis:
    return Analysis(
        request_id="r-1", content_type=kind, prediction=prediction_of(score), score=score,
        confidence=1.0, parts=(), reasons=(Reason("link", "A link lies.", weight=0.8),),
        links=(Link("x", "http://evil.example/login", "hxxp"),),
        attachments=(Attachment("a.zip", "application/zip", 9, "ab" * 32),), degraded=False,
        model_version="v1", cached=False, processing_time_ms=1.0, timestamp=NOW,
        head=MailHead("Verify", "x@y.example", "Bank", "z@w.example") if kind == "email" else None,
    )  # fmt: skip


def told(kind: ContentType, raw: bytes, score: float) -> dict[str, Any]:
    line = line_of(asked_of(Task("r-1", kind, raw, user_id="ann")), analysis(kind, score), NOW)
    assert b"\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_of_what_is_benign_nothing_is_kept_but_the_verdict() -> None:
    found = told("email", MAIL, 0.1)
    assert found[c.PHISH_VERDICT] == "benign"
    assert (found[c.PHISH_SCORE], found[c.PHISH_VERSION]) == (0.1, "v1")
    assert (found[c.PHISH_USER], found["size_bytes"]) == ("ann", len(MAIL))
    text = json.dumps(found)
    for kept in ("Secret", "Verify", "y.example", "evil.example", "a.zip", "lies"):
        assert kept not in text


def test_of_phishing_is_kept_what_an_analyst_needs() -> None:
    found = told("email", MAIL, 0.9)
    assert (found[c.EMAIL_SUBJECT], found[c.EMAIL_FROM]) == ("Verify", "x@y.example")
    assert (found[c.EMAIL_FROM_NAME], found[c.EMAIL_REPLY_TO]) == ("Bank", "z@w.example")
    assert (found[c.EMAIL_FILES], found[c.EMAIL_HASHES]) == ("a.zip", "ab" * 32)
    assert found[c.EMAIL_DOMAINS] == "evil.example"
    assert found["reasons"] == [["link", "A link lies.", 0.8]]
    assert "Secret" in found[c.PHISH_CONTENT]
    suspicious = told("text", b"Win a prize", 0.5)
    assert suspicious[c.PHISH_CONTENT] == "Win a prize"


def test_urls_are_kept_as_logs_keep_them() -> None:
    found = told("url", b"https://a.example/x?y=1", 0.0)
    assert found[c.PHISH_CONTENT] == "https://a.example/x?y=1"
    assert found[c.EMAIL_DOMAINS] == "a.example"


@pytest.mark.parametrize("letter", ["a", "\u6f22", "\x01", "\U0001f600"])
def test_long_contents_are_cut(letter: str) -> None:
    raw = (letter * 100_000).encode()
    line = line_of(asked_of(Task("r", "text", raw)), analysis("text", 0.9), NOW)
    assert len(line) <= MAX_TEXT_BYTES
    assert json.loads(line)["size_bytes"] == len(raw)


def test_lines_are_read_by_the_services_format() -> None:
    lines = [json.dumps(told("email", MAIL, 0.9)), json.dumps(told("url", b"http://a.example", 0))]
    import polars as pl

    frame = ServiceFormat().parse(pl.Series(lines), ParseContext(NOW))
    assert frame[c.KIND].to_list() == [c.KIND_EVENT] * 2
    assert frame[c.CATEGORY].to_list() == ["email", "threat"]
    assert frame[c.ACTION].to_list() == ["content-analysed"] * 2
    assert frame[c.PHISH_SCORE].to_list() == pytest.approx([0.9, 0.0])
    assert frame[c.URL].null_count() == 2  # nothing for the web detector
    assert frame[c.TIMESTAMP].to_list() == [NOW] * 2


class Kept:
    def __init__(self, record: str = "all") -> None:
        self.lines: list[bytes] = []
        self.n_lost = 0
        self.recorder = AnalysisRecorder(self.lines.extend, self.lose, record)

    def lose(self, n: int) -> None:
        self.n_lost += n


def asked(name: str = "x") -> Asked:
    return asked_of(Task(name, "text", name.encode()))


@pytest.mark.parametrize(("record", "n_kept"), [("all", 3), ("threats", 1)])
def test_the_setting_says_what_is_recorded(record: str, n_kept: int) -> None:
    kept = Kept(record)
    for score in (0.1, 0.5, 0.9):
        kept.recorder.answered(asked(), analysis("text", score))
    assert len(kept.lines) == n_kept


def test_queued_contents_are_recorded_when_they_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysed, "MAX_LATER", 2)
    kept = Kept()
    for name in ("a", "b", "c"):
        kept.recorder.queued(name, asked(name))
    assert kept.n_lost == 1  # the oldest
    kept.recorder.ended("a", analysis("text", 0.9))
    kept.recorder.ended("b", None)  # cancelled
    kept.recorder.ended("c", analysis("text", 0.9))
    kept.recorder.ended("c", analysis("text", 0.9))
    kept.recorder.ended("other", analysis("text", 0.9))
    assert len(kept.lines) == 1
    assert json.loads(kept.lines[0])[c.PHISH_CONTENT] == "c"
