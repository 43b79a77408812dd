"""Linux audit records."""

import json
from datetime import UTC, datetime
from functools import cache

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.ingestion.lines import whole_lines
from soc_copilot.ingestion.multiline import Grouper, MultilineRule
from soc_copilot.parsing.audit import AuditFormat
from soc_copilot.parsing.protocol import ParseContext
from tests.unit.parsing.golden import DATA, check

CONTEXT = ParseContext(datetime(2026, 3, 10, tzinfo=UTC))
HEAD = "msg=audit(1773133200.123:77):"
FOLDER = DATA / "linux-audit"


def parsed(*records):
    return AuditFormat().parse(pl.Series(records, dtype=pl.String), CONTEXT)


def one(*lines):
    """One event of several lines, without nulls."""
    (row,) = parsed("\n".join(lines)).to_dicts()
    return {name: value for name, value in row.items() if value is not None}


def call(number, *arguments, arch="c000003e", items=1, more=""):
    given = [*arguments, "0", "0", "0", "0"]
    said = " ".join(f"a{i}={given[i]}" for i in range(4))
    return (
        f"type=SYSCALL {HEAD} arch={arch} syscall={number} success=yes {said} items={items}{more}"
    )


def name(text, role, mode="0100644", more=""):
    return f'type=PATH {HEAD} name="{text}" inode=5 dev=08:01 mode={mode} nametype={role}{more}'


CWD = f'type=CWD {HEAD} cwd="/w"'


def records():
    """The sample's lines, put together as a file's are."""
    data = (FOLDER / "sample.log").read_bytes()
    lines = whole_lines(data, 0, len(data), 0)
    starts = Grouper(MultilineRule()).starts(lines).tolist()
    split = data.decode().split("\n")[:-1]
    ends = [*starts[1:], len(split)]
    return ["\n".join(split[a:b]) for a, b in zip(starts, ends, strict=True)]


def test_single_lines_parse_to_their_golden_file():
    check("linux-audit")


def test_events_of_several_lines_parse_to_their_golden_file():
    expected = json.loads((FOLDER / "expected_events.json").read_text(encoding="utf-8"))
    found = [
        {
            column: value.isoformat() if isinstance(value, datetime) else value
            for column, value in row.items()
            if value is not None and column != c.MESSAGE
        }
        for row in parsed(*records()).to_dicts()
    ]
    assert found == expected


def test_columns_and_types_do_not_depend_on_the_lines():
    empty = parsed()
    found = parsed(call(82), "?")
    assert found.schema == empty.schema
    assert found[c.KIND].to_list() == ["event", "unparsed"]
    assert found.drop(c.KIND).row(1) == (None,) * (found.width - 1)


@settings(deadline=None)
@given(st.lists(st.text(max_size=30), max_size=4), st.booleans())
def test_any_text_is_taken_without_an_exception(texts, are_named):
    heads = [f"type=PATH {HEAD} name=" if are_named else f"type=SYSCALL {HEAD} " for _ in texts]
    found = parsed(*(head + text for head, text in zip(heads, texts, strict=True)))
    assert found.height == len(texts)


@cache
def parsed_alone(record):
    return parsed(record)


@settings(deadline=None)
@given(st.permutations(records()))
def test_an_event_is_the_same_among_any_others(shuffled):
    alone = pl.concat([parsed_alone(record) for record in shuffled[:3]])
    assert parsed(*shuffled)[:3].equals(alone)


@settings(deadline=None)
@given(st.data())
def test_lines_put_together_from_several_batches_are_read_like_one(data):
    sizes = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=6))
    some = [*records()[3:6], CWD, "?"]
    parts = [pl.Series([data.draw(st.sampled_from(some)) for _ in range(n)], dtype=pl.String)
             for n in sizes]  # fmt: skip
    lines = pl.concat(parts, rechunk=False)
    assert AuditFormat().parse(lines, CONTEXT).equals(AuditFormat().parse(lines.rechunk(), CONTEXT))


@pytest.mark.parametrize(
    ("lines", "action"),
    [
        ([call(2, "1", "0"), name("a", "NORMAL")], "file-opened"),
        ([call(2, "1", "1"), name("a", "NORMAL")], "file-written"),
        ([call(2, "1", "200"), name("a", "NORMAL")], "file-written"),
        ([call(257, "1", "1", "2"), name("a", "NORMAL")], "file-written"),
        ([call(257, "1", "1", "2"), name("a", "CREATE")], "file-created"),
        ([call(437, "1", "1", "2"), name("a", "NORMAL")], "file-opened"),
        ([call(85), name("a", "NORMAL")], "file-written"),
        ([call(85), name("a", "CREATE")], "file-created"),
        ([call(56, "1", "1", "2", arch="c00000b7"), name("a", "NORMAL")], "file-written"),
        ([call(92), name("a", "NORMAL")], "file-mode-changed"),
        ([call(280), name("a", "NORMAL")], "file-time-changed"),
        ([call(59), name("a", "NORMAL")], "process-started"),
        ([call(999)], None),
        ([call(5, arch="40000003"), name("a", "DELETE")], "file-deleted"),
        ([call(257, more="\x1dARCH=x86_64 SYSCALL=unlinkat"), name("a", "DELETE")], "file-deleted"),
        ([call(87)], "unlink"),
        ([call(2, "1", "1")], "open"),
        ([call(87, items=0)], "file-deleted"),
        ([name("a", "CREATE")], "file-created"),
        ([name("a", "DELETE")], "file-deleted"),
        ([name("a", "NORMAL")], None),
        ([CWD], None),
    ],
)
def test_calls_and_roles_become_actions(lines, action):
    assert one(*lines).get(c.ACTION) == action


