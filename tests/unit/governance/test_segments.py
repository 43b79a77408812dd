import json
from dataclasses import replace

import pytest

from soc_copilot.domain.archive import SourceShare
from soc_copilot.domain.errors import PositionConflictError, StoreError
from soc_copilot.governance import segments as segments_module
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, move, segment


@pytest.fixture(autouse=True)
def _sources(governance: Governance) -> None:
    for name in ("a", "b", "c"):
        governance.sources.add("file", f"/var/log/{name}.log")


def store(governance: Governance, *names: str, shares: dict[int, SourceShare] | None = None):
    stored = [segment(name, shares) for name in names]
    for one in stored:
        governance.batches.store(commit(segment=one))
    return stored


def test_a_segment_is_registered_with_its_batch_exactly(governance: Governance) -> None:
    shares = {1: SourceShare(3, 2**40, -5, 10), 3: SourceShare(1, 7, 2**55, 2**55 + 1)}
    there = segment("b.parquet", shares, size_bytes=2**41)
    governance.batches.store(commit(moves=[move(-1, 10)], segment=there))
    assert governance.segments.list() == (there,)
    assert governance.segments.names() == {"b.parquet"}


def test_a_refused_batch_registers_no_segment(governance: Governance) -> None:
    with pytest.raises(PositionConflictError):
        governance.batches.store(commit(moves=[move(5, 10)], segment=segment()))
    assert governance.segments.names() == frozenset()


def test_a_name_is_used_once(governance: Governance) -> None:
    store(governance, "a")
    with pytest.raises(StoreError):
        governance.batches.store(commit(moves=[move(-1, 10)], segment=segment("a")))
    assert governance.sources.checkpoints(1) == ()


def test_segments_are_found_by_source_time_and_level(governance: Governance) -> None:
    of = {1: SourceShare(1, 10, 100, 200), 2: SourceShare(1, 10, 500, 600)}
    (late,) = store(governance, "late", shares={1: SourceShare(1, 10, 300, 400)})
    (both,) = store(governance, "both", shares=of)
    high = segment("high", {2: SourceShare(1, 10, 50, 60)}, level=1)
    governance.batches.store(commit(segment=high))

    def found(**by: int) -> list[str]:
        return [one.name for one in governance.segments.list(**by)]

    assert governance.segments.list() == (high, both, late)
    assert found(source_id=1) == ["both", "late"]
    assert found(source_id=3) == []
    assert found(level=1) == ["high"]
    assert found(since_us=401) == ["both"]
    assert found(since_us=400) == ["both", "late"]
    assert found(until_us=100) == ["high"]
    assert found(until_us=101) == ["high", "both"]
    # Of the chosen source's part of a segment, not of all of it.
    assert found(source_id=1, since_us=401) == []
    assert found(source_id=2, until_us=500, level=0) == []


def test_replacing_is_one_step_and_only_from_what_is_there(governance: Governance) -> None:
    store(governance, "a", "b", "c")
    merged = segment("m", {1: SourceShare(20, 1_600, 1_000, 2_000)}, level=1)
    assert not governance.segments.replace(["a", "gone"], [merged])
    assert governance.segments.names() == {"a", "b", "c"}
    assert governance.segments.replace(["a", "b"], [merged])
    assert not governance.segments.replace(["a", "b"], [replace(merged, name="n")])
    assert governance.segments.names() == {"c", "m"}
    assert governance.segments.list(level=1) == (merged,)


@pytest.mark.parametrize(
    "shares",
    [
        {1: SourceShare(9, 800, 1_000, 2_000)},
        {1: SourceShare(11, 800, 1_000, 2_000)},
        {2: SourceShare(10, 800, 1_000, 2_000)},
    ],
)
def test_replacing_never_loses_or_adds_an_event(
    governance: Governance, shares: dict[int, SourceShare]
) -> None:
    before = store(governance, "a")
    with pytest.raises(StoreError, match="not changed"):
        governance.segments.replace(["a"], [segment("m", shares)])
    assert governance.segments.list() == tuple(before)


