from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove
from soc_copilot.governance.database import Governance
from tests.unit.governance.helpers import commit, finding, line, move


def test_a_source_comes_back_as_it_was_added(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add(
        "directory", tmp_path, name="web", pattern="*.txt", format="access", from_start=True
    )
    assert governance.sources.list() == (added,)
    assert governance.sources.get(added.id) == added
    assert (added.kind, added.path, added.pattern) == ("directory", str(tmp_path), "*.txt")
    assert (added.name, added.format, added.enabled, added.from_start) == (
        *("web", "access", True, True),
    )


def test_a_path_is_made_absolute_and_names_the_source(
    governance: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    added = governance.sources.add("file", "auth.log")
    assert added.path == str(tmp_path / "auth.log")
    assert added.name == "auth.log"
    assert governance.sources.find("auth.log") == added
    assert governance.sources.find("other.log") is None


def test_a_folder_has_a_pattern(governance: Governance, tmp_path: Path) -> None:
    assert governance.sources.add("directory", tmp_path).pattern == "*.log"
    assert governance.sources.add("directory", tmp_path, pattern="*.txt").id == 2
    assert governance.sources.find(tmp_path, "*.txt") is not None


def test_a_name_that_is_no_text_comes_back(governance: Governance) -> None:
    added = governance.sources.add("file", "/var/log/\udcff.log")
    assert governance.sources.get(added.id).path == "/var/log/\udcff.log"


def test_a_duplicate_is_refused(governance: Governance, tmp_path: Path) -> None:
    governance.sources.add("file", tmp_path / "a.log")
    with pytest.raises(SourceError, match="source 1"):
        governance.sources.add("file", tmp_path / "a.log")
    assert len(governance.sources.list()) == 1


@pytest.mark.parametrize(("kind", "path"), [("socket", "/x"), ("file", "")])
def test_an_unknown_kind_or_no_path_is_refused(
    governance: Governance, kind: str, path: str
) -> None:
    with pytest.raises(SourceError):
        governance.sources.add(kind, path)


def test_a_removed_source_keeps_its_ledger(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("file", tmp_path / "a.log")
    governance.batches.store(commit(moves=[move(-1, 10)]))
    governance.sources.remove(added.id, "retired")
    assert governance.sources.list() == ()
    assert governance.sources.ledger() == ()
    assert governance.sources.ledger(added.id)[0].totals.bytes_seen == 10
    assert not governance.sources.get(added.id).enabled
    assert governance.audit.rows()[0].reason == "retired"
    again = governance.sources.add("file", tmp_path / "a.log")
    assert again.id != added.id
    assert governance.sources.checkpoints(again.id) == ()


def test_changes_are_kept_and_audited(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("file", tmp_path / "a.log")
    governance.sources.set_enabled(added.id, False)
    governance.sources.set_format(added.id, "syslog")
    changed = governance.sources.get(added.id)
    assert (changed.enabled, changed.format) == (False, "syslog")
    said = [(r.action, r.subject, r.old, r.new) for r in governance.audit.rows(limit=3)]
    assert said == [
        ("source.format_changed", "source 1", "auto", "syslog"),
        ("source.disabled", "source 1", "enabled", "disabled"),
        ("source.added", "source 1", None, f"file {tmp_path / 'a.log'}"),
    ]


def test_a_change_to_the_same_is_none(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("file", tmp_path / "a.log")
    n = governance.audit.count()
    governance.sources.set_enabled(added.id, True)
    governance.sources.set_format(added.id, "auto")
    assert governance.audit.count() == n


def test_a_source_that_is_not_there_is_named(governance: Governance, tmp_path: Path) -> None:
    removed = governance.sources.add("file", tmp_path / "a.log").id
    governance.sources.remove(removed)
    for act in (
        lambda: governance.sources.get(9),
        lambda: governance.sources.ledger(9),
        lambda: governance.sources.remove(removed),
        lambda: governance.sources.set_enabled(removed, True),
        lambda: governance.sources.set_format(removed, "json"),
    ):
        with pytest.raises(SourceError, match="no source"):
            act()
    assert governance.sources.checkpoints(9) == ()


def test_a_checkpoint_comes_back_exactly(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("file", tmp_path / "a.log")
    there = Checkpoint(
        source_id=added.id,
        generation=1,
        path="/var/log/\udcff",
        offset=2**40,
        size_bytes=2**41,
        device=2**64 - 1,
        inode=2**128 - 1,
        head_hash="ab" * 16,
        head_bytes=1024,
        marker_hash="cd" * 16,
        marker_bytes=256,
        finished=True,
        compression="gzip",
    )
    governance.batches.store(BatchCommit(0, (), (PositionMove(-1, there, LedgerDelta()),)))
    assert governance.sources.checkpoints(added.id) == (there,)


def test_the_ledger_adds_up_over_files(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("directory", tmp_path)
    moves = [
        move(-1, 100, ledger=LedgerDelta(100, 10, 9, 5, 3, 2, 1)),
        move(-1, 50, generation=2, ledger=LedgerDelta(50, 0, 1, 1)),
    ]
    governance.batches.store(commit([finding(evidence=(line(0),))], moves))
    ledger = governance.sources.ledger()[0]
    assert ledger.source == added
    assert ledger.totals == LedgerDelta(150, 10, 10, 6, 3, 2, 1)
    assert ledger.totals.adds_up
    assert (ledger.committed_bytes, ledger.n_files, ledger.alerts) == (150, 2, 1)
    assert ledger.last_stored_at is not None


def test_a_new_sources_ledger_is_empty(governance: Governance, tmp_path: Path) -> None:
    governance.sources.add("file", tmp_path / "a.log")
    ledger = governance.sources.ledger()[0]
    assert ledger.totals == LedgerDelta()
    assert (ledger.committed_bytes, ledger.n_files, ledger.last_stored_at) == (0, 0, None)
