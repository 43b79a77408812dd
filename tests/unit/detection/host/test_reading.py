"""File activity in all its forms, read to one frame."""

import gzip
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.detection.host import reading as r
from soc_copilot.detection.host.activity import Operation, from_frame
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import SourceError

HEADER = "t,event,path,size,entropy4k\n"
CREATE, WRITE, RENAME, DELETE, ATTRIBUTES, OTHER = range(6)


def csv_file(tmp_path, text):
    path = tmp_path / "trace.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def recording(tmp_path, *lines):
    return r.read_csv(csv_file(tmp_path, HEADER + "".join(f"{line}\n" for line in lines)))


def operations(frame):
    return frame[r.OPERATION].to_list()


# Recordings


def test_a_row_of_a_recording_becomes_a_whole_row(tmp_path):
    frame = recording(tmp_path, '1.5,"CLOSE_WRITE,CLOSE",a/b.txt,120,4.5')
    assert frame.schema == r.SCHEMA
    (row,) = frame.to_dicts()
    unknown = {name: row.pop(name) for name in (r.PREVIOUS_SIZE, r.PREVIOUS_ENTROPY)}
    assert all(np.isnan(value) for value in unknown.values())
    assert row == {
        "event_id": "0",
        "stream": "",
        "time": 1.5,
        "operation": WRITE,
        "path": "a/b.txt",
        "target": "",
        "size": 120.0,
        "entropy": 4.5,
        "is_folder": False,
        "user": "",
        "process": "",
    }


@pytest.mark.parametrize(
    ("event", "operation", "is_folder"),
    [
        ("MODIFY", WRITE, False),
        ("CLOSE_WRITE", WRITE, False),
        ("IN_MODIFY", WRITE, False),
        ('"CREATE,ISDIR"', CREATE, True),
        ('"IN_CREATE|IN_ISDIR"', CREATE, True),
        ('"ATTRIB,ISDIR"', ATTRIBUTES, True),
        ("DELETE", DELETE, False),
        ("DELETE_SELF", OTHER, False),
        ("Q_OVERFLOW", OTHER, False),
        ("OPEN", OTHER, False),
        ("recreated", OTHER, False),
        ("", OTHER, False),
    ],
)
def test_names_of_events_become_operations(tmp_path, event, operation, is_folder):
    frame = recording(tmp_path, f"0,{event},x,,")
    assert frame.select(r.OPERATION, r.IS_FOLDER).row(0) == (operation, is_folder)


def test_the_two_halves_of_a_rename_become_one(tmp_path):
    frame = recording(
        tmp_path,
        "1.00,MOVED_FROM,a,,",
        "1.01,MODIFY,other,1,1",
        "1.05,MOVED_TO,a.locked,9,7.9",
    )
    assert operations(frame) == [OTHER, WRITE, RENAME]
    assert frame.select(r.PATH, r.TARGET, r.SIZE, r.ENTROPY).row(2) == ("a", "a.locked", 9.0, 7.9)
    assert frame.select(r.PATH, r.TARGET).row(0) == ("a", "")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["0,MOVED_FROM,a,,"], [DELETE]),
        (["0,MOVED_TO,a,5,1"], [CREATE]),
        (["0,MOVED_FROM,a,,", "0.06,MOVED_TO,b,,"], [DELETE, CREATE]),
        (["0,MOVED_TO,a,,", "0,MOVED_FROM,b,,"], [CREATE, DELETE]),
        (["0,MOVED_FROM,a,,", "0,MOVED_FROM,b,,", "0,MOVED_TO,c,,"], [DELETE, OTHER, RENAME]),
        (["0,MOVED_FROM,a,,", "0,MOVED_TO,b,,", "0,MOVED_TO,c,,"], [OTHER, RENAME, CREATE]),
        (['0,"MOVED_FROM,ISDIR",a,,', "0,MOVED_TO,b,,"], [DELETE, CREATE]),
        (['0,"MOVED_FROM,ISDIR",a,,', '0,"MOVED_TO,ISDIR",b,,'], [OTHER, RENAME]),
        (
            ["1773133200.0500,MOVED_FROM,a,,", "1773133200.1000,MOVED_TO,b,,"],
            [OTHER, RENAME],
        ),
    ],
)
def test_lone_halves_become_what_they_amount_to(tmp_path, lines, expected):
    frame = recording(tmp_path, *lines)
    assert operations(frame) == expected
    assert frame[r.PATH].to_list()[0] == "a"


def test_halves_of_different_streams_do_not_meet(tmp_path):
    path = csv_file(
        tmp_path,
        "t,event,path,stream\n0,MOVED_FROM,a,1\n0,MOVED_TO,b,2\n0,MOVED_TO,c,1\n",
    )
    assert operations(r.read_csv(path)) == [OTHER, CREATE, RENAME]


