"""An export is whole or not there, and holds exactly the alerts that were meant."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.domain.alert_export import CSV_COLUMNS
from soc_copilot.domain.alerts import AlertFilter
from soc_copilot.domain.errors import StoreError
from soc_copilot.governance.database import Governance
from soc_copilot.ui.alert_export_job import export_alerts
from soc_copilot.ui.models.alert_view import Target
from tests.ui.alerts_support import ANALYST, finding, raise_alerts

EVERYTHING = Target(query=AlertFilter())


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    home = tmp_path / "db"
    home.mkdir()
    made = Governance.open(home / "governance.db", actor=ANALYST, home=home)
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "out"
    made.mkdir()
    return made


def silent(_done: int, _total: int) -> None:
    pass


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode())))


def test_a_table_has_its_titles_and_a_line_for_every_alert(
    governance: Governance, folder: Path
) -> None:
    raise_alerts(governance, [finding(n) for n in range(3)])
    count = export_alerts(governance.alerts, EVERYTHING, folder / "a.csv", silent)
    lines = table(folder / "a.csv")
    assert count == 3
    assert tuple(lines[0]) == CSV_COLUMNS
    titles = {line[CSV_COLUMNS.index("title")] for line in lines[1:]}
    assert titles == {f"SQL injection {n}" for n in range(3)}


def test_json_lines_keep_the_evidence_as_it_was_read(governance: Governance, folder: Path) -> None:
    raise_alerts(governance, [finding(7)])
    assert export_alerts(governance.alerts, EVERYTHING, folder / "a.jsonl", silent) == 1
    (line,) = (folder / "a.jsonl").read_text(encoding="utf-8").splitlines()
    (evidence,) = json.loads(line)["evidence"]
    assert (evidence["raw"], evidence["offset"]) == ("GET /?q=1 UNION SELECT 7", 280)


def test_chosen_alerts_are_written_in_the_order_chosen(
    governance: Governance, folder: Path
) -> None:
    raise_alerts(governance, [finding(n) for n in range(4)])
    export_alerts(governance.alerts, Target(ids=(3, 1)), folder / "a.jsonl", silent)
    lines = (folder / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["id"] for line in lines] == [3, 1]


def test_alerts_taken_out_of_a_selection_are_not_written(
    governance: Governance, folder: Path
) -> None:
    raise_alerts(governance, [finding(n) for n in range(4)])
    target = Target(query=AlertFilter(), excluded=frozenset({2, 3}))
    assert export_alerts(governance.alerts, target, folder / "a.jsonl", silent) == 2


def test_a_cell_that_a_spreadsheet_would_run_is_guarded(
    governance: Governance, folder: Path
) -> None:
    raise_alerts(governance, [finding(1, title="=cmd|' /C calc'!A0", entity="@SUM(1)")])
    export_alerts(governance.alerts, EVERYTHING, folder / "a.csv", silent)
    cells = dict(zip(*table(folder / "a.csv"), strict=True))
    assert cells["title"] == "'=cmd|' /C calc'!A0"
    assert cells["entity"] == "'@SUM(1)"


def test_progress_is_told_now_and_then_with_the_total(governance: Governance, folder: Path) -> None:
    raise_alerts(governance, [finding(n) for n in range(250)])
    told: list[tuple[int, int]] = []
    export_alerts(
        governance.alerts, EVERYTHING, folder / "a.jsonl", lambda *step: told.append(step)
    )
    assert told == [(100, 250), (200, 250)]


class StoppedError(Exception):
    pass


def test_a_cancelled_export_leaves_no_file(governance: Governance, folder: Path) -> None:
    raise_alerts(governance, [finding(n) for n in range(150)])

    def stop(_done: int, _total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        export_alerts(governance.alerts, EVERYTHING, folder / "a.csv", stop)
    assert list(folder.iterdir()) == []


def test_a_cancelled_export_keeps_the_file_that_was_there(
    governance: Governance, folder: Path
) -> None:
    raise_alerts(governance, [finding(n) for n in range(150)])
    (folder / "a.csv").write_text("mine")

    def stop(_done: int, _total: int) -> None:
        raise StoppedError

    with pytest.raises(StoppedError):
        export_alerts(governance.alerts, EVERYTHING, folder / "a.csv", stop)
    assert (folder / "a.csv").read_text() == "mine"


def test_an_alert_that_is_not_there_leaves_no_file(governance: Governance, folder: Path) -> None:
    with pytest.raises(StoreError):
        export_alerts(governance.alerts, Target(ids=(99,)), folder / "a.csv", silent)
    assert list(folder.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_with_a_way_out(
    governance: Governance, folder: Path
) -> None:
    with pytest.raises(StoreError, match=r'Cannot write "a.csv".*Choose another folder'):
        export_alerts(governance.alerts, EVERYTHING, folder / "none" / "a.csv", silent)
