import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from soc_copilot.archive import segments
from soc_copilot.archive.segments import Group, encode, fingerprint, read, read_layout, write
from soc_copilot.archive.store import Archive, shares_of
from soc_copilot.domain import columns as c
from soc_copilot.domain.archive import Segment
from tests.unit.archive.frames import access_lines, batch_of, joined


def stored(folder: Path, *frames: pl.DataFrame) -> Segment:
    """The frames as the groups of one segment."""
    start, groups = 0, []
    for frame in frames:
        groups.append(encode(frame, start))
        start += frame.height
    buffer = io.BytesIO()
    write(groups, buffer)
    return Archive(folder).keep(buffer, 1, shares_of(pl.concat(frames, how="diagonal")))


def first_group(folder: Path, segment: Segment) -> Group:
    return read_layout(folder, segment).groups[0]


LINES = st.lists(
    st.one_of(
        st.sampled_from(access_lines(20)),
        st.sampled_from([f"{line} extra" for line in access_lines(3)]),
        st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=60),
        st.sampled_from(["Mar  5 06:07:08 web sshd[77]: x", '{"message": "a", "url.path": "/b"}']),
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=30, deadline=None)
@given(LINES, st.integers(0, 10**12))
def test_any_lines_come_back_with_every_column(lines: list[str], start: int) -> None:
    frame = batch_of(lines, start=start).frame
    group = encode(frame, 0)
    buffer = io.BytesIO()
    write([group], buffer)
    ordered = frame.sort(c.GENERATION, c.OFFSET)
    assert group.check == fingerprint(ordered)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segment = Archive(folder).keep(buffer, 1, shares_of(frame))
        assert_frame_equal(read(folder, segment, first_group(folder, segment)), ordered)


@settings(max_examples=60, deadline=None)
@given(LINES, st.data())
def test_a_group_is_never_passed_over_for_a_text_that_a_line_has(
    lines: list[str], data: st.DataObject
) -> None:
    encoded = encode(batch_of(lines).frame, 0)
    line = data.draw(st.sampled_from(lines))
    start = data.draw(st.integers(0, len(line)))
    text = line[start : data.draw(st.integers(start, len(line)))]
    grams = segments.GramTable.unpack(encoded.grams)
    assert segments.may_have(encoded.group, grams, text)
    assert segments.may_have(
        encoded.group, grams, "".join(char.upper() if char.isascii() else char for char in text)
    )


def test_a_group_is_passed_over_for_what_no_line_has(tmp_path: Path) -> None:
    encoded = encode(batch_of(access_lines(50)).frame, 0)
    grams = segments.GramTable.unpack(encoded.grams)
    assert encoded.group.recipe
    assert not segments.may_have(encoded.group, grams, "xmlrpc-attack.php")
    assert not segments.may_have(encoded.group, grams, '"GET /xmlrpc-attack.php HTTP')
    assert segments.may_have(encoded.group, grams, "17/May/2015")


def test_lines_of_a_known_form_are_not_kept_twice(tmp_path: Path) -> None:
    lines = access_lines(3000)
    frame = batch_of([*lines, "something else"]).frame
    segment = stored(tmp_path, frame)
    raw = pl.read_parquet(tmp_path / segment.name)[c.ORIGINAL]
    assert raw.null_count() == 3000
    assert segment.size_bytes < sum(map(len, lines)) / 5


def test_each_group_says_where_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", 40)
    frame = batch_of(access_lines(100)).frame
    segment = stored(tmp_path, *(frame.slice(i, 40) for i in range(0, 100, 40)))
    layout = read_layout(tmp_path, segment)
    assert [(g.start, g.n_rows) for g in layout.groups] == [(0, 40), (40, 40), (80, 20)]
    second = layout.groups[1]
    assert second.first == (1, frame[c.OFFSET][40])
    assert second.last == (1, frame[c.OFFSET][79])
    assert second.max_us - second.min_us == 39_000_000
    assert second.may_hold(1, frame[c.OFFSET][79], frame[c.OFFSET][99])
    assert not second.may_hold(1, frame[c.OFFSET][80], frame[c.OFFSET][99])
    assert not second.may_hold(2, 0, 10**9)
    assert_frame_equal(read(tmp_path, segment, second), frame.slice(40, 40))
    assert layout.newest_us == frame[c.INGESTED].to_physical().max()


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    frame = batch_of(access_lines(50)).frame
    segment = stored(tmp_path, frame)
    group = first_group(tmp_path, segment)
    got = read(tmp_path, segment, group, [c.OFFSET, c.URL_PATH, "no.such"])
    assert_frame_equal(got, frame.select(c.OFFSET, c.URL_PATH))
    late = read(
        tmp_path,
        segment,
        group,
        [c.OFFSET, c.ORIGINAL],
        where=pl.col(c.OFFSET) > frame[c.OFFSET][47],
    )
    assert_frame_equal(late, frame.tail(2).select(c.OFFSET, c.ORIGINAL))
    picked = read(tmp_path, segment, group, [segments.ROW], rows=pl.Series([7, 3]))
    assert picked[segments.ROW].to_list() == [7, 3]


def test_a_file_that_was_cut_is_damaged_and_one_that_is_gone_is_gone(tmp_path: Path) -> None:
    segment = stored(tmp_path, batch_of(access_lines(50)).frame)
    group = first_group(tmp_path, segment)
    path = tmp_path / segment.name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(segments.DAMAGE):
        read_layout(tmp_path, segment)
    with pytest.raises(segments.DAMAGE):
        read(tmp_path, segment, group)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read(tmp_path, segment, group)


def test_a_batch_file_is_one_group_without_an_order(tmp_path: Path) -> None:
    batch = joined(batch_of(access_lines(20)), batch_of(["x"], source_id=2))
    segment = Archive(tmp_path).write(batch)
    assert segment is not None
    group = first_group(tmp_path, segment)
    assert (group.first, group.n_rows) == (None, 21)
    assert group.may_hold(9, 0, 1)
    assert_frame_equal(read(tmp_path, segment, group), batch.frame)
    assert c.METHOD in segments.columns_of(tmp_path, segment, group)
