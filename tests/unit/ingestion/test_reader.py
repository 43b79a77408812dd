"""One open file: positions move by whole lines, changed bytes are noticed."""

import os

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import Checkpoint, PartialLine
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.ingestion.files import Identity, open_log
from soc_copilot.ingestion.generations import fits
from soc_copilot.ingestion.multiline import MultilineRule
from soc_copilot.ingestion.reader import (
    FileReader,
    FileRewrittenError,
    FileShrunkError,
    ReadStyle,
    last_line_start,
)
from tests.unit.ingestion.reading import reading


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


def test_a_style_that_cannot_be_used_is_refused_when_the_reader_is_made(tmp_path):
    spot = Checkpoint(1, 1, str(tmp_path / "a.log"), 0)
    for style in (ReadStyle("utf-7"), ReadStyle(multiline=MultilineRule("start", r"(a)\1"))):
        with pytest.raises(SourceError):
            FileReader(spot, Identity(0, 0), is_new=True, style=style)
        with pytest.raises(SourceError):
            style.check()
    ReadStyle("utf-16").check()


def partials(chunks):
    return [chunk.partial for chunk in chunks if chunk.partial]


def test_a_quiet_last_line_is_shown_once_and_again_when_it_grew(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(partial_after_s=5.0)) as found:
        found.append(b"one\nh\xe4lf\r")
        (chunk,) = found.read()
        assert chunk.partial is None
        found.clock.at_s += 4.9
        assert found.read() == []
        found.clock.at_s += 0.1
        assert found.reader.may_have_news(found.path.stat())
        (shown,) = found.read()
        assert shown.partial == PartialLine(4, 5, "h\\xe4lf", found.clock.now_ns())
        assert (shown.start, shown.n_lines, shown.checkpoint.offset) == (4, 0, 4)
        found.clock.at_s += 100
        assert found.read() == []
        found.append(b" more")
        assert found.read() == []
        found.clock.at_s += 5
        assert [(p.offset, p.length) for p in partials(found.read())] == [(4, 10)]
        found.append(b"\n")
        (whole,) = found.read()
        assert whole.data == b"h\xe4lf\r more\n"
        assert whole.partial is None
        assert found.reader.partial_bytes == 0


def test_a_partial_line_that_is_taken_back_is_cleared(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(partial_after_s=1.0)) as found:
        found.append(b"one\nhalf")
        found.read()
        found.clock.at_s += 1
        assert len(partials(found.read())) == 1
        os.truncate(found.path, 4)
        (cleared,) = found.read()
        assert (cleared.n_lines, cleared.partial, cleared.checkpoint.offset) == (0, None, 4)
        assert found.read() == []


def test_a_partial_line_is_text_of_at_most_8_kib_whatever_the_encoding(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(partial_after_s=1.0)) as found:
        found.append(b"\xff\xfe" + ("é" * 50_000).encode("utf-16-le"))
        found.read()
        found.clock.at_s += 1
        (partial,) = partials(found.read())
        assert (partial.offset, partial.length, partial.text) == (2, 100_000, "é" * 4_096)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_file_of_a_mark_alone_has_no_lines(tmp_path, mark):
    with reading(tmp_path / "a.log") as found:
        found.append(mark)
        found.read()
        found.clock.at_s += 10
        found.read()
        found.finish()
        assert found.records == []
        assert partials(found.chunks) == []
        assert sum(chunk.n_skipped_bytes for chunk in found.chunks) == len(mark)
        assert found.chunks[-1].checkpoint.finished


def test_padding_after_a_partial_line_is_not_part_of_it(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(partial_after_s=1.0)) as found:
        found.append(b"one\nhalf" + bytes(5_000))
        found.read()
        found.clock.at_s += 1
        (partial,) = partials(found.read())
        assert (partial.length, partial.text) == (4, "half")


def test_an_open_record_is_let_go_after_two_quiet_seconds(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(multiline=MultilineRule())) as found:
        found.append(b"one\ntwo\n a\n")
        found.read()
        assert [text for _, _, text in found.records] == ["one"]
        assert (found.reader.position, found.reader.partial_bytes) == (4, 0)
        found.clock.at_s += 1.9
        found.append(b" b\n")
        assert found.read() == []
        found.clock.at_s += 1.9
        assert found.read() == []
        found.clock.at_s += 0.1
        assert found.reader.may_have_news(found.path.stat())
        found.read()
        assert [text for _, _, text in found.records] == ["one", "two\n a\n b"]


def test_a_quiet_record_goes_first_and_the_partial_line_after_it_is_shown_then(tmp_path):
    style = ReadStyle(multiline=MultilineRule(), partial_after_s=1.0)
    with reading(tmp_path / "a.log", style=style) as found:
        found.append(b"one\n a\n half")
        found.read()
        assert found.reader.partial_bytes == 5
        found.clock.at_s += 1.5
        assert found.read() == []
        found.clock.at_s += 0.5
        record, partial = found.read()
        assert (record.data, record.partial) == (b"one\n a\n", None)
        assert (partial.partial.offset, partial.partial.text) == (7, " half")


def test_a_line_that_may_go_on_waits_shorter_and_one_that_never_does_not_at_all(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(multiline=MultilineRule())) as found:
        found.append(b"one\n")
        assert found.read() == []
        found.clock.at_s += 0.5
        assert [chunk.data for chunk in found.read()] == [b"one\n"]
        found.append(b"Nov 21 13:00:00 host sshd[1]: no\n")
        assert len(found.read()) == 1


