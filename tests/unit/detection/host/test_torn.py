from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.detection.host import torn
from soc_copilot.detection.host.reading import from_batch
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.parsing.audit import AuditFormat
from soc_copilot.parsing.protocol import ParseContext

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOTHING = torn.unpack(None)


def head(serial, node=""):
    return f"{node}type={{}} msg=audit(1773144000.{serial % 1000:03}:{serial}): "


def call(serial, uid=1000, number=82, items=2, node=""):
    said = f"arch=c000003e syscall={number} success=yes a0=1 items={items} pid=9 auid={uid} "
    return head(serial, node).format("SYSCALL") + said + f'uid={uid} comm="mv" exe="/usr/bin/mv"'


def files(serial, name="/srv/a", node=""):
    paths = ((f'name="{name}"', "DELETE"), (f'name="{name}.x"', "CREATE"))
    path = head(serial, node).format("PATH")
    return "\n".join(f"{path}{said} nametype={role}" for said, role in paths)


def frame(lines):
    parsed = AuditFormat().parse(pl.Series(lines, dtype=pl.String), ParseContext(NOON))
    base = {
        c.SOURCE_ID: pl.lit(1, pl.Int32), c.GENERATION: pl.lit(0, pl.Int32),
        c.OFFSET: pl.int_range(len(lines), dtype=pl.Int64),
        c.DATASET: pl.lit("host.audit"),
    }  # fmt: skip
    return parsed.with_columns(value.alias(name) for name, value in base.items())


def who(lines, before=NOTHING):
    """User and program of each file operation."""
    done, kept = torn.completed(frame(lines), before)
    return [row[-2:] for row in from_batch(done)[0].rows()], kept


def test_without_help_the_files_of_a_torn_event_belong_to_nobody():
    rows, _ = from_batch(frame([call(7), call(8, 33), files(7), files(8)]))
    assert rows["stream"].to_list() == ["1", "1"]


def test_files_get_the_user_and_program_of_the_call_before_them():
    found, _ = who([call(7), call(8, 33), files(7), files(8)])
    assert found == [("1000", "/usr/bin/mv"), ("33", "/usr/bin/mv")]


def test_also_across_batches_and_a_restart():
    _, kept = who([call(7), call(8, 33)])
    kept = torn.unpack(torn.pack(kept))
    assert who([files(8), files(7)], kept)[0] == [("33", "/usr/bin/mv"), ("1000", "/usr/bin/mv")]


@pytest.mark.parametrize(
    "lines",
    [
        [files(7), call(7)],
        [call(8), files(7)],
        [call(7, node="node=a "), files(7, node="node=b ")],
        [call(7), *(call(1_000 + i) for i in range(torn.KEPT)), files(7)],
        [call(7, number=101), files(7)],
        [call(1_007), files(7)],
    ],
    ids=["after it", "another event", "another host", "long ago", "no file call", "another time"],
)
def test_nobody_is_named_for_what_is_not_theirs(lines):
    assert who(lines)[0] == [("", "")]


def test_whole_events_keep_what_they_say():
    whole = call(7, 33, items=1) + "\n" + files(7)
    found, kept = who([call(7), whole])
    assert found == [("33", "/usr/bin/mv")]
    assert kept.height == 1


def test_frames_without_audit_records_are_left_alone():
    some = frame([call(7)])
    for done in (some.drop(c.AUDIT_ID), some.clear()):
        assert torn.completed(done, NOTHING) == (done, NOTHING)
    few = frame([call(7), files(7)]).drop(c.HOST, c.EXECUTABLE, c.PROCESS)
    done, _ = torn.completed(few, NOTHING)
    assert done[c.USER].to_list() == ["1000", "1000"]


def test_memory_is_bounded_whatever_the_lines_say():
    lines = [
        head(i, "node=" + "n" * 5_000 + " ").format("SYSCALL")
        + f'arch=c000003e syscall=82 items=2 uid=1 exe="/{"x" * 5_000}"'
        for i in range(400)
    ]
    _, kept = who(lines)
    assert kept.height == torn.KEPT
    assert torn.pack(kept).nbytes < 1_000_000


def test_one_number_claimed_over_and_over_stays_cheap():
    found, _ = who([call(7)] * 3_000 + [files(7)] * 3_000)
    assert len(found) == 3_000


LINES = st.lists(
    st.builds(
        lambda is_call, serial, uid: call(serial, uid) if is_call else files(serial, f"/f{uid}"),
        st.booleans(), st.integers(1, 6), st.integers(1, 3),
    ),
    max_size=24,
)  # fmt: skip


@given(LINES, st.lists(st.integers(0, 24), max_size=4))
def test_batches_make_no_difference(lines, cuts):
    whole = frame(lines)
    wanted, _ = torn.completed(whole, NOTHING)
    bounds = [0, *sorted(min(cut, len(lines)) for cut in cuts), len(lines)]
    kept, found = NOTHING, []
    for a, b in pairwise(bounds):
        done, kept = torn.completed(whole[a:b], kept)
        found.append(done)
    assert pl.concat(found).equals(wanted)


def test_what_is_damaged_is_refused():
    for data in (b"x", b"[[1]]", b"7"):
        with pytest.raises(DetectorError, match="damaged"):
            torn.unpack(np.frombuffer(data, np.uint8))
