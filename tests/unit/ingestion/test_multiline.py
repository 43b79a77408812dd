"""Lines are put together to records, by rules, within limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.lines import whole_lines
from soc_copilot.ingestion.multiline import Grouper, MultilineRule

CHAIN = "During handling of the above exception, another exception occurred:"


def records(text: str, rule: MultilineRule, max_lines: int = 500, max_bytes: int = 65_536):
    data = text.encode()
    lines = whole_lines(data, 0, len(data), 0)
    starts = Grouper(rule, max_lines, max_bytes).starts(lines).tolist()
    split = text.split("\n")[:-1]
    ends = [*starts[1:], len(split)]
    return ["\n".join(split[a:b]) for a, b in zip(starts, ends, strict=True)]


@pytest.mark.parametrize(
    "record",
    [
        "java.lang.Error: no\n\tat a.B(C.java:1)\nCaused by: x.Y\n\t... 3 more\n... 12 more\n"
        "\tSuppressed: z\nSuppressed: z\n... 4 common frames omitted",
        "2026-01-01 ERROR no\nTraceback (most recent call last):\n  File x\n    y()\nValueError: z",
        "x: Traceback (most recent call last):\n  File x\nKeyboardInterrupt",
        "a\nTraceback (most recent call last):\n  File x\r\nb.c.Error\r",
        f"a\nTraceback (most recent call last):\n  F\nA: b\n\n{CHAIN}\n\n"
        "Traceback (most recent call last):\n  F\nC: d\n\nThe above exception was the direct cause "
        "of the following exception:\n\nTraceback (most recent call last):\n  F\nE: f",
    ],
)
def test_auto_keeps_stack_traces_together(record):
    text = f"before\n{record}\n\nafter\n"
    found = records(text, MultilineRule())
    assert found[0] == "before"
    assert found[-1] == "after"
    assert found[1].rstrip("\n") == record
    assert len(found) == (3 if "Traceback" in record else 4)


@pytest.mark.parametrize(
    "line",
    ["Caused", "Suppressed", "... and so on", "...", "Traceback", "Sun", "Sep  1", "C", "T", "."],
)  # fmt: skip
def test_auto_begins_an_event_at_any_other_line(line):
    assert records(f"a\n{line}\nb\n", MultilineRule()) == ["a", line, "b"]


SINGLE = [
    '127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/1.1" 200 5',
    'a.example:80 ::1 - x y [10/Oct/2026:13:55:36 -0700] "GET / HTTP/1.1" 200 5 "-" "agent"',
    "Nov 21 13:00:00 host sshd[12]: Failed password",
    "<34>Oct  1 13:00:00 host su: no",
    "2026-11-21T13:00:00.123456+00:00 host.name systemd[1]: Started",
    "<165>1 2026-11-21T13:00:00Z host app - - - text",
    '{"a": 1}',
    '{"a": 1}\r',
]


@pytest.mark.parametrize("line", SINGLE)
def test_auto_lets_nothing_hide_behind_a_line_that_never_goes_on(line):
    found = records(
        f"{line}\n  more\n  more\nTraceback (most recent call last):\n", MultilineRule()
    )
    assert found == [line, "  more\n  more\nTraceback (most recent call last):"]
    data = f"x\n{line}\n".encode()
    lines = whole_lines(data, 0, len(data), 0)
    assert Grouper(MultilineRule()).is_over(lines, 1, len(data), 1)
    assert not Grouper(MultilineRule("indent")).is_over(lines, 1, len(data), 1)


@pytest.mark.parametrize(
    "line",
    ["2026-11-21T13:00:00Z ERROR main: no", "2026-11-21 13:00:00 main: no", "{", "a [b] c", "[x] y",
     "Nov 21 13:00:00 warning app: no", "10/Oct/2026:13:55:36 +0000"],
)  # fmt: skip
def test_auto_waits_for_more_after_lines_of_programs(line):
    assert records(f"{line}\n  more\n", MultilineRule()) == [f"{line}\n  more"]
    data = f"{line}\n".encode()
    assert not Grouper(MultilineRule()).is_over(whole_lines(data, 0, len(data), 0), 0, len(data), 1)


def test_a_line_after_frames_that_names_no_exception_begins_an_event():
    text = "a\nTraceback (most recent call last):\n  File x\n2026 INFO next: b\n"
    assert len(records(text, MultilineRule())) == 2


def audit(serial: int, kind: str = "PATH", node: str = "") -> str:
    return f"{node}type={kind} msg=audit(1773133200.107:{serial}): x"


@pytest.mark.parametrize(
    ("lines", "sizes"),
    [
        ([audit(7, "SYSCALL"), audit(7), audit(7), audit(8), audit(8, "EOE")], [3, 2]),
        ([audit(7), audit(8), audit(7), audit(7)], [1, 1, 2]),
        ([audit(7, node="node=a "), audit(7, node="node=b "), audit(7, node="node=b ")], [1, 2]),
        ([audit(7), audit(7, node="node=b ")], [1, 1]),
        ([audit(7), "x", audit(7), audit(7).replace(".107", ".108")], [1, 1, 1, 1]),
        (["type=x", "type=x", "node=a", "node=a", "next"], [1, 1, 1, 1, 1]),
        ([audit(7), audit(7) + "\r", audit(8) + "\r"], [2, 1]),
        ([audit(7).replace("audit(", "audit{")] * 2, [1, 1]),
    ],
)
def test_auto_puts_neighbours_of_one_audit_event_together(lines, sizes):
    found = records("".join(f"{line}\n" for line in lines), MultilineRule())
    assert [record.count("\n") + 1 for record in found] == sizes
    assert records("".join(f"{line}\n" for line in lines), MultilineRule("indent")) == lines


@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=30), st.data())
def test_reading_on_from_any_audit_event_gives_the_same_ones(said, data):
    lines = [audit(serial) if is_audit else f"line {serial}" for serial, is_audit in said]
    whole = records("".join(f"{line}\n" for line in lines), MultilineRule(), 5)
    at = data.draw(st.integers(0, len(whole)))
    rest = "".join(f"{record}\n" for record in whole[at:])
    assert not rest or records(rest, MultilineRule(), 5) == whole[at:]


def test_indent_joins_indented_lines_only():
    found = records("a\n b\n\tc\nCaused by: d\n", MultilineRule("indent"))
    assert found == ["a\n b\n\tc", "Caused by: d"]


def test_start_and_continue_obey_their_patterns():
    text = "x\n[1] a\nb\r\n[2] c\r\n"
    assert records(text, MultilineRule("start", r"^\[\d+\]")) == ["x", "[1] a\nb\r", "[2] c\r"]
    assert records(text, MultilineRule("continue", r"^[a-z]$")) == ["x", "[1] a\nb\r", "[2] c\r"]


def test_undecodable_bytes_can_be_matched_as_they_are_shown():
    data = b"a\n\xff\nb\n"
    lines = whole_lines(data, 0, len(data), 0)
    rule = MultilineRule("continue", r"^\\xff$")
    assert Grouper(rule).starts(lines).tolist() == [0, 2]


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "a{1,100000}{1,100000}", "("])
def test_a_pattern_that_could_hang_is_refused(pattern):
    with pytest.raises(SourceError, match="pattern"):
        Grouper(MultilineRule("start", pattern))


def test_a_record_ends_at_its_limits():
    grouper = Grouper(MultilineRule(), max_lines=3, max_bytes=20)
    for text, expected in [("a\n" + " b\n" * 4, [0, 3]), ("a\n" + " " * 15 + "\n b\n", [0, 2])]:
        lines = whole_lines(text.encode(), 0, len(text), 0)
        assert grouper.starts(lines).tolist() == expected
    assert grouper.was_full


def test_a_last_record_is_over_when_no_line_can_join():
    text = b"a\n b\n"
    lines = whole_lines(text, 0, 5, 0)
    assert not Grouper(MultilineRule(), 3, 20).is_over(lines, 0, 5, 1)
    assert Grouper(MultilineRule(), 2, 20).is_over(lines, 0, 5, 1)
    assert Grouper(MultilineRule(), 3, 20).is_over(lines, 0, 20, 1)
    assert not Grouper(MultilineRule(), 3, 20).is_over(lines, 0, 19, 1)


LINES = st.sampled_from(
    [
        "a",
        " b",
        "",
        SINGLE[2],
        "Traceback (most recent call last):",
        "E: x",
        CHAIN,
        "Caused by:",
        "2 c",
    ]
)


@given(st.lists(LINES, min_size=1, max_size=25), st.integers(1, 6), st.integers(20, 200))
def test_reading_on_from_any_record_finds_the_same_ones(lines, max_lines, max_bytes):
    text = "".join(line + "\n" for line in lines)
    found = records(text, MultilineRule(), max_lines, max_bytes)
    assert "\n".join(found) + "\n" == text
    for i in range(1, len(found)):
        rest = "".join(record + "\n" for record in found[i:])
        assert records(rest, MultilineRule(), max_lines, max_bytes) == found[i:]
        before = "".join(record + "\n" for record in found[: i + 1])
        assert records(before, MultilineRule(), max_lines, max_bytes) == found[: i + 1]
    for record in found:
        n_lines = record.count("\n") + 1
        assert n_lines <= max_lines
        assert n_lines == 1 or len(record.encode()) + 1 <= max_bytes
