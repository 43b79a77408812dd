"""One open file: positions move by whole lines, changed bytes are noticed."""

import os

import pytest

from soc_copilot.domain.records import Checkpoint
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.files import Identity, open_log
from soc_copilot.ingestion.multiline import MultilineRule
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadStyle,
    last_line_start,
)


@pytest.fixture
def opened(tmp_path):
    path = tmp_path / "a.log"
    path.write_bytes(b"one\ntwo\nhalf")
    fd = open_log(path)
    reader = FileReader(Checkpoint(1, 1, str(path), 0), Identity.of(os.fstat(fd)), is_new=True)
    yield path, fd, reader
    os.close(fd)


def test_whole_lines_are_read_and_the_rest_is_counted_as_partial(opened):
    _, fd, reader = opened
    assert reader.announce().start == -1
    (chunk,) = reader.read(fd, 1000)
    assert (chunk.start, chunk.data, chunk.checkpoint.offset) == (0, b"one\ntwo\n", 8)
    assert reader.partial_bytes == 4
    (end,) = reader.finish(fd)
    assert end.data == b"half\n"
    assert end.checkpoint.finished


def test_a_shorter_file_and_other_bytes_are_told_apart(opened):
    path, fd, reader = opened
    reader.read(fd, 1000)
    path.write_bytes(b"one\n")
    with pytest.raises(FileShrunkError):
        reader.read(fd, 1000)
    path.write_bytes(b"one\nTWO\nmore\n")
    with pytest.raises(FileRewrittenError):
        reader.read(fd, 1000)


def test_the_start_of_the_last_line_is_found_before_padding(opened):
    path, fd, _ = opened
    path.write_bytes(b"one\nhalf" + bytes(200_000))
    assert last_line_start(fd, path.stat().st_size) == 4


def test_a_source_s_options_say_how_it_is_read():
    options = SourceOptions.checked("file", {"multiline": "start", "multiline_pattern": "^a"})
    assert ReadStyle.of(options, 7.0) == ReadStyle("auto", MultilineRule("start", "^a"), 7.0)
    off = SourceOptions.checked(
        "file", {"multiline": "off", "partial_after_s": 2, "encoding": "cp1252"}
    )
    assert ReadStyle.of(off, 7.0) == ReadStyle("cp1252", None, 2.0)