def test_packed_recordings_are_read_alike(tmp_path):
    plain = csv_file(tmp_path, HEADER + "0,CREATE,a,,\n1,DELETE,a,,\n")
    packed = tmp_path / "trace.csv.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert r.read_csv(packed).equals(r.read_csv(plain), null_equal=True)
    assert r.read(packed).equals(r.read(plain), null_equal=True)


def test_strange_names_and_blank_lines_are_kept_and_left_out(tmp_path):
    text = HEADER.encode() + b'0,CREATE,"a\nb,c",,\n\n1,DELETE,\xff,,\n2,DELETE,"say ""x""",,\n\n'
    frame = r.read_csv(csv_file(tmp_path, text))
    assert frame[r.PATH].to_list() == ["a\nb,c", "\\xff", 'say "x"']
    assert frame[r.EVENT_ID].to_list() == ["0", "1", "2"]


def test_mark_and_line_ends_of_windows_do_no_harm(tmp_path):
    text = "\ufeff" + (HEADER + "0,CREATE,a,1,2\n").replace("\n", "\r\n")
    assert r.read_csv(csv_file(tmp_path, text)).select(r.PATH, r.ENTROPY).row(0) == ("a", 2.0)


def test_a_recording_of_nothing_has_no_rows(tmp_path):
    frame = recording(tmp_path)
    assert frame.height == 0
    assert frame.schema == r.SCHEMA


def test_events_out_of_order_stay_where_they_are(tmp_path):
    frame = recording(tmp_path, "5,CREATE,a,,", "1,CREATE,b,,", "3,CREATE,c,,")
    assert frame[r.TIME].to_list() == [5.0, 1.0, 3.0]


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e6),
            st.sampled_from(["MODIFY", "MOVED_FROM", "MOVED_TO", "DELETE,ISDIR", "?"]),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_each_row_gives_one_row_whatever_the_names(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("reading") / "trace.csv"
    table = pl.DataFrame(rows, schema=["t", "event", "path"], orient="row")
    table.write_csv(path, quote_style="necessary")
    frame = r.read_csv(path)
    assert frame.height == len(rows)
    assert frame[r.TIME].to_list() == pytest.approx([row[0] for row in rows])
    assert sum(frame[r.OPERATION] == RENAME) <= sum(row[1] == "MOVED_TO" for row in rows)


# Other tables


def test_accesses_told_by_others_are_known_by_their_header(tmp_path):
    text = (
        "Timestamp;Operation;Path;New_Path;User;Process;Host\n"
        "2026-03-10T09:00:00.5Z;rename;/a;/b;ada;mv;gate\n"
        "2026-03-10 10:00:01,25 +01:00;Write;/c;;;;gate\n"
        "1773133202000;unlink;/d;;ada;;\n"
    )
    frame = r.read_csv(csv_file(tmp_path, text))
    assert operations(frame) == [RENAME, WRITE, DELETE]
    assert frame[r.TIME].to_list() == [1773133200.5, 1773133201.25, 1773133202.0]
    assert frame[r.STREAM].to_list() == ["gate/ada", "gate", "-/ada"]
    assert frame.select(r.TARGET, r.USER, r.PROCESS).row(0) == ("/b", "ada", "mv")


# What is wrong is said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("t,path\n0,a\n", 'line 1: there is no column for the operation. Found the columns "t, pa'),
        (HEADER + "0,CREATE,a,,\nsoon,CREATE,b,,\n", 'line 3: the time is "soon". Write seconds'),
        (HEADER + "nan,CREATE,a,,\n", 'line 2: the time is "nan"'),
        (HEADER + "inf,CREATE,a,,\n", 'line 2: the time is "inf"'),
        (HEADER + ",CREATE,a,,\n", "line 2: the time is nothing"),
        (HEADER + '0,CREATE,"a\nb",,\n\n1,MODIFY,a,big,\n', 'line 5: the size is "big"'),
        (HEADER + "0,CREATE,a,-1,\n", 'line 2: the size is "-1". Write a number of bytes'),
        (HEADER + "0,CREATE,a,inf,\n", 'line 2: the size is "inf"'),
        (HEADER + "0,CREATE,a,1,8.1\n", 'line 2: the entropy is "8.1". Write bits per byte'),
        (HEADER + "0,CREATE,a,1,1\n0,CREATE,a,b,1,1\n", "line 3: found 6 fields in a table of 5"),
        (HEADER + '0,CREATE,"a,1,1\n', "line 2: no table can be read"),
        (HEADER + f"{'x' * 99},CREATE,a,,\n", 'the time is "' + "x" * 40 + '...". Write'),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(tmp_path, text, said):
    path = csv_file(tmp_path, text)
    with pytest.raises(SourceError) as refused:
        r.read_csv(path)
    assert f'"{path}"' in str(refused.value)
    assert said in str(refused.value)


def test_unknown_numbers_are_nan(tmp_path):
    frame = recording(tmp_path, "0,CREATE,a,nan,", "0,CREATE,a,-,nan", "0,CREATE,a")
    assert frame[r.SIZE].is_nan().all()
    assert frame[r.ENTROPY].is_nan().all()
    assert frame.null_count().sum_horizontal().item() == 0


def test_files_that_cannot_be_read_are_named(tmp_path):
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress((HEADER + "0,CREATE,a,,\n" * 99).encode())[:-9])
    for path in (tmp_path / "none.csv", tmp_path, cut):
        with pytest.raises(SourceError, match=r"^Cannot read "):
            r.read(path)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(r, "MAX_BYTES", 20)
    with pytest.raises(SourceError, match="Split it"):
        r.read_csv(csv_file(tmp_path, HEADER))


