import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.engine import MAX_STATE_BYTES, check_detections
from soc_copilot.detection.host import create
from soc_copilot.detection.host.saved import TOLERANCE, save
from soc_copilot.detection.host.watcher import N_STREAMS, HostWatcher
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import EVIDENCE_PER_FINDING, Severity
from soc_copilot.governance.grouping import choose, group, line_of, merged
from tests.unit.detection.host.batches import batch, other, parts
from tests.unit.detection.host.making import attack, mixed, model, write

DAY_S = 86_400.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("models") / "host"
    save(made, model(), {})
    return made


@pytest.fixture
def watcher(folder):
    made = HostWatcher(folder=folder)
    made.start("cpu")
    return made


def _run(watcher, batches):
    """Scores of all events, and alerts as the pipeline would make them."""
    scores, alerts = [], {}
    for one in batches:
        found = check_detections(watcher.detect(one), "host", one.n_events)
        watcher.commit()
        scores += found.scores.tolist()
        for key, part in group(found.findings).items():
            values, lines = alerts.get(key, (None, {}))
            values = part.values if values is None else merged(values, part.values)
            lines = {**lines, **{name: e for name, e in part.evidence.items() if name not in lines}}
            kept = choose(line_of(line) for line in lines.values())
            alerts[key] = values, {name: line for name, line in lines.items() if name in kept}
    return scores, alerts


def _files(events):
    """Those that the parsers know an action for."""
    return [event for event in events if int(event.operation) < 5]


def test_an_attack_becomes_one_alert(watcher):
    found = watcher.detect(batch(attack(30)))
    (finding,) = found.findings
    assert finding.rule == "host.encryption"
    assert (finding.entity, finding.entity_type) == ("web01", "host.name")
    assert finding.technique == "T1486"
    assert finding.severity is Severity.CRITICAL
    assert finding.summary.startswith("Under /srv/docs: ")
    assert "unreadable content" in finding.summary
    assert finding.count == int((found.scores >= watcher.info.threshold).sum())
    assert finding.score == pytest.approx(float(found.scores.max()))
    assert len(finding.evidence) == EVIDENCE_PER_FINDING
    assert finding.components
    assert any("Take the host off the network" in step for step in finding.next_steps)
    assert finding.model_version == "host-test"


def test_evidence_begins_with_the_first_files_and_not_with_the_alarm(watcher):
    (finding,) = watcher.detect(batch(attack(30))).findings
    first = finding.evidence[0]
    assert first.raw.startswith('{"path": "/srv/docs/0/file0.txt"')
    assert first.score < watcher.info.threshold
    assert [first.raw[a:b] for a, b in first.highlights] == ["file0.txt"]


def test_events_of_other_kinds_have_no_score(watcher):
    found = watcher.detect(other(5))
    assert np.isnan(found.scores).all()
    assert found.state is None
    mixed_frame = pl.concat([other(2).frame, batch(attack(3)).frame])
    scores = watcher.detect(EventBatch(0, mixed_frame)).scores
    assert np.isnan(scores).tolist() == [True, True, False, False, False]


def test_commands_are_told_beside_file_activity_and_leave_it_alone(watcher):
    files = batch(attack(12))
    alone = watcher.detect(files)
    watcher.rollback()
    starts = batch(attack(2), 50).frame.with_columns(
        pl.lit("process-started").alias(c.ACTION),
        pl.lit("host.audit").alias(c.DATASET),
        pl.Series(c.COMMAND, ["ls", "vssadmin delete shadows /all"]),
    )
    both = EventBatch(0, pl.concat([starts, files.frame], how="diagonal"))
    found = check_detections(watcher.detect(both), "host", 14)
    assert np.array_equal(found.scores[2:], alone.scores)
    assert np.isnan(found.scores[0])
    assert found.scores[1] == pytest.approx(0.9)
    assert found.findings[:-1] == alone.findings
    assert found.findings[-1].rule == "host.recovery"


def test_torn_audit_events_go_to_their_users_stream_whatever_the_batches(watcher):
    events = attack(12)
    files = batch(events).frame.with_columns(
        pl.lit("host.audit").alias(c.DATASET),
        pl.int_range(12, dtype=pl.Int64).alias(c.AUDIT_ID),
        pl.lit("PATH").alias(c.EVENT_CODE),
        pl.lit(None, pl.String).alias(c.USER),
    )
    calls = files.with_columns(
        pl.lit("SYSCALL").alias(c.EVENT_CODE),
        pl.lit("rename").alias(c.ACTION),
        pl.lit(None, pl.String).alias(c.PATH),
        pl.lit("ada").alias(c.USER),
    )
    whole = watcher.detect(EventBatch(0, pl.concat([calls, files])))
    watcher.rollback()
    assert [judged.stream for judged in whole.streams] == ["1/web01/ada"]
    assert watcher.detect(EventBatch(0, calls)).state
    watcher.commit()
    first = watcher.detect(EventBatch(0, files[:5]))
    watcher.rollback()
    assert np.array_equal(watcher.detect(EventBatch(0, files[:5])).scores, first.scores)
    watcher.commit()
    last = watcher.detect(EventBatch(0, files[5:])).scores
    assert np.allclose([*first.scores, *last], whole.scores[12:], rtol=0, atol=1e-5)


