from pathlib import Path

import pytest
from sqlalchemy import update

from soc_copilot.domain.errors import PolicyError, SourceError
from soc_copilot.domain.governance import BatchCommit
from soc_copilot.domain.records import Checkpoint, LedgerDelta, PositionMove
from soc_copilot.domain.source_options import KINDS, LISTENERS, SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.governance.schema import SourceModel
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
        lambda: governance.sources.set_options(removed, SourceOptions()),
    ):
        with pytest.raises(SourceError, match="no source"):
            act()
    assert governance.sources.checkpoints(9) == ()
    assert governance.sources.events(9) == ()
    assert governance.sources.partials(9) == ()


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
        encoding="shift_jis",
        cursor="s=0639;i=\0x",
    )
    governance.batches.store(BatchCommit(0, (), (PositionMove(-1, there, LedgerDelta()),)))
    assert governance.sources.checkpoints(added.id) == (there,)


def test_the_ledger_adds_up_over_files(governance: Governance, tmp_path: Path) -> None:
    added = governance.sources.add("directory", tmp_path)
    moves = [
        move(-1, 100, ledger=LedgerDelta(100, 10, 9, 5, 3, 2, 1, 8, 5, 7, 3)),
        move(-1, 50, generation=2, ledger=LedgerDelta(50, 0, 1, 1, possible_losses=1)),
    ]
    governance.batches.store(commit([finding(evidence=(line(0),))], moves))
    ledger = governance.sources.ledger()[0]
    assert ledger.source == added
    assert ledger.totals == LedgerDelta(150, 10, 10, 6, 3, 2, 1, 8, 5, 7, 4)
    assert ledger.totals.adds_up
    assert (ledger.committed_bytes, ledger.n_files, ledger.alerts) == (150, 2, 1)
    assert ledger.last_stored_at is not None


def test_a_new_sources_ledger_is_empty(governance: Governance, tmp_path: Path) -> None:
    governance.sources.add("file", tmp_path / "a.log")
    ledger = governance.sources.ledger()[0]
    assert ledger.totals == LedgerDelta()
    assert (ledger.committed_bytes, ledger.n_files, ledger.last_stored_at) == (0, 0, None)


def test_every_kind_can_be_added_and_found(governance: Governance, tmp_path: Path) -> None:
    for port, kind in enumerate(KINDS, start=5_000):
        is_path = kind not in LISTENERS
        place = str(tmp_path / kind) if is_path else str(port)
        added = governance.sources.add(kind, place)
        expected = {"service": "service"}.get(kind, place if is_path else f"127.0.0.1:{port}")
        assert added.path == expected
        assert added.name
        assert governance.sources.find(place, added.pattern, kind=kind) == added
    assert len(governance.sources.list()) == len(KINDS)


def test_one_port_is_listened_on_once(governance: Governance) -> None:
    governance.sources.add("syslog-tcp", "5514")
    governance.sources.add("syslog-udp", "127.0.0.1:5514")
    governance.sources.add("syslog-tcp", "[::1]:5514")
    for kind, address in (("syslog-tls", "localhost:5514"), ("syslog-udp", "5514")):
        with pytest.raises(SourceError, match="already"):
            governance.sources.add(kind, address)
    assert len(governance.sources.list()) == 3


def test_one_folder_is_read_by_sources_of_different_kinds(
    governance: Governance, tmp_path: Path
) -> None:
    for kind in ("activity", "evtx", "journald", "directory"):
        governance.sources.add(kind, tmp_path)
        with pytest.raises(SourceError, match="already"):
            governance.sources.add(kind, tmp_path)


def test_options_are_kept_and_their_changes_audited(governance: Governance, tmp_path: Path) -> None:
    given = SourceOptions({"encoding": "cp1252", "multiline": "auto", "batch_interval_s": 5})
    added = governance.sources.add("file", tmp_path / "a.log", options=given)
    assert added.options.changed == {"encoding": "cp1252", "batch_interval_s": 5.0}
    assert governance.audit.rows()[0].new == (
        f'file {tmp_path / "a.log"} {{"batch_interval_s": 5.0, "encoding": "cp1252"}}'
    )
    governance.sources.set_options(
        added.id, SourceOptions({"batch_interval_s": 5, "multiline": "off"})
    )
    found = governance.sources.get(added.id).options
    assert found.changed == {"batch_interval_s": 5.0, "multiline": "off"}
    row = governance.audit.rows()[0]
    assert (row.action, row.subject) == ("source.options_changed", f"source {added.id}")
    assert row.old == '{"encoding": "cp1252", "multiline": "auto"}'
    assert row.new == '{"encoding": "auto", "multiline": "off"}'
    n = governance.audit.count()
    governance.sources.set_options(added.id, governance.sources.get(added.id).options)
    assert governance.audit.count() == n


def test_options_of_another_kind_are_refused(governance: Governance, tmp_path: Path) -> None:
    port = SourceOptions({"max_connections": 5})
    with pytest.raises(PolicyError, match="max_connections"):
        governance.sources.add("file", tmp_path / "a.log", options=port)
    added = governance.sources.add("syslog-tcp", "5514", options=port)
    with pytest.raises(PolicyError, match="encoding"):
        governance.sources.set_options(added.id, SourceOptions({"encoding": "utf-8"}))
    assert governance.sources.get(added.id).options == port


@pytest.mark.parametrize("text", ["", "[1]", '{"encoding": 7}', '{"later": 1}'])
def test_stored_options_that_are_not_valid_leave_the_defaults(
    governance: Governance, tmp_path: Path, text: str
) -> None:
    added = governance.sources.add("file", tmp_path / "a.log")
    with governance._session.write(governance.actor) as tx:
        tx.connection.execute(update(SourceModel).values(options=text))
    assert governance.sources.get(added.id).options == SourceOptions()
