"""Which lines the Host page has, in which order, and which alerts belong to them."""

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from soc_copilot.domain.clock import utc_now
from soc_copilot.ui.host_rows import (
    ORDINARY,
    QUIET,
    RAISED,
    THREAT,
    HostFacts,
    assemble,
    band,
    name_of,
    read_host,
)
from soc_copilot.ui.stream_history import StreamHistory, StreamRecord
from tests.ui.desk_support import desk_bench
from tests.ui.host_support import judged, raise_alert

NOTHING = HostFacts({}, (), ())


def records(**scores: float) -> dict[str, StreamRecord]:
    history = StreamHistory()
    for name, score in scores.items():
        history.take([judged(score, f"1/{name}", entity=name)], utc_now().timestamp())
    return history.records("host")


@pytest.mark.parametrize(
    ("score", "level"), [(0.0, ORDINARY), (0.39, ORDINARY), (0.4, RAISED), (0.8, THREAT)]
)
def test_a_score_is_taken_by_its_share_of_the_threshold(score: float, level: int) -> None:
    assert band(score, 0.8) == level


@pytest.mark.parametrize(
    ("stream", "name"),
    [
        ("3", "audit"),
        ("3/web-1/root", "web-1 · root · audit"),
        ("3/-/root", "root · audit"),
        ("4/web-1", "web-1 · source 4"),
        ("lonely", "lonely"),
        ("9" * 40, f"source {'9' * 40}"),
    ],
)
def test_a_stream_is_named_by_host_user_and_source(stream: str, name: str) -> None:
    assert name_of(stream, {3: "audit"}) == name


def test_the_worst_come_first_and_those_kept_on_top_before_them() -> None:
    found = records(calm=0.1, raised=0.5, bad=0.9, also=0.12)
    names = [row.key for row in assemble(found, NOTHING)]
    assert names == ["1/bad", "1/raised", "1/also", "1/calm"]
    pinned = [row.key for row in assemble(found, NOTHING, pinned={"1/calm"})]
    assert pinned == ["1/calm", "1/bad", "1/raised", "1/also"]


def test_every_word_must_occur_in_the_name() -> None:
    found = records(alpha=0.1, beta=0.1)
    assert [row.key for row in assemble(found, NOTHING, words="SOURCE bet")] == ["1/beta"]
    assert assemble(found, NOTHING, words="bet nothing") == ()


def test_alerts_stand_beside_the_stream_that_they_are_about(qtbot: QtBot, tmp_path: Path) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        watched = bench.governance.sources.add("activity", tmp_path, name="Mine")
        switched_off = bench.governance.sources.add("activity", tmp_path / "db", name="Off")
        bench.governance.sources.set_enabled(switched_off.id, enabled=False)
        raise_alert(bench, str(tmp_path / "letters"), "file.directory")
        raise_alert(bench, f"{tmp_path}-other", "file.directory")
        raise_alert(bench, "web-1")
        raise_alert(bench, "gone")
        facts = read_host(bench.governance)
        history = StreamHistory()
        history.take([judged(0.9, "7/web-1", entity="web-1")], utc_now().timestamp())
        rows = {row.key: row for row in assemble(history.records("host"), facts)}
        assert set(rows) == {
            "7/web-1", str(watched.id), "alert gone", f"alert {tmp_path}-other",
        }  # fmt: skip
        assert [alert.entity for alert in rows["7/web-1"].alerts] == ["web-1"]
        own = rows[str(watched.id)]
        assert (own.name, own.folder, own.record) == ("Mine", str(tmp_path), None)
        assert [alert.entity for alert in own.alerts] == [str(tmp_path / "letters")]
        assert (own.worst, rows["alert gone"].worst) == (THREAT, THREAT)


def test_a_watched_folder_has_one_line_before_and_after_its_first_score(
    qtbot: QtBot, tmp_path: Path
) -> None:
    with desk_bench(qtbot, tmp_path) as bench:
        source = bench.governance.sources.add("activity", tmp_path)
        facts = read_host(bench.governance)
        (before,) = assemble({}, facts)
        history = StreamHistory()
        history.take([judged(0.1, str(source.id))], utc_now().timestamp())
        (after,) = assemble(history.records("host"), facts)
        assert before.key == after.key
        assert before.folder == after.folder == str(tmp_path)
        assert (before.last_heard, before.worst) == (None, QUIET)
        assert after.last_heard is not None