def test_commands_alone_need_no_memory(watcher):
    frame = (
        batch(attack(1))
        .frame.drop(c.PATH)
        .with_columns(
            pl.lit("process-started").alias(c.ACTION),
            pl.lit("windows").alias(c.DATASET),
            pl.lit("wevtutil cl Security").alias(c.COMMAND),
        )
    )
    found = watcher.detect(EventBatch(0, frame))
    assert [finding.rule for finding in found.findings] == ["host.traces"]
    assert found.state is None


def test_ordinary_work_makes_no_alert(watcher):
    events = [replace(e, entropy=4.5, target="") for e in attack(40)]
    assert watcher.detect(batch(events)).findings == ()


def test_without_a_host_the_folder_stands_for_it(watcher):
    (finding,) = watcher.detect(batch(attack(30), has_host=False)).findings
    assert finding.entity_type == "file.directory"
    assert finding.entity == "/srv/docs"


def test_each_day_and_each_host_has_its_own_alert(watcher):
    late = attack(30, began_s=DAY_S, folder="/srv/more")
    there = attack(30, stream="db02")
    scores, alerts = _run(watcher, [batch([*attack(30), *late]), batch(there, 100)])
    assert len(scores) == 90
    assert sorted(entity for _, _, entity, _ in alerts) == ["db02", "web01", "web01"]


@pytest.fixture(scope="module")
def two(folder):
    made = HostWatcher(folder=folder), HostWatcher(folder=folder)
    for one in made:
        one.start("cpu")
    return made


@settings(max_examples=12)
@given(st.lists(st.integers(1, 60), max_size=4), st.booleans(), st.integers(0, 3))
def test_batches_change_neither_scores_nor_alerts(two, cuts, has_host, seed):
    events = _files(mixed(45, seed=seed))
    events += attack(15, "web02", 40.0)
    events.sort(key=lambda event: event.timestamp)
    for one in two:
        one.restore(None)
    wanted = _run(two[0], [batch(events, has_host=has_host)])
    found = _run(two[1], parts(events, cuts, has_host=has_host))
    assert np.allclose(found[0], wanted[0], rtol=0, atol=1e-5)
    for alerts in (found[1], wanted[1]):
        for values, _ in alerts.values():
            values.pop("top_us")  # of the finding that describes it, not of what it says
    assert found[1] == wanted[1]


def _with_accidents(watchers, events, plan):
    """Scores of the events in batches of these sizes; some not stored at first, some restarted."""
    now, state, found, at = 0, None, [], 0
    watchers[now].restore(None)
    for size, is_stored, restarts in [*plan, (len(events), True, False)]:
        part = batch(events[at : at + size], at)
        at += size
        if not is_stored:
            watchers[now].detect(part)
            watchers[now].rollback()
        answer = watchers[now].detect(part)
        watchers[now].commit()
        state = answer.state or state
        found += answer.scores.tolist()
        if restarts:
            now = 1 - now
            watchers[now].restore(state)
    return found


ACCIDENTS = st.lists(st.tuples(st.integers(0, 40), st.booleans(), st.booleans()), max_size=5)