def test_removal_says_on_the_audit_trail_what_is_gone(
    governance: Governance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments_module, "NAMES_PER_ROW", 2)
    store(governance, "a", "b", shares={1: SourceShare(3, 5, 0, 1), 2: SourceShare(4, 5, 0, 1)})
    store(governance, "c", "d")
    assert governance.segments.remove(["a", "b", "c", "gone"], "90 days") == 24
    assert governance.segments.names() == {"d"}
    second, first = governance.audit.rows(limit=2)
    assert (first.action, first.subject, first.new, first.reason) == (
        *("archive.removed", "archive", None, "90 days"),
    )
    assert json.loads(first.old or "") == {
        "events": 14,
        "size_bytes": 2_000,
        "events_by_source": {"1": 6, "2": 8},
        "segments": ["a", "b"],
    }
    assert json.loads(second.old or "")["segments"] == ["c"]
    rows = governance.audit.count()
    assert governance.segments.remove(["a"], "again") == 0
    assert governance.audit.count() == rows


def test_a_trimmed_segment_takes_the_place_of_the_whole_and_the_trail_says_so(
    governance: Governance,
) -> None:
    store(governance, "a", "b", shares={1: SourceShare(5, 50, 0, 9), 2: SourceShare(4, 40, 0, 9)})
    rest = segment("m", {1: SourceShare(2, 20, 5, 9)}, size_bytes=300)
    assert governance.segments.trim("a", rest, "10 days")
    assert governance.segments.names() == {"b", "m"}
    (row,) = governance.audit.rows(limit=1)
    assert (row.action, row.subject, row.reason) == ("archive.removed", "archive", "10 days")
    assert json.loads(row.old or "") == {
        "events": 7,
        "size_bytes": 700,
        "events_by_source": {"1": 3, "2": 4},
        "segments": ["a"],
    }
    assert json.loads(row.new or "") == {"segments": ["m"]}
    rows = governance.audit.count()
    assert not governance.segments.trim("a", replace(rest, name="n"), "10 days")
    assert governance.segments.names() == {"b", "m"}
    assert governance.audit.count() == rows


@pytest.mark.parametrize(
    "shares",
    [
        {1: SourceShare(10, 80, 0, 1)},
        {1: SourceShare(11, 80, 0, 1)},
        {2: SourceShare(9, 80, 0, 1)},
        {1: SourceShare(9, 80, 0, 1), 2: SourceShare(1, 80, 0, 1)},
    ],
)
def test_trimming_never_adds_an_event(
    governance: Governance, shares: dict[int, SourceShare]
) -> None:
    before = store(governance, "a", shares={1: SourceShare(10, 80, 0, 1)})
    rows = governance.audit.count()
    with pytest.raises(StoreError, match="not changed"):
        governance.segments.trim("a", segment("m", shares), "10 days")
    assert governance.segments.list() == tuple(before)
    assert governance.audit.count() == rows


def test_usage_and_ledgers_tell_each_sources_part(governance: Governance) -> None:
    thirds = {n: SourceShare(n, 10, 0, 1) for n in (1, 2, 3)}
    store(governance, "a", shares=thirds)
    store(governance, "b")
    usage = governance.segments.usage()
    assert [(u.source_id, u.n_rows, u.raw_bytes) for u in usage] == [
        *((1, 11, 810), (2, 2, 10), (3, 3, 10)),
    ]
    assert sum(u.size_bytes for u in usage) == 2_000
    assert [u.size_bytes for u in usage] == [1_333, 333, 334]
    for told, used in zip(governance.sources.ledger(), usage, strict=True):
        assert (told.archived_events, told.archived_bytes) == (used.n_rows, used.size_bytes)


def test_thousands_of_segments_are_handled_in_parts(governance: Governance) -> None:
    names = [f"{n:06}" for n in range(1_200)]
    with governance._session.write(governance.actor) as tx:
        for name in names:
            segments_module.insert_segment(tx.connection, segment(name))
    assert len(governance.segments.list()) == 1_200
    total = SourceShare(12_000, 960_000, 1_000, 2_000)
    assert governance.segments.replace(names, [segment("all", {1: total}, level=1)])
    assert governance.segments.names() == {"all"}
