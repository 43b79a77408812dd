import gzip
import os
from datetime import UTC, datetime
from pathlib import Path

from soc_copilot.domain.findings import Evidence
from soc_copilot.ui.evidence_file import LINES_AFTER, LINES_BEFORE, read_context

AT = datetime(2026, 3, 4, tzinfo=UTC)


def evidence_at(path: Path | str, lines: list[str], number: int) -> Evidence:
    offset = sum(len(line.encode()) + 1 for line in lines[:number])
    raw = lines[number]
    return Evidence(f"1-1-{offset}", 1, 1, str(path), offset, len(raw) + 1, AT, raw)


def numbered(count: int) -> list[str]:
    return [f"line {number} é" for number in range(count)]


def test_lines_around_the_evidence_come_with_their_offsets(tmp_path: Path) -> None:
    lines = numbered(200)
    path = tmp_path / "a.log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = read_context(evidence_at(path, lines, 100))
    assert found.message == ""
    assert [row.text for row in found.lines] == lines[100 - LINES_BEFORE : 101 + LINES_AFTER]
    marked = [row for row in found.lines if row.is_evidence]
    assert [row.text for row in marked] == [lines[100]]
    raw = path.read_bytes()
    for row in found.lines:
        assert raw[row.offset :].startswith(row.text.encode())


def test_first_and_last_line_have_no_neighbours_beyond_the_file(tmp_path: Path) -> None:
    lines = numbered(3)
    path = tmp_path / "a.log"
    path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    first = read_context(Evidence("1-1-0", 1, 1, str(path), 0, 11, AT, lines[0]))
    assert [row.text for row in first.lines] == lines
    last = read_context(Evidence("1-1-22", 1, 1, str(path), 22, 11, AT, lines[2]))
    assert [row.is_evidence for row in last.lines] == [False, False, True]


def test_compressed_file_is_read_by_unpacked_offset(tmp_path: Path) -> None:
    lines = numbered(50)
    path = tmp_path / "a.log.gz"
    path.write_bytes(gzip.compress(("\n".join(lines) + "\n").encode()))
    found = read_context(evidence_at(path, lines, 10))
    assert found.message == ""
    assert found.lines[0].text == lines[0]


def test_missing_rewritten_and_truncated_files_show_only_the_stored_line(tmp_path: Path) -> None:
    lines = numbered(20)
    path = tmp_path / "a.log"
    wanted = evidence_at(path, lines, 10)
    assert "gone" in read_context(wanted).message
    path.write_text("x" * 1000, encoding="utf-8")
    assert "something else" in read_context(wanted).message
    path.write_text("short\n", encoding="utf-8")
    found = read_context(wanted)
    assert "shorter" in found.message
    assert [row.text for row in found.lines] == [lines[10]]


def test_pipes_folders_and_sources_without_a_file_do_not_hang(tmp_path: Path) -> None:
    lines = numbered(2)
    if hasattr(os, "mkfifo"):
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        assert "regular" in read_context(evidence_at(pipe, lines, 0)).message
    assert read_context(evidence_at(tmp_path, lines, 0)).message
    assert "regular" in read_context(evidence_at("a\0b", lines, 0)).message
    assert "not a file" in read_context(evidence_at("", lines, 0)).message


def test_long_lines_and_a_huge_file_are_read_in_bounds(tmp_path: Path) -> None:
    long_line = "a" * 20_000
    filler = ["b" * 500_000, long_line, "c" * 500_000]
    path = tmp_path / "a.log"
    path.write_text("\n".join(filler) + "\n", encoding="utf-8")
    wanted = Evidence("1-1-1", 1, 1, str(path), 500_001, 20_001, AT, long_line[:8_192])
    found = read_context(wanted)
    assert found.message == ""
    assert [row.text for row in found.lines] == [long_line[:8_192]]
