"""Lines made against their readers are found, whatever the batches; others are left alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.engine import check_detections
from soc_copilot.detection.integrity import create
from soc_copilot.detection.integrity.rules import CONTROL, LONG_LINE, NULS
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def batch_of(*lines, sender=None, start=0):
    """A batch of (text, length) or text; one second apart."""
    pairs = [(line, len(line) + 1) if isinstance(line, str) else line for line in lines]
    frame = pl.DataFrame(
        {
            c.SOURCE_ID: [1] * len(pairs),
            c.GENERATION: [1] * len(pairs),
            c.OFFSET: [(start + i) * 100_000_000 for i in range(len(pairs))],
            c.LENGTH: [length for _, length in pairs],
            c.FILE_PATH: ["/log/{a}"] * len(pairs),
            c.ORIGINAL: [text for text, _ in pairs],
            c.TIMESTAMP: [NOON + timedelta(seconds=start + i) for i in range(len(pairs))],
        },
        schema={
            c.SOURCE_ID: pl.Int32,
            c.GENERATION: pl.Int32,
            c.OFFSET: pl.Int64,
            c.LENGTH: pl.Int64,
            c.FILE_PATH: pl.String,
            c.ORIGINAL: pl.String,
            c.TIMESTAMP: pl.Datetime("us", "UTC"),
        },
    )
    if sender is not None:
        frame = frame.with_columns(pl.Series(c.SENDER, sender, dtype=pl.String))
    return EventBatch(1, frame.with_columns(pl.col(c.TIMESTAMP).alias(c.INGESTED)))


def detect(*lines, **more):
    detector, batch = create({}), batch_of(*lines, **more)
    detector.start("cpu")
    found = detector.detect(batch)
    check_detections(found, "integrity", batch.n_events)
    return found


def rules_of(found):
    return sorted(finding.rule for finding in found.findings)


@pytest.mark.parametrize(
    "line",
    ["", "plain", "\x1b[31mred\x1b[0m", "\0" * 15, "caf\\xe9 \\x16\\x03", ("a", 65_536), "\x1b("],
)  # fmt: skip
def test_ordinary_lines_have_no_score(line):
    found = detect(line)
    assert np.isnan(found.scores).all()
    assert found.findings == ()


def test_a_line_longer_than_what_is_kept_is_told_with_its_length():
    found = detect("before", ("x" * 100, 65_537), ("x" * 100, 9_000_000), "after")
    (finding,) = found.findings
    assert (finding.rule, finding.count, finding.entity) == (LONG_LINE.id, 2, "/log/{a}")
    assert finding.entity_type == c.FILE_PATH
    assert "9,000,000 bytes" in finding.summary
    assert np.isnan(found.scores[[0, 3]]).all()
    assert found.scores[1] == pytest.approx(0.6, abs=1e-4)
    assert found.scores[1] < found.scores[2] == pytest.approx(finding.score)
    assert (finding.first_seen, finding.last_seen) == (
        NOON + timedelta(seconds=1),
        NOON + timedelta(seconds=2),
    )
    assert [line.offset for line in finding.evidence] == [100_000_000, 200_000_000]


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x1b[1A\x1b[2K", "\x1b]0;title\x07", "\x1bc", "\x1b[?1049h", "\x1bP1q"]
)
def test_terminal_commands_are_told_and_colours_are_not(text):
    assert rules_of(detect(f"ok \x1b[32m{text}")) == [CONTROL.id]


def test_zeros_inside_a_line_are_told():
    found = detect("half" + "\0" * 16 + "rest")
    assert rules_of(found) == [NULS.id]
    assert "16 NUL bytes" in found.findings[0].summary


def test_a_line_can_break_several_rules_and_has_the_highest_score():
    found = detect(("\0" * 20 + "\x1b[2J", 70_000))
    assert rules_of(found) == sorted([LONG_LINE.id, NULS.id, CONTROL.id])
    assert found.scores[0] == pytest.approx(0.7)


def test_received_lines_are_laid_to_their_sender_without_the_port():
    found = detect("\x1b[2J", "\x1b[2J", "\x1b[2J", sender=["192.0.2.7:514", "192.0.2.7:515", None])
    assert [(f.entity, f.entity_type, f.count) for f in found.findings] == [
        ("192.0.2.7", c.SENDER, 2),
        ("/log/{a}", c.FILE_PATH, 1),
    ]


def test_days_are_told_apart_and_evidence_is_bounded():
    n = 2 * EVIDENCE_PER_FINDING
    found = detect(*["\x1b[2J"] * n, "\x1b[2J" * 9, start=86_400 // 2 - n)
    first, second = found.findings
    assert (first.count, second.count) == (n, 1)
    assert first.day != second.day
    many = detect(*["\x1b[2J"] * n, "\x1b[2J" * 9).findings[0]
    assert len(many.evidence) == EVIDENCE_PER_FINDING
    assert many.evidence[-1].raw == "\x1b[2J" * 9


LINES = st.sampled_from(["a", "\x1b[2J", "\x1b[2J\x1b[K", "\0" * 30, ("x", 70_000), ("y", 1 << 25)])


@given(st.lists(LINES, min_size=1, max_size=12), st.integers(0, 12))
def test_batches_make_no_difference(lines, at):
    whole = detect(*lines)
    parts = [detect(*lines[:at]), detect(*lines[at:], start=at)]
    scores = np.concatenate([part.scores for part in parts])
    assert np.array_equal(whole.scores, scores, equal_nan=True)
    for finding in whole.findings:
        same = [f for part in parts for f in part.findings if f.rule == finding.rule]
        assert sum(f.count for f in same) == finding.count
        top = max(same, key=lambda f: f.score)
        assert (top.score, top.summary) == (finding.score, finding.summary)


def test_nothing_is_kept_between_batches():
    detector = create({})
    detector.restore(b"whatever")
    assert detector.detect(batch_of("\x1b[2J")).state is None
    detector.commit()
    detector.rollback()
    detector.close()