@settings(max_examples=15)
@given(ACCIDENTS, st.integers(0, 3))
def test_batches_that_were_not_stored_and_restarts_change_no_score(two, plan, seed):
    events = _files(mixed(60, seed=seed))
    two[0].restore(None)
    wanted = two[0].detect(batch(events)).scores
    assert np.allclose(_with_accidents(two, events, plan), wanted, rtol=0, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_scores_as_the_processor_does(folder):
    there, here = ([HostWatcher(folder=folder) for _ in range(2)] for _ in range(2))
    for watchers, device in ((there, "cuda"), (here, "cpu")):
        for one in watchers:
            one.start(device)
    events, plan = _files(mixed(90)), [(7, True, True), (1, False, False), (40, True, True)]
    found, wanted = (_with_accidents(watchers, events, plan) for watchers in (there, here))
    assert np.allclose(found, wanted, rtol=0, atol=TOLERANCE)


def test_many_more_streams_than_it_keeps_take_no_more_memory(watcher):
    sizes = []
    for first in range(0, 6 * N_STREAMS, N_STREAMS):
        events = [write(i, f"/a{i}", i / 1e3, stream=f"s{i}")
                  for i in range(first, first + N_STREAMS)]  # fmt: skip
        found = check_detections(watcher.detect(batch(events, first)), "host", N_STREAMS)
        watcher.commit()
        sizes.append(len(found.state))
        assert np.isfinite(found.scores).all()
    assert len(watcher._scorer.memory.windows.table) <= N_STREAMS
    assert max(sizes) < MAX_STATE_BYTES / 4


NUMBERS = st.one_of(st.none(), st.floats(), st.sampled_from([-1.0, 0.0, 7.99, 8.0, 1e300]))
ODD = st.lists(
    st.tuples(st.integers(0, 253_402_300_799), st.text(max_size=9), NUMBERS, NUMBERS), max_size=9
)


@settings(max_examples=30)
@given(ODD)
def test_any_times_names_and_numbers_get_a_score(two, rows):
    times, names, entropy, before = zip(*rows, strict=True) if rows else ((), (), (), ())
    frame = batch(attack(len(rows))).frame.with_columns(
        (pl.Series(c.TIMESTAMP, times, pl.Int64) * 1_000_000).cast(pl.Datetime("us", "UTC")),
        pl.Series(c.PATH, names, pl.String),
        pl.Series(c.ENTROPY, entropy, pl.Float64),
        pl.Series(c.OLD_ENTROPY, before, pl.Float64),
    )
    two[0].restore(None)
    found = check_detections(two[0].detect(EventBatch(0, frame)), "host", len(rows))
    assert np.isfinite(found.scores).all()


def test_a_batch_that_was_not_stored_leaves_no_trace(watcher):
    events = attack(30)
    watcher.detect(batch(events[:5]))
    watcher.commit()
    first = watcher.detect(batch(events[5:], 5))
    watcher.rollback()
    again = watcher.detect(batch(events[5:], 5))
    assert np.array_equal(again.scores, first.scores)
    assert [f.count for f in again.findings] == [f.count for f in first.findings]
    assert [f.evidence for f in again.findings] == [f.evidence for f in first.findings]


def test_rolling_back_the_first_batch_starts_anew(watcher):
    first = watcher.detect(batch(attack(9)))
    watcher.rollback()
    assert np.array_equal(watcher.detect(batch(attack(9))).scores, first.scores)


def test_a_damaged_state_is_refused(watcher):
    for state in (b"", b"nonsense"):
        with pytest.raises(DetectorError, match="damaged"):
            watcher.restore(state)
    watcher.restore(None)


def test_the_state_of_another_model_is_refused_with_words(folder, tmp_path, watcher):
    save(tmp_path / "host", replace(model(), version="host-next"), {})
    later = HostWatcher(folder=tmp_path / "host")
    later.start("cpu")
    with pytest.raises(DetectorError, match="starts cold"):
        later.restore(watcher.detect(batch(attack(3))).state)


def test_a_missing_or_damaged_model_is_told(tmp_path, folder):
    with pytest.raises(DetectorError, match="Cannot read the model file"):
        HostWatcher(folder=tmp_path / "none").start("cpu")
    broken = tmp_path / "broken"
    save(broken, model(), {})
    (broken / "model.safetensors").write_bytes(b"\0" * 50)
    with pytest.raises(DetectorError, match="do not match their card"):
        HostWatcher(folder=broken).start("cpu")


def test_it_must_be_started_and_can_be_closed(folder):
    made = HostWatcher(folder=folder)
    assert made.info.version == ""
    with pytest.raises(DetectorError, match="not started"):
        made.detect(batch(attack(1)))
    made.start("cpu")
    assert made.info.threshold == 0.5
    made.close()
    assert made.info.version == ""


def test_the_threshold_is_a_setting(folder):
    assert create({})._threshold is None
    assert create({"detection.host.threshold": 0.0})._threshold is None
    assert create({"detection.host.threshold": 0.9})._threshold == 0.9
    strict = HostWatcher(0.9, folder)
    strict.start("cpu")
    assert strict.info.threshold == 0.9


def test_odd_rows_do_not_stop_it(watcher):
    frame = batch(attack(6)).frame.with_columns(
        pl.Series(c.PATH, ["", "/", "a", "\\\\host\\x", "//", "/x\t\n.y"]),
        pl.lit(None, pl.Float64).alias(c.ENTROPY),
    )
    assert np.isfinite(watcher.detect(EventBatch(0, frame)).scores).all()


def test_it_waits_for_no_heavy_library_until_it_is_started():
    code = (
        "import sys; from soc_copilot.detection.host import create; create({}).info;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numba', 'sklearn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
