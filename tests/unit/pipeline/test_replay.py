"""Replay of sample logs into spool files."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from soc_copilot.domain.clock import to_us
from soc_copilot.domain.errors import PolicyError, SourceError
from soc_copilot.pipeline.replay import ReplaySession

START = datetime(2027, 1, 5, 12, 0, 0, tzinfo=UTC)
WEB = [
    '192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 5',
    '192.0.2.1 - - [10/Mar/2026:10:30:00 +0100] "GET /[10/Mar/2026:09:00:00 +0000] HTTP/1.1" 200 5',
    '192.0.2.1 - - [10/Mar/2026:10:00:00 +0000] "GET /c HTTP/1.1" 200 5',
]
AUTH = [
    "Mar 10 09:15:00 gate sshd[1]: Invalid user a from 192.0.2.9",
    "a line that bears no time",
    "Mar 10 09:45:00 gate sshd[1]: Invalid user b from 192.0.2.9",
]


class HeldClock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now_ns(self) -> int:
        return (to_us(START) + round(self.elapsed_s * 1e6)) * 1_000

    def monotonic_s(self) -> float:
        return 1_000.0 + self.elapsed_s


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path, Path, Path]:
    web, auth = tmp_path / "web.log", tmp_path / "auth.log"
    web.write_text("\n".join(WEB) + "\n")
    auth.write_text("\n".join(AUTH) + "\n")
    return web, tmp_path / "spool" / "web.log", auth, tmp_path / "spool" / "auth.log"


@pytest.fixture
def sessions() -> Iterator[list[ReplaySession]]:
    made: list[ReplaySession] = []
    yield made
    for session in made:
        assert session.stop()
    assert "replay" not in {thread.name for thread in threading.enumerate()}


def _until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.005)


def _both(paths: tuple[Path, Path, Path, Path]) -> list[tuple[Path, Path]]:
    return [(paths[0], paths[1]), (paths[2], paths[3])]


def test_at_real_time_each_line_is_written_when_it_bears(paths, clock, sessions):
    session = ReplaySession([(paths[0], paths[1])], 1.0, clock)
    sessions.append(session)
    session.start()
    _until(lambda: session.n_written == 1)
    assert "[05/Jan/2027:12:00:00 +0000]" in paths[1].read_text()
    clock.elapsed_s = 1_799
    session.set_speed(1.0)
    clock.elapsed_s = 1_801
    _until(lambda: session.n_written == 2)
    clock.elapsed_s = 3_600
    _until(lambda: session.finished)
    assert "[05/Jan/2027:13:00:00 +0000]" in paths[1].read_text().splitlines()[-1]


def test_fast_replay_fills_the_past_and_ends_now(paths, clock, sessions):
    session = ReplaySession(_both(paths), 1000.0, clock)
    sessions.append(session)
    session.start()
    clock.elapsed_s = 4.0
    _until(lambda: session.finished)
    web, auth = paths[1].read_text().splitlines(), paths[3].read_text().splitlines()
    end = START + timedelta(seconds=4)  # 3,600 s at 1000x, to the second
    assert f"[{end:%d/%b/%Y:%H:%M:%S} +0000]" in web[-1]
    assert f"[{end - timedelta(minutes=30):%d/%b/%Y:%H:%M:%S} +0000]" in web[1]
    assert "GET /[10/Mar/2026:09:00:00 +0000]" in web[1]  # only the stamp is rewritten
    assert auth[0].startswith(f"{end - timedelta(minutes=45):%b  5 %H:%M:%S} gate")
    assert auth[1] == AUTH[1]
    assert session.progress == 1.0


def test_samples_are_merged_by_time_across_the_missing_year(paths, clock, sessions):
    session = ReplaySession(_both(paths), 1.0, clock)
    sessions.append(session)
    session.start()
    clock.elapsed_s = 15 * 60
    _until(lambda: session.n_written == 3)
    assert len(paths[1].read_text().splitlines()) == 1
    assert len(paths[3].read_text().splitlines()) == 2
    assert session.progress == pytest.approx(0.5)


def test_pause_holds_and_resume_goes_on_from_there(paths, clock, sessions):
    session = ReplaySession([(paths[0], paths[1])], 100.0, clock)
    sessions.append(session)
    session.start()
    _until(lambda: session.n_written == 1)
    session.pause()
    assert session.is_paused
    clock.elapsed_s = 1_000
    session.resume()
    clock.elapsed_s = 1_017
    session.set_speed(1.0)  # 17 s at 100x: 1,700 s played
    assert session.n_written == 1
    clock.elapsed_s += 100
    _until(lambda: session.n_written == 2)


def test_spool_is_begun_afresh_as_a_new_file(paths, clock, sessions):
    paths[1].parent.mkdir()
    paths[1].write_text("old\n")
    with paths[1].open() as old:
        session = ReplaySession([(paths[0], paths[1])], 1000.0, clock)
        sessions.append(session)
        session.start()
        clock.elapsed_s = 4
        _until(lambda: session.finished)
        assert old.read() == "old\n"
    assert len(paths[1].read_text().splitlines()) == 3


def test_stop_before_the_end_leaves_whole_lines(paths, clock):
    session = ReplaySession([(paths[0], paths[1])], 1.0, clock)
    session.start()
    _until(lambda: session.n_written == 1)
    assert session.is_running
    assert session.stop()
    assert not session.is_running
    assert not session.finished
    assert paths[1].read_bytes().endswith(b"\n")


def test_stop_without_start_is_fine(paths):
    assert ReplaySession([(paths[0], paths[1])], 1.0).stop()


def test_second_start_is_refused(paths, sessions):
    session = ReplaySession([(paths[0], paths[1])], 1.0)
    sessions.append(session)
    session.start()
    with pytest.raises(PolicyError, match="started before"):
        session.start()


@pytest.mark.parametrize("speed", [0.5, 1_001.0, float("nan")])
def test_speed_outside_its_limits_is_refused(paths, sessions, speed):
    with pytest.raises(PolicyError, match="real time"):
        ReplaySession([(paths[0], paths[1])], speed)
    session = ReplaySession([(paths[0], paths[1])], 5.0)
    with pytest.raises(PolicyError):
        session.set_speed(speed)
    assert session.speed == 5.0


def test_sample_that_cannot_be_read_or_has_no_times_is_refused(tmp_path):
    with pytest.raises(SourceError, match="Cannot read"):
        ReplaySession([(tmp_path / "none.log", tmp_path / "s")], 1.0)
    (tmp_path / "words.log").write_text("no times\nat all\n")
    with pytest.raises(SourceError, match="no line with a time"):
        ReplaySession([(tmp_path / "words.log", tmp_path / "s")], 1.0)


def test_spool_that_cannot_be_written_is_an_error(paths, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("x")
    session = ReplaySession([(paths[0], blocked / "spool.log")], 1.0)
    with pytest.raises(SourceError, match="Cannot write"):
        session.start()