def test_a_crash_splits_no_record(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(multiline=MultilineRule())) as found:
        found.append(b"one\n a\n")
        found.read()
        found.resume(len(found.chunks))
        found.append(b" b\ntwo\n")
        found.read()
        assert [text for _, _, text in found.records] == ["one\n a\n b"]


def test_finish_hands_out_the_open_record_with_a_last_line_of_it(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle(multiline=MultilineRule())) as found:
        found.append(b"one\n a\n b")
        (end,) = found.finish()
        assert (end.data, end.record_starts.tolist()) == (b"one\n a\n b\n", [0])
        assert end.checkpoint.finished
        assert end.checkpoint.offset == 9


def test_an_encoding_is_kept_once_known_and_told_to_the_operator(tmp_path):
    with reading(tmp_path / "a.log") as found:
        found.append("one\n".encode("utf-16-be"))
        found.read()
        assert found.chunks[-1].checkpoint.encoding == "utf-16-be"
        assert [e.kind for chunk in found.chunks for e in chunk.events] == ["decoding"]
        found.resume(len(found.chunks))
        found.append("日本\n".encode("utf-16-be"))
        found.read()
        assert found.records[-1] == (8, 6, "日本")


def test_an_option_that_changes_later_leaves_a_known_file_alone(tmp_path):
    with reading(tmp_path / "a.log", style=ReadStyle("cp1252")) as found:
        found.append(b"\x80\n")
        found.read()
        found.style = ReadStyle("latin-1")
        found.resume(len(found.chunks))
        found.append(b"\x80\n")
        found.read()
        assert [text for _, _, text in found.records] == ["€", "€"]


def test_undecodable_lines_are_counted_and_told_once(tmp_path):
    with reading(tmp_path / "a.log") as found:
        for _ in range(3):
            found.append(b"\xff\nfine\n")
            found.read()
        assert [chunk.n_undecodable for chunk in found.chunks[1:]] == [1, 1, 1]
        assert [e.kind for chunk in found.chunks for e in chunk.events] == ["decoding"]


def test_utf_32_is_refused_with_the_file_s_name(tmp_path):
    with reading(tmp_path / "a.log") as found:
        found.append("one\n".encode("utf-32"))
        with pytest.raises(SourceError, match=r"a\.log.*UTF-32"):
            found.read()


def test_a_new_source_that_begins_at_the_end_begins_between_characters(tmp_path):
    path = tmp_path / "a.log"
    text = "one\ntwo\nĊx".encode("utf-16-le")  # U+010A holds the byte of a line feed
    path.write_bytes(b"\xff\xfe" + text)
    fd = open_log(path)
    at = last_line_start(fd, path.stat().st_size)
    reader = FileReader(Checkpoint(1, 1, str(path), at), Identity(0, 0), is_new=True)
    reader.load(fd)
    assert reader.announce().checkpoint.offset == 2 + len("one\ntwo\n") * 2
    with path.open("ab") as file:
        file.write("\n".encode("utf-16-le"))
    (chunk,) = reader.read(fd, 1000)
    assert chunk.data.decode() == "Ċx\n"
    os.close(fd)


def test_padding_is_passed_over_once_data_follows_in_utf_16_too(tmp_path):
    with reading(tmp_path / "a.log") as found:
        found.append("a\n".encode("utf-16-be") + bytes(3_000))
        found.read()
        found.append("\u0100b\n".encode("utf-16-be"))
        found.read()
        assert [text for _, _, text in found.records] == ["a", "\u0100b"]


def test_a_record_that_was_ended_at_its_limits_is_told_once(tmp_path):
    style = ReadStyle(multiline=MultilineRule())
    with reading(tmp_path / "a.log", style=style) as found:
        for _ in range(3):
            found.append(b"one\n" + b" x\n" * 1_200)
            found.read_all()
        events = [e for chunk in found.chunks for e in chunk.events]
        assert [e.kind for e in events] == ["note"]
        assert "500 lines" in events[0].message


def test_a_line_that_comes_at_the_last_moment_still_joins(tmp_path, monkeypatch):
    with reading(tmp_path / "a.log", style=ReadStyle(multiline=MultilineRule())) as found:
        found.append(b"one\n a\n")
        found.read()
        found.clock.at_s += 2
        wait = found.reader._wait

        def late(fd):
            found.append(b" b\n")
            monkeypatch.undo()
            return wait(fd)

        monkeypatch.setattr(found.reader, "_wait", late)
        assert found.read() == []
        found.clock.at_s += 2
        found.read()
        found.clock.at_s += 2
        found.read()
        assert [text for _, _, text in found.records] == ["one\n a\n b"]


def test_places_passed_over_are_known_by_what_stands_before_them(opened):
    path, fd, reader = opened
    text = b"".join(b"line %04d\n" % n for n in range(500))
    path.write_bytes(text)
    reader.read(fd, 10_000)
    passed = reader.passed(fd, 0)
    assert [place.offset for place in passed] == [312, 625, 1250, 2500]
    assert all(fits(place, fd) for place in passed)
    assert [place.generation for place in passed] == [1] * 4
    assert [place.offset for place in reader.passed(fd, 700)] == [1250, 2500]
    path.write_bytes(text[:4000])
    assert reader.passed(fd, 0) == []
    path.write_bytes(b"other" + text)
    assert reader.passed(fd, 0) == []
