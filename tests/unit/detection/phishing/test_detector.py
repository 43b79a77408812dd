"""The phishing detector over batches: scored, taken over, explained."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.engine import check_detections
from soc_copilot.detection.phishing import create
from soc_copilot.detection.phishing.analysers import MailAnalyser, TextAnalyser
from soc_copilot.detection.phishing.detector import PhishingDetector
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.mail_lines import FoundMessage, line_of
from soc_copilot.domain.phishing import Content, Link, ParsedEmail, PartResult, Reason
from soc_copilot.parsing.mail import MailFormat
from soc_copilot.parsing.protocol import ParseContext
from soc_copilot.parsing.service import ServiceFormat

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
PHISH = ParsedEmail(
    subject="Your account is suspended", from_name="PayPal", from_address="x@pay.example",
    text="Dear customer, your PayPal account is suspended. Verify your password within 24 hours "
    "by clicking the link below or it will be closed.",
    links=(Link("paypal.com/login", "http://paypal-login.secure-id.example/verify", ""),),
    has_html=True, n_forms=1,
)  # fmt: skip
HARMLESS = ParsedEmail(
    subject="Minutes of Tuesday", from_name="Ann", from_address="ann@work.example",
    text="Attached are the minutes of our meeting on Tuesday. Bob, could you look at item 4?",
)  # fmt: skip


def mail_line(mail: ParsedEmail, kind: str = "email") -> str:
    return line_of(FoundMessage(kind, mail, 100, "ab" * 32)).decode()  # type: ignore[arg-type]


def told_line(kind: str, prediction: str, score: float, **more: object) -> str:
    told = {
        "@timestamp": NOON.isoformat(), c.PHISH_KIND: kind, c.PHISH_VERDICT: prediction,
        c.PHISH_SCORE: score, c.PHISH_VERSION: "v9", c.PHISH_HASH: "cd" * 32, **more,
    }  # fmt: skip
    return json.dumps(told)


def batch_of(lines: list[str], form: type = MailFormat) -> EventBatch:
    n = len(lines)
    base = pl.DataFrame(
        {
            c.SOURCE_ID: pl.Series([3] * n, dtype=pl.Int32),
            c.GENERATION: pl.Series(range(1, n + 1), dtype=pl.Int32),
            c.OFFSET: pl.Series([0] * n, dtype=pl.Int64),
            c.LENGTH: pl.Series([len(line) + 1 for line in lines], dtype=pl.Int64),
            c.FILE_PATH: [f"drop/{i}.eml" for i in range(n)],
            c.ORIGINAL: lines,
            c.INGESTED: [NOON + timedelta(seconds=i) for i in range(n)],
        },
        schema_overrides={c.INGESTED: pl.Datetime("us", "UTC")},
    )
    parsed = form().parse(base[c.ORIGINAL], ParseContext(NOON))
    frame = base.hstack(parsed).with_columns(pl.col(c.TIMESTAMP).fill_null(pl.col(c.INGESTED)))
    return EventBatch(1, frame)


@pytest.fixture(scope="module")
def shipped() -> PhishingDetector:
    found = create({})
    found.start("cpu")
    return found


def test_messages_are_scored_as_the_terminal_scores_them(shipped: PhishingDetector) -> None:
    batch = batch_of([mail_line(PHISH), mail_line(HARMLESS), "no line of ours"])
    found = check_detections(shipped.detect(batch), "phishing", 3)
    (finding,) = found.findings
    assert (finding.rule, finding.entity) == ("phishing.email", "x@pay.example")
    assert finding.entity_type == c.EMAIL_FROM
    assert finding.technique == "T1566.002"
    assert finding.severity >= Severity.MEDIUM
    assert "x[@]pay[.]example" in finding.summary
    assert finding.components[0].name == "Like phishing"
    assert len(finding.components) > 1
    assert finding.evidence[0].highlights
    assert finding.next_steps
    alone = MailAnalyser().analyse(Content("email", b"", PHISH.text, PHISH)).score
    assert found.scores[0] == pytest.approx(alone, abs=1e-6)
    assert found.scores[1] < 0.5
    assert np.isnan(found.scores[2])
    assert finding.model_version == shipped.info.version != ""


def test_batches_make_no_difference(shipped: PhishingDetector) -> None:
    lines = [mail_line(PHISH), mail_line(HARMLESS), mail_line(PHISH)]
    together = shipped.detect(batch_of(lines))
    alone = [shipped.detect(batch_of([line])).scores[0] for line in lines]
    assert together.scores == pytest.approx(alone, abs=1e-5)
    assert [finding.count for finding in together.findings] == [2]


def test_pages_are_scored_by_their_text(shipped: PhishingDetector) -> None:
    found = shipped.detect(batch_of([mail_line(PHISH, "page")]))
    text = TextAnalyser().analyse(Content("text", b"", PHISH.text)).score
    assert found.scores[0] == pytest.approx(text, abs=1e-6)


class Part:
    """A part that says what it is told to, and counts."""

    version = "fake"

    def __init__(self, score: float = 0.99, poison: str = "") -> None:
        self.score, self.poison, self.n = score, poison, 0

    def analyse(self, content: Content) -> PartResult:
        self.n += 1
        if self.poison and self.poison in content.text:
            raise ValueError("poison")
        return PartResult("fake", self.score, reasons=(Reason("attachment", "A file.", weight=1),))

    def analyse_many(self, contents: list[Content]) -> list[PartResult]:
        return [self.analyse(content) for content in contents]


def faked(part: Part, threshold: float = 0.7) -> PhishingDetector:
    found = PhishingDetector(threshold, (part, part))  # type: ignore[arg-type]
    found.start("cpu")
    return found


def test_what_the_service_analysed_is_not_scored_again() -> None:
    part = Part(0.01)
    lines = [
        told_line("url", "phish", 0.83, **{c.EMAIL_DOMAINS: "evil.example"}),
        told_line("text", "phish", 0.95, reasons=[["words", "It urges.", 0.5]]),
        told_line("email", "suspicious", 0.69),
        told_line("text", "benign", 0.1),
        '{"@timestamp":"2026-03-10T12:00:00Z","url.original":"/a","web.score":0.9}',
    ]
    found = faked(part, threshold=0.99).detect(batch_of(lines, ServiceFormat))
    assert part.n == 0
    assert found.scores[:4] == pytest.approx([0.83, 0.95, 0.69, 0.1])
    assert np.isnan(found.scores[4])
    told = {finding.rule: finding for finding in found.findings}
    assert set(told) == {"phishing.url", "phishing.text"}  # as was answered
    assert told["phishing.url"].entity == "evil.example"
    assert told["phishing.url"].technique == "T1566.002"
    assert told["phishing.text"].technique == "T1566.003"
    assert told["phishing.text"].summary == "A text looks like phishing. It urges."
    assert {finding.model_version for finding in found.findings} == {"v9"}
    check_detections(found, "phishing", 5)


def test_one_message_that_breaks_the_model_costs_the_others_nothing() -> None:
    lines = [mail_line(HARMLESS), mail_line(PHISH)]
    found = faked(Part(poison="PayPal")).detect(batch_of(lines))
    assert found.scores[0] == pytest.approx(0.99)
    assert np.isnan(found.scores[1])
    assert found.findings[0].technique == "T1566.001"
    with pytest.raises(DetectorError, match="ValueError"):
        faked(Part(poison="PayPal")).detect(batch_of(lines[1:]))


def test_the_threshold_is_the_settings() -> None:
    assert create({"detection.phishing.threshold": 0.9}).info.threshold == 0.9
    lines = [mail_line(PHISH)]
    assert len(faked(Part(0.8)).detect(batch_of(lines)).findings) == 1
    assert faked(Part(0.8), threshold=0.9).detect(batch_of(lines)).findings == ()


def test_it_has_to_be_started_and_keeps_nothing() -> None:
    detector = PhishingDetector()
    with pytest.raises(DetectorError, match="not started"):
        detector.detect(batch_of([mail_line(PHISH)]))
    detector.commit()
    detector.rollback()
    detector.restore(b"anything")
    detector.close()
