from datetime import timedelta

import numpy as np
import pytest

from soc_copilot.detection.phishing.findings import SURE, Flagged, build_findings, technique_of
from soc_copilot.domain import columns as c
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Severity
from soc_copilot.domain.phishing import ParsedEmail, Reason
from tests.unit.detection.phishing.test_detector import HARMLESS, NOON, PHISH, batch_of, mail_line


def found(mails, scores=None, reasons=(), shift_s=0):
    batch = batch_of([mail_line(mail) for mail in mails])
    if shift_s:
        stamps = batch.frame[c.TIMESTAMP] + timedelta(seconds=shift_s)
        batch = type(batch)(1, batch.frame.with_columns(stamps.alias(c.TIMESTAMP)))
    scores = np.array(scores or [0.8] * len(mails), np.float32)
    why = {i: tuple(reasons) for i in range(len(mails))}
    flagged = Flagged(np.arange(len(mails)), scores, why)
    return build_findings(batch, flagged, threshold=0.7, version="v1")


def test_one_finding_for_each_sender_and_day():
    half_a_day = 12 * 3600 - 1
    results = found([PHISH, HARMLESS, PHISH], shift_s=half_a_day)
    # The second message comes at midnight.
    assert [(f.entity, f.count) for f in results] == [
        ("x@pay.example", 1), ("ann@work.example", 1), ("x@pay.example", 1),
    ]  # fmt: skip
    assert all(f.first_seen.date() == f.last_seen.date() for f in results)
    assert NOON.date() in {f.day for f in results}


def test_a_message_without_a_sender_is_known_by_its_file():
    (finding,) = found([ParsedEmail(text="x")])
    assert (finding.entity, finding.entity_type) == ("drop/0.eml", c.FILE_PATH)


def test_it_speaks_of_the_strongest_message():
    reasons = [Reason("words", 'The word "suspended" speaks for phishing.', weight=0.4)]
    (finding,) = found([PHISH] * 30, [0.75] * 29 + [0.95], reasons)
    assert finding.score == pytest.approx(0.95)
    assert SURE < 0.95
    assert finding.severity == Severity.HIGH
    assert len(finding.evidence) == EVIDENCE_PER_FINDING
    last = finding.evidence[-1]
    assert [last.raw[a:b] for a, b in last.highlights] == ["suspended"]
    assert found([PHISH])[0].severity == Severity.MEDIUM


def test_hostile_names_are_made_safe():
    hostile = ParsedEmail(subject="a\u202eb\x1b[2J<b>", from_address="\u202ex@y.example", text="x")
    (finding,) = found([hostile])
    assert not set(finding.summary) & {"\u202e", "\x1b"}


@pytest.mark.parametrize(
    ("kind", "reasons", "has_links", "technique"),
    [
        ("email", [("attachment", 1.0), ("link", 0.5)], True, "T1566.001"),
        ("email", [("attachment", 0.5), ("link", 1.5)], True, "T1566.002"),
        ("email", [("form", 1.0)], False, "T1566.002"),
        ("email", [("words", 1.0)], True, "T1566.002"),
        ("email", [("words", 1.0), ("link", -2.0)], False, "T1566"),
        ("url", [], False, "T1566.002"),
        ("page", [], False, "T1566.002"),
        ("text", [], True, "T1566.002"),
        ("text", [], False, "T1566.003"),
    ],
)
def test_techniques(kind, reasons, has_links, technique):
    made = [Reason(name, "", weight=weight) for name, weight in reasons]
    assert technique_of(kind, made, has_links=has_links) == technique
    assert technique_name(technique).startswith("Phishing")


def test_next_steps_fit_what_there_is():
    (finding,) = found([PHISH])
    assert any("proxy" in step for step in finding.next_steps)
    (finding,) = found([ParsedEmail(from_address="a@b.example", reply_to="c@d.example", text="x")])
    assert any("reply address" in step for step in finding.next_steps)
    assert not any("proxy" in step for step in finding.next_steps)
