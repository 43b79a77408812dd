import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.clock import to_us
from soc_copilot.domain.findings import Finding, Severity
from soc_copilot.governance.grouping import (
    EARLIEST_EVIDENCE,
    STRONGEST_EVIDENCE,
    Line,
    choose,
    evidence_values,
    group,
    key_of,
    line_of,
    merged,
)
from tests.unit.governance.helpers import finding, line, minutes


def test_findings_of_one_key_are_one_group() -> None:
    groups = group([finding(count=2), finding("198.51.100.1"), finding(count=3)])
    assert [g.values["count"] for g in groups.values()] == [5, 1]


def test_detector_rule_entity_and_day_tell_groups_apart() -> None:
    one = finding()
    others = [
        replace(one, detector="auth"),
        replace(one, rule="web.xss"),
        replace(one, entity="x"),
        finding(first_seen=minutes(24 * 60)),
    ]
    assert len({key_of(f) for f in (one, *others)}) == 5
    assert key_of(replace(one, title="other", score=0.1)) == key_of(one)


def test_the_strongest_finding_describes_the_alert() -> None:
    weak = finding(score=0.6, title="weak", severity=Severity.CRITICAL, first_seen=minutes(5))
    strong = finding(score=0.8, title="strong", severity=Severity.LOW, first_seen=minutes(9))
    for order in ([weak, strong], [strong, weak]):
        (values,) = (g.values for g in group(order).values())
        assert (values["title"], values["score"]) == ("strong", 0.8)
        assert values["severity"] == Severity.CRITICAL
        assert values["first_us"] == to_us(minutes(5))
        assert values["last_us"] == to_us(minutes(9))


def test_the_earliest_of_equally_strong_findings_describes_the_alert() -> None:
    late = finding(title="late", first_seen=minutes(9))
    early = finding(title="early", first_seen=minutes(5))
    for order in ([late, early], [early, late]):
        assert next(iter(group(order).values())).values["title"] == "early"


def test_numbers_that_are_none_count_as_zero() -> None:
    (values,) = (g.values for g in group([finding(score=math.nan, threshold=math.inf)]).values())
    assert (values["score"], values["threshold"]) == (0.0, 0.0)
    (values,) = (g.values for g in group([finding(score=np.float32(0.5))]).values())
    assert type(values["score"]) is float


def test_evidence_is_offered_once_and_names_the_source() -> None:
    (found,) = group(
        [finding(evidence=(line(0), line(9))), finding(evidence=(line(9), line(20)))]
    ).values()
    assert list(found.evidence) == ["1-1-0", "1-1-9", "1-1-20"]
    assert found.source_id == 1
    assert next(iter(group([finding()]).values())).source_id is None


scores = st.sampled_from([0.1, 0.5, 0.9])
findings = st.lists(
    st.builds(
        lambda score, start, length, severity, count: finding(
            score=score,
            first_seen=minutes(start),
            last_seen=minutes(start + length),
            severity=severity,
            count=count,
            title=f"at {start} with {score}",
        ),
        scores,
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from(Severity),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=12,
)


@given(findings, st.integers(0, 12))
def test_any_split_into_batches_gives_the_same_alert(found: list[Finding], cut: int) -> None:
    (whole,) = group(found).values()
    halves = [next(iter(group(half).values())) for half in (found[:cut], found[cut:]) if half]
    values = halves[0].values
    for half in halves[1:]:
        values = merged(values, half.values)
    assert values == whole.values


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 5)), max_size=90, unique_by=lambda t: t[0]
    ),
    st.lists(st.integers(0, 90), max_size=4),
)
def test_any_split_keeps_the_same_lines(drawn: list[tuple[int, int]], cuts: list[int]) -> None:
    lines = [Line(str(at), (at, 1, 1, at), score / 5) for at, score in drawn]
    kept: dict[str, Line] = {}
    places = [0, *sorted(cuts), len(lines)]
    for start, end in pairwise(places):
        offered = {**kept, **{one.event_id: one for one in lines[start:end]}}
        kept = {name: offered[name] for name in choose(offered.values())}
    assert set(kept) == choose(lines)
    assert len(kept) == min(len(lines), EARLIEST_EVIDENCE + STRONGEST_EVIDENCE)


def test_the_earliest_and_then_the_strongest_lines_are_kept() -> None:
    lines = [line_of(line(i, at=minutes(i), score=i / 100)) for i in range(60)]
    assert choose(lines) == {f"1-1-{i}" for i in (*range(20), *range(50, 60))}


def test_names_and_texts_are_bounded() -> None:
    long = "x" * 100_000
    ((key, found),) = group([finding(long, title=long, summary=long)]).items()
    assert len(key[2]) == 512
    assert len(found.values["title"]) == len(found.values["summary"]) == 4_096


def test_a_stored_line_is_bounded() -> None:
    values = evidence_values(7, line(0, raw="x" * 100_000, score=math.nan))
    assert len(values["raw"]) == 8_192
    assert (values["alert_id"], values["score"], values["highlights"]) == (7, 0.0, "[[5, 7]]")