# JSON lines


def json_file(tmp_path, *lines):
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    return csv_file(tmp_path, "\n".join(texts) + "\n")


def test_objects_with_all_keys_become_whole_rows(tmp_path):
    said = {
        "event_id": "e7", "timestamp": "2026-03-10T09:00:00Z", "action": "rename", "path": "/a",
        "target": "/b", "size": 10, "previous_size": 9, "entropy": 7.5, "previous_entropy": 4,
        "user": "ada", "process": "mv", "host": "gate", "stream": "s", "more": {"x": [1, "}"]},
    }  # fmt: skip
    frame = r.read(json_file(tmp_path, said))
    assert frame.schema == r.SCHEMA
    assert frame.row(0) == (
        "e7", "s", 1773133200.0, RENAME, "/a", "/b", 10.0, 9.0, 7.5, 4.0, False, "ada", "mv",
    )  # fmt: skip


def test_our_own_file_activity_is_read(tmp_path):
    line = (
        '{"time_ns":1773133200500000000,"action":"file-created","path":"/a","type":"dir",'
        '"owner":"ada","mode":"0755"}'
    )
    (row,) = r.read_json_lines(json_file(tmp_path, line)).to_dicts()
    assert (row[r.TIME], row[r.OPERATION], row[r.IS_FOLDER]) == (1773133200.5, CREATE, True)
    assert row[r.USER] == row[r.STREAM] == ""  # the owner of a file is not who changed it


def test_inotify_names_in_objects_are_paired_too(tmp_path):
    path = json_file(
        tmp_path,
        {"t": 0, "event": "MOVED_FROM", "path": "a"},
        "",
        {"t": 0.01, "event": "MOVED_TO", "path": "b", "size": float("nan")},
    )
    frame = r.read_json_lines(path)
    assert operations(frame) == [OTHER, RENAME]
    assert frame[r.EVENT_ID].to_list() == ["0", "1"]
    assert np.isnan(frame[r.SIZE][1])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"t":1', "line 3: no JSON object was found"),
        ("[1]", "line 3: no JSON object was found"),
        ('{"t":1,"event":"x"}', 'line 3: there is no key for the path. Add "path", "file_path"'),
        ('{"t":{"a":1},"event":"x","path":"p"}', "line 3: there is no key for the time"),
        ('{"t":"?","event":"x","path":"p"}', 'line 3: the time is "?"'),
        ('{"t":1,"event":"x","path":"p","size":true}', 'line 3: the size is "true"'),
    ],
)
def test_a_wrong_object_is_refused_with_its_line(tmp_path, line, said):
    good = {"t": 1, "event": "x", "path": "p"}
    with pytest.raises(SourceError) as refused:
        r.read_json_lines(json_file(tmp_path, good, "", line, good))
    assert said in str(refused.value)


# Batches


def batch_frame(*rows, **more):
    base = {
        c.SOURCE_ID: 3, c.GENERATION: 1, c.DATASET: "host.file", c.ACTION: "file-written",
        c.PATH: "/a", c.TIMESTAMP: datetime(2026, 3, 10, 9, tzinfo=UTC),
    }  # fmt: skip
    return pl.DataFrame([base | {c.OFFSET: 10 * i} | row for i, row in enumerate(rows)]).cast(
        {c.SOURCE_ID: pl.Int32, c.GENERATION: pl.Int32, c.TIMESTAMP: pl.Datetime("us", "UTC")}
    )


