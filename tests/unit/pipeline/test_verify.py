import gzip
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from soc_copilot.archive.store import Archive
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.governance import Actor, BatchCommit
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline import verify
from soc_copilot.pipeline.archiving import ArchiveCare
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.pipeline.verify import verify_source
from soc_copilot.settings import SETTINGS
from tests.unit.archive.frames import access_lines
from tests.unit.pipeline.archives import opened

LINES = [*access_lines(300), "", "odd \xe9 line", "last"]
CONTENT = "\n".join(LINES).encode() + b"\n"
START = [len("\n".join(LINES[:i]).encode()) + (i > 0) for i in range(len(LINES))]


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    with opened(tmp_path) as governance:
        yield governance


def ingest(tmp_path: Path) -> None:
    settings = {setting.key: setting.default for setting in SETTINGS}
    off = [key for key in settings if key.startswith("detection.") and key.endswith(".enabled")]
    settings |= dict.fromkeys(off, False)
    settings |= {"ingestion.batch_interval_s": 0.1, "ingestion.max_size": 25}
    actor = Actor("tester", "cli")
    stop = threading.Event()
    with IngestSession(tmp_path / "g.db", settings, actor, home=tmp_path) as session:
        while not session.is_idle:
            session.run_batch(stop)


def followed(
    governance: Governance, tmp_path: Path, content: bytes = CONTENT, **options: object
) -> Path:
    path = tmp_path / "a.log"
    path.write_bytes(content)
    governance.sources.add(
        "file", str(path), from_start=True, options=SourceOptions.checked("file", options)
    )
    ingest(tmp_path)
    return path


@pytest.mark.parametrize("is_compacted", [False, True])
def test_every_line_stands_once(
    governance: Governance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_compacted: bool
) -> None:
    monkeypatch.setattr(verify, "READ_BYTES", 4_000)
    followed(governance, tmp_path)
    if is_compacted:
        care = ArchiveCare(governance, threading.Event())
        assert care.compact(everything=True) == len(LINES)
        care.close()
    told: list[tuple[int, int]] = []
    report = verify_source(governance, 1, progress=lambda *at: told.append(at))
    assert (report.n_lines, report.n_same) == (len(LINES), len(LINES))
    assert report.is_sound
    assert report.examples == []
    assert report.unreadable == []
    assert told[-1] == (len(CONTENT), len(CONTENT))


def test_a_range_is_compared_alone(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path)
    report = verify_source(governance, 1, from_offset=START[10], to_offset=START[20])
    assert (report.n_lines, report.n_same) == (10, 10)


def test_what_is_missing_doubled_or_differs_is_named(
    governance: Governance, tmp_path: Path
) -> None:
    path = followed(governance, tmp_path)
    batch = governance.segments.list()[1]
    governance.segments.remove([batch.name], "test")
    again = governance.segments.list()[0]
    content = (governance.archive_folder / again.name).read_bytes()
    archive = Archive(governance.archive_folder)
    copy = archive.keep(io.BytesIO(content), 0, dict(again.shares))
    governance.batches.store(BatchCommit(1, (), (), segment=copy))
    changed = bytearray(CONTENT)
    changed[START[250] + 3] ^= 1
    path.write_bytes(bytes(changed))
    report = verify_source(governance, 1)
    assert report.n_missing == batch.n_rows
    assert report.n_doubled == again.n_rows
    assert report.n_differing == 1
    assert not report.is_sound
    assert {finding.what for finding in report.examples} <= {"missing", "doubled", "differing"}
    assert len(report.examples) == verify.EXAMPLES


def test_what_retention_removed_is_told_apart(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path)
    oldest = governance.segments.list()[0]
    governance.segments.remove([oldest.name], "Source 1: events older than 90 days.")
    report = verify_source(governance, 1)
    assert report.n_removed == oldest.n_rows
    assert report.is_sound


def test_lines_to_be_stored_yet_are_no_fault(governance: Governance, tmp_path: Path) -> None:
    path = followed(governance, tmp_path)
    with path.open("ab") as file:
        file.write(b"new\n")
    report = verify_source(governance, 1)
    assert report.bytes_not_stored == 4
    assert report.n_same == len(LINES)
    assert report.is_sound


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_rotated_file_is_found(governance: Governance, tmp_path: Path, is_packed: bool) -> None:
    path = followed(governance, tmp_path)
    rotated = path.rename(tmp_path / "a.log.1")
    path.write_bytes(b"fresh\n")
    if is_packed:
        (tmp_path / "a.log.1.gz").write_bytes(gzip.compress(rotated.read_bytes()))
        rotated.unlink()
    report = verify_source(governance, 1)
    assert report.n_same == len(LINES)
    assert report.unreadable == []


def test_a_file_that_is_gone_is_said_to_be(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path).unlink()
    report = verify_source(governance, 1)
    assert "cannot be read again" in report.unreadable[0]
    assert report.n_lines == 0
    assert report.is_empty
    assert not report.is_sound


def test_lines_none_of_which_is_kept_show_nothing(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path)
    governance.segments.remove([s.name for s in governance.segments.list()], "too old")
    report = verify_source(governance, 1)
    assert report.n_removed == report.n_lines == len(LINES)
    assert report.is_empty
    assert not report.is_sound


def test_a_source_without_lines_is_sound(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path, b"")
    report = verify_source(governance, 1)
    assert report.is_sound
    assert not report.is_empty


@pytest.mark.parametrize(
    ("content", "read_as", "now"),
    [
        ("á one\nb two\n".encode("utf-16"), "auto", "cp1252"),
        ("\ufeffÄ one\nß two\n".encode(), "auto", "cp1252"),
        ("Ä one\nß two\n".encode("cp1252"), "cp1252", "auto"),
    ],
)
def test_lines_are_decoded_as_they_were(
    governance: Governance, tmp_path: Path, content: bytes, read_as: str, now: str
) -> None:
    followed(governance, tmp_path, content, encoding=read_as)
    governance.sources.set_options(1, SourceOptions.checked("file", {"encoding": now}))
    report = verify_source(governance, 1)
    assert report.n_same == report.n_lines == 2
    assert report.is_sound


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("á one\nb two\n".encode("utf-16"), {}),
        ("Ä one\nß two\n".encode("cp1252"), {"encoding": "cp1252"}),
        (b"crlf\r\nlines\r\n", {}),
        (b"\xff bad \xfe\nok\n", {}),
        (b"x" * 100_000 + b"\nshort\n", {}),
        (b"start a\n  more\n  more\nstart b\nstart c\n  more\n", {"multiline": "indent"}),
    ],
)
def test_other_encodings_and_events_of_several_lines(
    governance: Governance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: bytes,
    options: dict[str, object],
) -> None:
    monkeypatch.setattr(verify, "READ_BYTES", 10)
    followed(governance, tmp_path, content, **options)
    report = verify_source(governance, 1)
    assert report.is_sound, report
    assert report.n_same == report.n_lines > 0


def test_a_comparison_can_be_cancelled(governance: Governance, tmp_path: Path) -> None:
    followed(governance, tmp_path)
    cancel = threading.Event()
    cancel.set()
    report = verify_source(governance, 1, cancel=cancel)
    assert report.is_cancelled
    assert not report.is_sound


def test_a_journal_cannot_be_compared(governance: Governance) -> None:
    governance.sources.add("journald", "system")
    with pytest.raises(PolicyError, match="no source of text lines"):
        verify_source(governance, 1)
