"""Whatever the encoding, the rule, the writes, the reads and the stops: the same records."""

import tempfile
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain.records import LongLine
from soc_copilot.ingestion.assembler import LineAssembler, Trail
from soc_copilot.ingestion.multiline import MultilineRule
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from tests.unit.ingestion.reading import Reading, reading

SMALL = ReadLimits(block_bytes=64, max_lines=3, max_line_bytes=64, max_record_lines=5)

TRACEBACK = "Traceback (most recent call last):"
CHAIN = "During handling of the above exception, another exception occurred:"
TEXTS = st.sampled_from(
    ["one", "", " indented", "\tat frame", "Caused by: x", "... 3 more", "... no", "\r", "é日本",
     "Suppressed: y", TRACEBACK, f"log: {TRACEBACK}", "ValueError: z", "KeyError", CHAIN, "C", "{}",
     "S", "Tr", "long " * 12, " long " * 14, "long " * 40, "日本" * 30]
)  # fmt: skip
RULES = st.sampled_from(
    [None, MultilineRule(), MultilineRule("indent"), MultilineRule("start", "^[a-z]"),
     MultilineRule("continue", r"^\s|^$")]
)  # fmt: skip
ENCODINGS = st.sampled_from(
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "shift_jis",
     "euc_jp", "gbk", "gb18030", "big5"]
)  # fmt: skip


@st.composite
def files(draw) -> tuple[bytes, ReadStyle]:
    """A file's bytes, damaged in places, and how it is read."""
    name = draw(ENCODINGS)
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    text = "".join(line + ends for line in draw(st.lists(TEXTS, max_size=12)))
    text += draw(st.sampled_from(["", "half", " half", "x" * 200]))
    codec = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(name, name)
    data = bytearray(text.encode(codec, "replace"))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        data[at : at + draw(st.integers(0, 1))] = draw(
            st.sampled_from([b"\xff", b"\x81", b"\0", b"\0" * 90, b"\xd8", b"\n", b"\xe3"])
        )
    mark = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}.get(name, b"")
    is_auto = name.startswith("utf-8") or name == "utf-16"
    style = ReadStyle("auto" if is_auto else name, draw(RULES))
    return mark + bytes(data), style


def at_once(data: bytes, style: ReadStyle, folder: str) -> list[tuple[int, int, str]]:
    with reading(Path(folder) / "whole.log", style=style, limits=SMALL) as whole:
        whole.append(data)
        whole.read_all()
        whole.finish()
        return whole.records


@given(files(), st.data())
@settings(max_examples=150, deadline=None)
def test_no_division_of_writes_and_reads_and_no_stop_changes_the_records(file, data):
    content, style = file
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=6)))
    with tempfile.TemporaryDirectory() as folder:
        expected = at_once(content, style, folder)
        with reading(Path(folder) / "parts.log", style=style, limits=SMALL) as found:
            for low, high in zip([0, *cuts], [*cuts, len(content)], strict=True):
                found.append(content[low:high])
                for _ in range(data.draw(st.integers(0, 3))):
                    found.read(data.draw(st.sampled_from([1, 50, 100, 1000])))
                    if data.draw(st.booleans()):
                        found.resume(data.draw(st.integers(0, len(found.chunks))))
            found.read_all()
            found.finish()
            assert found.records == expected
            assert found.chunks[-1].checkpoint.offset == len(content)


@given(files())
@settings(max_examples=100, deadline=None)
def test_lines_are_those_that_a_plain_loop_finds(file):
    content, style = file
    with (
        tempfile.TemporaryDirectory() as folder,
        reading(Path(folder) / "a.log", style=ReadStyle(style.encoding)) as found,
    ):
        found.append(content)
        found.read_all()
        found.finish()
        encoding = found.chunks[-1].checkpoint.encoding or "utf-8"
        assert found.records == list(plain_lines(content, encoding))