def test_file_activity_of_a_batch_is_found_with_its_rows():
    frame, rows = r.from_batch(
        batch_frame(
            {c.DATASET: "access"},
            {},
            {c.ACTION: "process-started"},
            {c.PATH: None},
            {c.DATASET: "windows", c.ACTION: "file-deleted"},
            {c.DATASET: "host.audit", c.ACTION: "file-renamed"},
            {c.DATASET: None},
            {c.ACTION: None},
            {c.DATASET: "windows", c.ACTION: "file-time-changed"},
        )
    )
    assert rows.to_list() == [1, 4, 5, 8]
    assert rows.dtype == pl.Int64
    assert frame.schema == r.SCHEMA
    assert operations(frame) == [WRITE, DELETE, RENAME, ATTRIBUTES]
    assert frame[r.EVENT_ID].to_list() == ["3-1-10", "3-1-40", "3-1-50", "3-1-80"]
    assert frame[r.STREAM].unique().to_list() == ["3"]
    assert frame[r.TIME].unique().to_list() == [1773133200.0]
    assert frame[r.SIZE].is_nan().all()


def test_all_that_a_batch_knows_is_taken():
    full = {
        c.FILE_TARGET: "/b", c.FILE_SIZE: 5, c.FILE_OLD_SIZE: 4, c.ENTROPY: 7.0, c.OLD_ENTROPY: 3.0,
        c.FILE_TYPE: "dir", c.USER: "ada", c.EXECUTABLE: "/bin/mv", c.PROCESS: "mv",
        c.HOST: "gate", c.OUTCOME: "success", c.SENDER: "",
    }  # fmt: skip
    frame, _ = r.from_batch(batch_frame(full, full | {c.OUTCOME: "failure"}))
    assert frame.rows() == [
        ("3-1-0", "3/gate/ada", 1773133200.0, WRITE, "/a", "/b", 5.0, 4.0, 7.0, 3.0, True,
         "ada", "/bin/mv"),
    ]  # fmt: skip


def test_streams_go_by_host_or_sender_and_user_never_by_process():
    found, _ = r.from_batch(
        batch_frame(
            {c.HOST: None, c.SENDER: "192.0.2.7:514", c.USER: None, c.PROCESS: "a"},
            {c.HOST: None, c.SENDER: "192.0.2.7:999", c.USER: "ada", c.PROCESS: "b"},
            {c.HOST: "gate", c.SENDER: None, c.USER: None, c.PROCESS: "c"},
            {c.HOST: None, c.SENDER: None, c.USER: "ada", c.PROCESS: "d"},
        )
    )
    assert found[r.STREAM].to_list() == ["3/192.0.2.7", "3/192.0.2.7/ada", "3/gate", "3/-/ada"]


def test_a_batch_put_together_from_several_is_read_like_one():
    parts = [batch_frame({}, {c.DATASET: "x"}), batch_frame({c.DATASET: "x"}), batch_frame({}, {})]
    frame = pl.concat(parts, rechunk=False)
    found, rows = r.from_batch(frame)
    assert rows.to_list() == [0, 3, 4]
    assert found.equals(r.from_batch(frame.rechunk())[0])


def test_a_batch_without_file_activity_gives_an_empty_frame():
    for frame in (batch_frame({}).drop(c.PATH), batch_frame({c.ACTION: "login"})):
        found, rows = r.from_batch(frame)
        assert found.schema == r.SCHEMA
        assert found.height == len(rows) == 0


def test_operations_are_those_of_the_detector():
    assert [x.value for x in Operation] == [CREATE, WRITE, RENAME, DELETE, ATTRIBUTES, OTHER]
    assert [x.name for x in Operation] == [
        "CREATE", "WRITE", "RENAME", "DELETE", "ATTRIBUTES", "OTHER",
    ]  # fmt: skip


def test_the_detector_takes_what_is_read(tmp_path):
    columns = from_frame(recording(tmp_path, "0,MOVED_FROM,a,,", "0,MOVED_TO,b.txt,9,7.9"))
    assert columns.operation.tolist() == [OTHER, RENAME]
    assert columns.size[1] == 9.0


def test_every_name_stands_in_the_page_for_those_who_write_such_files():
    page = (Path(__file__).parents[4] / "docs" / "host-inputs.md").read_text(encoding="utf-8")
    told = {name for line in page.splitlines() if line.startswith("|") for name in
            re.findall(r"`([^`]+)`", line)}  # fmt: skip
    assert {name for names in r.NAMES.values() for name in names} <= told
    rows = [re.findall(r"`([^`]+)`", line) for line in page.splitlines()]
    assert all(list(names) in rows for names in r.NAMES.values())


@pytest.mark.parametrize(
    ("word", "operation"),
    [
        ("write", WRITE),
        ("File-Written", WRITE),
        ("close_write", WRITE),
        ("pwrite64", WRITE),
        ("mkdir", CREATE),
        ("renameat2", RENAME),
        ("unlinkat", DELETE),
        ("removed", DELETE),
        ("fchmodat", ATTRIBUTES),
        ("file-time-changed", ATTRIBUTES),
        ("read", OTHER),
        ("rewrite", OTHER),
    ],
)
def test_plain_words_become_operations(tmp_path, word, operation):
    assert operations(recording(tmp_path, f"0,{word},x,,")) == [operation]
