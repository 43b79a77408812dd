import argparse
import threading
from pathlib import Path

import polars as pl
import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.cli import sources
from soc_copilot.cli.verify import span
from soc_copilot.domain import columns as c
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS
from tests.unit.cli.helpers import Terminal


@pytest.fixture
def run(db: Path, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(sources, str(db), capsys)


@pytest.fixture
def log(run: Terminal, db: Path, tmp_path: Path) -> Path:
    """A source of three lines, all stored."""
    log = tmp_path / "a.log"
    log.write_text("one\ntwo\nthree\n")
    run("sources", "add", str(log), "--from-start", "--format", "plain")
    values = {setting.key: setting.default for setting in SETTINGS}
    values |= {key: False for key in values if key.startswith("detection.") and "enabled" in key}
    values["ingestion.batch_interval_s"] = 0.1
    with Governance.open(db) as governance:
        actor = governance.actor
    done, stop = 0, threading.Event()
    with IngestSession(db, values, actor) as session:
        while done < 3:
            summary = session.run_batch(stop)
            done += summary.n_events if summary is not None else 0
    return log


def test_lines_that_stand_exactly_once_are_said_to(run: Terminal, log: Path) -> None:
    said = run("sources", "verify", "1")
    assert said.code == 0
    assert "3 stand exactly once" in said.out
    assert "Each line stands exactly once." in said.out
    (found,) = run("sources", "verify", str(log), "--json").objects
    assert (found["is_sound"], found["n_lines"], found["n_same"]) == (True, 3, 3)
    (found,) = run("sources", "verify", "1", "--range", "4:8", "--json").objects
    assert found["n_lines"] == 1


def test_a_line_that_stands_there_twice_is_named(run: Terminal, log: Path, db: Path) -> None:
    with Governance.open(db) as governance:
        frames = [
            pl.read_parquet(governance.archive_folder / segment.name)
            for segment in governance.segments.list()
        ]
        frame = pl.concat(frames)
        archive = Archive(governance.archive_folder)
        again = archive.write(EventBatch(1, frame.filter(pl.col(c.OFFSET) == 4)))
        governance.batches.store(BatchCommit(0, (), (), segment=again))
        archive.close()
    said = run("sources", "verify", "1")
    assert said.code == 1
    assert "1 stand there more than once" in said.out
    assert "Something is wrong." in said.out
    (found,) = run("sources", "verify", "1", "--json").objects
    assert found["examples"] == [{"what": "doubled", "generation": 1, "offset": 4}]


def test_what_cannot_be_read_again_is_not_claimed_to_be_sound(
    run: Terminal, log: Path, db: Path
) -> None:
    log.unlink()
    said = run("sources", "verify", "1")
    assert said.code == 1
    assert "Not compared:" in said.out
    assert "Nothing could be compared" in said.out
    assert "Each line stands exactly once." not in said.out
    (found,) = run("sources", "verify", "1", "--json").objects
    assert (found["is_sound"], found["is_empty"]) == (False, True)


def test_a_source_that_is_not_there_is_an_error(run: Terminal, log: Path) -> None:
    assert run("sources", "verify", "9").code == 2
    said = run("sources", "verify", "/no/such.log")
    assert said.code == 2
    assert "sources list" in said.err


@pytest.mark.parametrize(
    ("text", "found"),
    [("5:10", (5, 10)), (":10", (0, 10)), ("5:", (5, None)), ("1,000:2_000", (1_000, 2_000))],
)
def test_a_range_has_two_ends_of_which_either_may_be_open(
    text: str, found: tuple[int, int | None]
) -> None:
    assert span(text) == found


@pytest.mark.parametrize("text", ["5", "a:b", "-1:5", "10:5", "5:5"])
def test_anything_else_is_no_range(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        span(text)
