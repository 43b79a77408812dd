import pytest

from soc_copilot.detection.auth import rules
from soc_copilot.detection.auth.findings import highlights, keep_line, kept_line, summary
from tests.unit.detection.auth.frames import batches, failed

TOLD = {
    "total": 41,
    "distinct": 41,
    "user": "deploy",
    "users": ["root", "admin", "test"],
    "hosts": ["gw"],
    "address": "192.0.2.77",
    "text": "sudo",
}


def test_names_and_phrases_are_highlighted_without_overlap():
    raw = "sshd[1]: Accepted password for deploy from 192.0.2.77 port 22 ssh2"
    spans = highlights(raw, ("deploy", "192.0.2.77", ""))
    assert [raw[a:b] for a, b in spans] == ["Accepted password for deploy", "192.0.2.77"]


def test_a_hostile_name_is_taken_literally():
    raw = "Failed password for .* from 192.0.2.77"
    assert [raw[a:b] for a, b in highlights(raw, (".*", "("))] == ["Failed password for", ".*"]


def test_a_kept_line_is_the_same_event():
    (line,) = batches([failed(3)])[0].evidence([0])
    again = kept_line(keep_line(line), ("root",))
    assert again.event_id == line.event_id
    assert again.timestamp == line.timestamp
    assert again.raw == line.raw
    assert again.highlights


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.id)
def test_every_rule_has_one_plain_sentence(rule):
    for told in (TOLD, {**TOLD, "hosts": [], "users": [], "user": "", "distinct": 1}):
        text = summary(rule, "192.0.2.77", told)
        assert text.endswith(".")
        assert "  " not in text
        assert "()" not in text
        assert "192.0.2.77" in text


def test_the_summary_names_three_accounts_and_counts_the_rest():
    text = summary(rules.SPRAY, "192.0.2.77", TOLD)
    assert "41 accounts (root, admin, test and 38 more) on gw" in text