def test_only_one_stretch_of_a_torn_event_names_the_file():
    lines = [call(82, items=2), name("/a", "DELETE"), name("/b", "CREATE")]
    whole, torn = one(*lines), [one(lines[0]), one(*lines[1:])]
    assert whole[c.ACTION] == torn[1][c.ACTION] == "file-renamed"
    assert (whole[c.PATH], whole[c.FILE_TARGET]) == ("/a", "/b")
    assert (torn[1][c.PATH], torn[1][c.FILE_TARGET]) == ("/a", "/b")
    assert torn[0][c.ACTION] == "rename"
    assert c.PATH not in torn[0]
    assert {row[c.AUDIT_ID] for row in torn} == {77}


@pytest.mark.parametrize(
    ("lines", "path"),
    [
        ([call(87), CWD, name("a", "DELETE")], "/w/a"),
        ([call(87), CWD, name("../a", "DELETE")], "/a"),
        ([call(87), CWD, name("/x/a", "DELETE")], "/x/a"),
        ([call(87), name("a", "DELETE")], "a"),
        ([call(263, "ffffff9c"), CWD, name("a", "DELETE")], "/w/a"),
        ([call(263, "ffffffffffffff9c"), CWD, name("a", "DELETE")], "/w/a"),
        ([call(263, "4"), CWD, name("/", "PARENT"), name("a", "DELETE")], "[08:01 5]/a"),
        ([call(263, "4"), CWD, name("a", "DELETE")], "a"),
    ],
)
def test_paths_are_absolute_where_their_start_is_known(lines, path):
    assert one(*lines)[c.PATH] == path


def test_both_folders_of_a_rename_are_kept_apart():
    parents = [name("/", "PARENT"), name("/", "PARENT").replace("inode=5", "inode=6")]
    lines = [call(264, "3", "1", "4"), CWD, *parents, name("a", "DELETE"), name("b", "CREATE")]
    row = one(*lines)
    assert (row[c.PATH], row[c.FILE_TARGET]) == ("[08:01 5]/a", "[08:01 6]/b")
    here = one(call(264, "3", "1", "ffffff9c"), *lines[1:])
    assert here[c.FILE_TARGET] == "/w/b"


@pytest.mark.parametrize(
    ("more", "user", "effective"),
    [
        (" auid=1000 uid=1000", "1000", None),
        (" auid=1000 uid=0", "1000", "0"),
        (" auid=4294967295 uid=33", "33", None),
        (" auid=-1 uid=33", "33", None),
        (' auid=1000 uid=0\x1dUID="root" AUID="ada"', "ada", "root"),
        (' auid=4294967295 uid=0\x1dUID="root" AUID="unset"', "root", None),
        ("", None, None),
    ],
)
def test_the_login_counts_whatever_sudo_made_of_it(more, user, effective):
    row = one(call(87, more=more))
    assert (row.get(c.USER), row.get(c.USER_TARGET)) == (user, effective)


def test_commands_come_from_arguments_then_from_the_title():
    started = call(59, items=0)
    argument = f'type=EXECVE {HEAD} argc=3 a0="sh" a1=2D63 a2[0]=6563 a2[1]="ho"'
    title = f"type=PROCTITLE {HEAD} proctitle=7368002D78"
    assert one(started, argument, title)[c.COMMAND] == "sh -c echo"
    assert one(started, title)[c.COMMAND] == "sh -x"
    assert c.COMMAND not in one(started)


@pytest.mark.parametrize(
    ("mode", "file_type", "shown"),
    [("0100644", "file", "0644"), ("040755", "dir", "0755"), ("0120777", "link", "0777"),
     ("010600", "other", "0600"), ("0140755", "other", "0755"), ("020620", "other", "0620")],
)  # fmt: skip
def test_modes_are_taken_apart(mode, file_type, shown):
    row = one(call(87), name("/a", "DELETE", mode))
    assert (row[c.FILE_TYPE], row[c.FILE_MODE]) == (file_type, shown)


def test_older_kernels_say_objtype():
    line = name("/a", "DELETE").replace("nametype", "objtype")
    assert one(line)[c.ACTION] == "file-deleted"