def plain_lines(content: bytes, encoding: str):
    """The lines as a reader without any haste would find them."""
    newline, nul = "\n".encode(encoding), "\0".encode(encoding)
    size = len(newline)
    marks = {"utf-8": b"\xef\xbb\xbf", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    mark = marks.get(encoding, b"-")
    at = len(mark) if content.startswith(mark) else 0
    while at < len(content):
        while content[at : at + size] == nul:
            at += size
        stop = at
        while stop < len(content) and content[stop : stop + size] != newline:
            stop += size
        has_end = stop < len(content)
        line = content[at:stop]
        if not has_end:
            end = len(content)
            solid = line.rstrip(b"\0")
            line = line[: len(solid) + len(solid) % size]
        else:
            end = stop + size
        if line or has_end:
            text = line.decode(encoding, "backslashreplace")
            yield at, len(line) + (size if has_end else 0), text
        at = end


def test_a_record_is_never_in_two_cuts_and_ends_at_its_limits():
    style, limits = (
        ReadStyle(multiline=MultilineRule()),
        ReadLimits(max_lines=2, max_record_lines=4),
    )
    assembler = LineAssembler(0, style, limits)
    block = b"a\n 1\n 2\nb\n" + b" x\n" * 5 + b"c\n"
    cuts = list(assembler.take(block, 0, len(block)))
    assert [cut.data for cut in cuts] == [b"a\n 1\n 2\n", b"b\n x\n x\n x\n", b" x\n x\n"]
    assert [cut.record_starts.tolist() for cut in cuts] == [[0], [0], [0]]
    assert (assembler.position, assembler.rest_at, assembler.is_record_open) == (25, 27, True)
    assert assembler.was_full
    assert assembler.trail.marker.endswith(b" x\n x\n")
    (last,) = assembler.take(b"c\n", 0, 2, close=True)
    assert last.data == b"c\n"
    assert not assembler.is_record_open


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
@pytest.mark.parametrize("size", [32, 33, 40, 200, 3_000])
def test_a_long_line_keeps_its_start_its_length_and_its_hash(tmp_path, encoding, end, size):
    line = "ä" + "x" * (size - 1)
    content = (line + end).encode(encoding)
    limits = ReadLimits(block_bytes=16, max_line_bytes=32)
    hashed = content.removesuffix("\n".encode(encoding))
    if end == "\r\n":
        hashed = line.encode(encoding)
    expected = LongLine(0, len(content), blake2b(hashed, digest_size=16).hexdigest())
    with reading(tmp_path / "a.log", style=ReadStyle(encoding), limits=limits) as whole:
        whole.append(content)
        whole.read_all()
        whole.finish()
        found = [line for chunk in whole.chunks for line in chunk.long_lines]
        ((offset, length, text),) = whole.records
    n_kept = len(content) if end.endswith("\n") else len(content) + len("\n".encode(encoding))
    assert (offset, length) == (0, len(content))
    assert found == ([expected] if n_kept > 32 else [])
    assert line.startswith(text.rstrip("\r"))
    assert len(text.encode(encoding)) <= 32


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_line_end_that_is_cut_in_two_is_no_part_of_the_hash(tmp_path, encoding):
    line = "x" * 100
    limits = ReadLimits(max_line_bytes=32)
    with reading(tmp_path / "a.log", style=ReadStyle(encoding), limits=limits) as found:
        for part in (f"{line}\r", f"{line}\r", "\n"):
            found.append(part.encode(encoding))
            found.read_all()
        hashed = f"{line}\r{line}".encode(encoding)
        (told,) = [line for chunk in found.chunks for line in chunk.long_lines]
        assert told.hash == blake2b(hashed, digest_size=16).hexdigest()
        assert told.length == len(hashed) + len("\r\n".encode(encoding))


def test_the_trail_is_the_first_bytes_and_those_before_the_place():
    data = bytes(range(256)) * 8
    trail = Trail()
    for low, high in [(0, 10), (10, 700), (700, 701), (701, 2048)]:
        trail = trail.past(data, low, high)
        assert trail == Trail(data[: min(high, 1024)], data[max(high - 256, 0) : high])


def test_a_line_without_end_does_not_fill_the_memory(tmp_path):
    with reading(tmp_path / "a.log") as big:
        with big.path.open("wb") as file:
            for _ in range(64):
                file.write(b"x" * 1024 * 1024)
        big.read(1 << 40)
        held = big.reader._lines._long
        assert len(held.kept) < 65_536
        assert big.reader.position == 0
        big.append(b"\nnext\n")
        big.read_all()
        assert [(o, n, len(t)) for o, n, t in big.records] == [
            (0, 64 * 1024 * 1024 + 1, 65_535),
            (64 * 1024 * 1024 + 1, 5, 4),
        ]


def test_reading_is_a_fixture_that_can_fail(tmp_path):
    with reading(tmp_path / "a.log") as found:
        assert isinstance(found, Reading)
        found.append(b"a\nb\n")
        found.read()
        found.chunks.reverse()
        with pytest.raises(AssertionError):
            found.records  # noqa: B018 - the property checks itself
