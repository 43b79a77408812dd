"""What the comparison with other mail filters rests on."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.bench_mail import accuracy_table, compare, measured, our_scores, read
from tests.benchmarks.mail_peers import Point, rspamd_files, rspamd_score, spamd_score


def test_ours_is_read_where_it_flags_no_more_harmless_messages_than_the_peer() -> None:
    is_phish = np.array([True, True, True, False, False, False, False])
    peer = np.array([9.0, 1.0, 1.0, 6.0, 0.0, 0.0, 0.0])
    ours = np.array([0.9, 0.8, 0.2, 0.85, 0.5, 0.1, 0.1])
    strict, wide = compare("p", (Point("from 5", 5.0), Point("from 0", 0.0)), peer, ours, is_phish)
    assert strict.fpr == 0.25
    assert strict.peer_tpr == pytest.approx(1 / 3)
    assert strict.our_tpr == pytest.approx(2 / 3)
    assert (wide.fpr, wide.peer_tpr, wide.our_tpr) == (1.0, 1.0, 1.0)
    assert "| p, from 5 | 25.0% | 33.3% | 66.7% |" in accuracy_table([strict])


def test_only_whole_messages_of_held_out_groups_are_sent(tmp_path: Path) -> None:
    rows = [
        {
            "id": f"{source}-{group}-1",
            "label": label,
            "content_type": "email",
            "content": f"Subject: {source} {group}\n\nx",
            "source": source,
            "date": "",
        }
        for source, label in (
            ("phishing_pot", "phish"),
            ("spamassassin", "benign"),
            ("spamassassin", "spam"),
            ("nazario", "phish"),
            ("enron", "benign"),
        )
        for group in map(str, range(40))
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "email_some.jsonl").write_text(text, encoding="utf-8")
    found = read(tmp_path, 100)
    assert {(row.dataset, row.label) for row in found} == {
        ("phishing_pot", "phish"),
        ("spamassassin", "benign"),
    }
    assert 0 < len(found) < 40
    assert all(row.is_validation for row in found)
    assert [row.label for row in read(tmp_path, 1)] == ["phish", "benign"]


def test_ours_scores_in_order_whatever_the_batch() -> None:
    contents = [
        "Subject: minutes\n\nThanks, see the patch.",
        "Subject: Your account is suspended\n\nDear customer, verify your account within 24 hours.",
    ]
    together, apart = our_scores(contents), our_scores(contents, 1)
    assert together[1] > together[0]
    assert np.allclose(together, apart, atol=1e-5)


def test_speed_counts_messages_by_both_clocks() -> None:
    ticks = iter((1.0, 3.0, 3.0, 8.0, 8.0, 9.0))
    scores, speed = measured(lambda: np.ones(10), lambda: next(ticks), 3)
    assert len(scores) == 10
    assert speed.per_cpu_s == 5.0
    assert speed.per_s > 0


def test_answers_of_the_peers_are_read() -> None:
    assert spamd_score(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 6.5 / 5.0\r\n\r\n") == 6.5
    assert spamd_score(b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; -0.1 / 5.0\r\n\r\n") == -0.1
    assert rspamd_score(200, b'{"score": 7.25, "action": "add header"}') == 7.25
    with pytest.raises(RuntimeError, match="no score"):
        spamd_score(b"SPAMD/1.0 76 Bad header line\r\n")
    with pytest.raises(RuntimeError, match=r"no score \(503\)"):
        rspamd_score(503, b"busy")


def test_what_asks_the_network_is_off() -> None:
    files = rspamd_files(11)
    for name in ("rbl", "spf", "dkim", "dmarc", "fuzzy_check", "asn"):
        assert files[f"override.d/{name}.conf"] == "enabled = false;\n"
    assert '"127.0.0.1:11"' in files["override.d/worker-normal.inc"]
    assert "phishtank_enabled = false" in files["override.d/phishing.conf"]
