"""Batches of records to events and a ledger."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import to_us
from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.records import (
    Checkpoint,
    LedgerDelta,
    LongLine,
    RecordBatch,
    RecordChunk,
    SourceEvent,
)
from soc_copilot.parsing.batch import BatchParser, decode_lines, preview
from soc_copilot.parsing.registry import FORMAT_NAMES
from tests.unit.parsing.golden import DATA

READ = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
ACCESS = b'192.0.2.1 - - [10/Mar/2026:09:00:00 +0000] "GET /a HTTP/1.1" 200 5\n'
SYSLOG = b"Mar 10 09:00:00 gate sshd[1]: Invalid user x from 192.0.2.1\n"


def chunk_of(
    lines: Sequence[bytes],
    start: int = 0,
    *,
    source: int = 1,
    generation: int = 1,
    read: datetime = READ,
    too_long: int = 0,
    skipped: int = 0,
) -> RecordChunk:
    lengths = np.array([len(line) for line in lines], dtype=np.int64)
    offsets = start + np.cumsum(lengths) - lengths
    end = start + int(lengths.sum())
    return RecordChunk(
        source,
        generation,
        f"/log/{source}",
        start,
        b"".join(lines),
        offsets,
        lengths,
        to_us(read) * 1_000,
        Checkpoint(source, generation, f"/log/{source}", end),
        too_long,
        skipped,
    )


def batch_of(*chunks: RecordChunk) -> RecordBatch:
    return RecordBatch(1, chunks)


def events(*chunks: RecordChunk, parser: BatchParser | None = None) -> pl.DataFrame:
    return (parser or BatchParser()).parse(batch_of(*chunks)).events.frame


def test_every_row_says_where_it_came_from():
    frame = events(
        chunk_of([ACCESS, b"rubbish\n"]),
        chunk_of([ACCESS], len(ACCESS) + 8, read=datetime(2026, 3, 10, 12, 0, 1, tzinfo=UTC)),
    )
    assert frame[c.OFFSET].to_list() == [0, len(ACCESS), len(ACCESS) + 8]
    assert frame[c.LENGTH].to_list() == [len(ACCESS), 8, len(ACCESS)]
    assert frame[c.ORIGINAL].to_list() == [ACCESS[:-1].decode(), "rubbish", ACCESS[:-1].decode()]
    assert frame[c.FILE_PATH].to_list() == ["/log/1"] * 3
    assert [moment.second for moment in frame[c.INGESTED]] == [0, 0, 1]
    assert frame[c.KIND].to_list() == ["event", "unparsed", "event"]
    assert frame[c.DATASET].to_list() == ["web.access"] * 3
    assert frame.schema[c.SOURCE_ID] == pl.Int32
    assert frame.schema[c.OFFSET] == pl.Int64


def test_time_falls_back_to_when_the_line_was_read():
    frame = events(chunk_of([ACCESS, b"rubbish\n"]))
    assert frame[c.TIMESTAMP].to_list() == [datetime(2026, 3, 10, 9, 0, tzinfo=UTC), READ]
    assert frame.schema[c.TIMESTAMP] == pl.Datetime("us", "UTC")


def test_files_of_different_formats_share_a_frame_and_keep_their_order():
    json_line = b'{"msg":"m","source.ip":"192.0.2.3"}\n'
    frame = events(
        chunk_of([ACCESS, ACCESS], source=1),
        chunk_of([SYSLOG], source=2),
        chunk_of([json_line], source=3),
        chunk_of([ACCESS], 2 * len(ACCESS), source=1),
        chunk_of([b"words\n"], source=4),
        chunk_of([SYSLOG], source=5),
    )
    assert frame.height == 7
    for source, dataset in (
        (1, "web.access"),
        (2, "syslog"),
        (3, "json"),
        (4, "plain"),
        (5, "syslog"),
    ):
        part = frame.filter(pl.col(c.SOURCE_ID) == source)
        assert part[c.DATASET].unique().to_list() == [dataset]
        assert part[c.OFFSET].is_sorted()
    assert frame.filter(pl.col(c.SOURCE_ID) == 2)[c.ACTION].item() == "ssh-invalid-user"
    assert frame[c.TIMESTAMP].null_count() == 0


def test_batch_without_lines_gives_an_empty_frame_and_a_zero_ledger():
    parsed = BatchParser().parse(batch_of(chunk_of([])))
    assert parsed.events.n_events == 0
    assert parsed.events.has(*c.BASE, c.KIND, c.TIMESTAMP, c.DATASET)
    assert parsed.ledger == {(1, 1): LedgerDelta()}
    assert BatchParser().parse(batch_of()).ledger == {}


def test_ledger_adds_up_for_each_file():
    parsed = BatchParser().parse(
        batch_of(
            chunk_of([ACCESS, b"rubbish\n"], source=1, skipped=100),
            chunk_of([SYSLOG], source=1, generation=2, too_long=1),
            chunk_of([ACCESS], 500, source=1),
        )
    )
    assert parsed.ledger[1, 1] == LedgerDelta(
        bytes_seen=2 * len(ACCESS) + 8 + 100, bytes_skipped=100, lines=3, parsed=2, unparsed=1
    )
    assert parsed.ledger[1, 2] == LedgerDelta(bytes_seen=len(SYSLOG), lines=1, parsed=1, too_long=1)
    assert all(delta.adds_up for delta in parsed.ledger.values())


def test_cut_line_counts_with_its_whole_length():
    chunk = chunk_of([ACCESS])
    cut = RecordChunk(
        1, 1, "p", 0, b"abc\n", chunk.offsets, np.array([10_000_000]), chunk.read_ns,
        chunk.checkpoint, 1,
    )  # fmt: skip
    assert BatchParser().parse(batch_of(cut)).ledger[1, 1].bytes_seen == 10_000_000


def test_chunk_whose_count_is_wrong_is_our_fault():
    chunk = chunk_of([ACCESS])
    wrong = RecordChunk(
        1, 1, "p", 0, ACCESS * 2, chunk.offsets, chunk.lengths, chunk.read_ns, chunk.checkpoint
    )
    with pytest.raises(ValueError, match="state 1 lines but hold 2"):
        BatchParser().parse(batch_of(wrong))


def test_set_format_is_kept_whatever_the_lines_are():
    parser = BatchParser()
    parser.set_format(1, "syslog")
    frame = events(chunk_of([ACCESS] * 30), parser=parser)
    assert frame[c.KIND].unique().to_list() == ["unparsed"]
    assert parser.format_of(1, 1) == "syslog"
    assert parser.format_of(2, 1) is None
    parser.set_format(1, "auto")
    events(chunk_of([ACCESS]), parser=parser)
    assert parser.format_of(1, 1) == "access"
    with pytest.raises(ParseError):
        parser.set_format(1, "evtx")


def test_format_is_told_from_the_first_lines_although_they_come_one_by_one():
    parser = BatchParser()
    assert events(chunk_of([b"# a banner\n"]), parser=parser)[c.DATASET].item() == "plain"
    at = 11
    for _ in range(4):
        frame = events(chunk_of([SYSLOG], at), parser=parser)
        at += len(SYSLOG)
    assert frame[c.DATASET].item() == "syslog"


def test_file_that_changes_its_format_is_parsed_in_the_new_one_at_once():
    parser = BatchParser()
    events(chunk_of([ACCESS] * 60), chunk_of([ACCESS], source=2), parser=parser)
    frame = events(
        chunk_of([SYSLOG] * 40, 60 * len(ACCESS)), chunk_of([ACCESS], 66, source=2), parser=parser
    )
    assert parser.format_of(1, 1) == "syslog"
    assert parser.format_of(2, 1) == "access"
    assert frame[c.KIND].unique().to_list() == ["event"]
    assert frame.filter(pl.col(c.SOURCE_ID) == 1)[c.OFFSET].is_sorted()


def test_rubbish_does_not_switch_parsing_off():
    parser = BatchParser()
    events(chunk_of([ACCESS] * 60), parser=parser)
    frame = events(chunk_of([b"\xff\x00rubbish\n"] * 1_000), parser=parser)
    assert frame[c.KIND].unique().to_list() == ["unparsed"]
    assert parser.format_of(1, 1) == "access"


def test_plain_file_that_becomes_a_known_format_is_noticed():
    parser = BatchParser()
    events(chunk_of([b"words\n"] * 60), parser=parser)
    events(chunk_of([SYSLOG] * 60, 360), parser=parser)
    assert parser.format_of(1, 1) == "syslog"


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\r\r\n", ["a\rb\r"]),
        (b"a\nb", ["a", "b"]),
        (b"\n\n", ["", ""]),
        (b"caf\xe9 \xc3\xa9\n", ["caf\\xe9 \u00e9"]),
        (b"\xed\xa0\x80\n", ["\\xed\\xa0\\x80"]),
        (b"a\x00b\x0bc\x0cd\x85e\xe2\x80\xa8f\n", ["a\x00b\x0bc\x0cd\\x85e\u2028f"]),
    ],
)
def test_bytes_become_lines_at_line_feeds_alone(data, lines):
    assert decode_lines(data).to_list() == lines


def test_byte_order_mark_is_dropped_at_the_start_of_a_file_only():
    bom = b"\xef\xbb\xbf"
    data = bom + b"a\n" + bom + b"b\n"
    assert decode_lines(data, at_start=True).to_list() == ["a", "\ufeffb"]
    assert decode_lines(data).to_list() == ["\ufeffa", "\ufeffb"]


def _sample(name: str) -> list[bytes]:
    return (DATA / name / "sample.log").read_bytes().splitlines(keepends=True)


def _rows(frame: pl.DataFrame) -> list[dict[str, object]]:
    rows = frame.sort(c.SOURCE_ID, c.OFFSET).iter_rows(named=True)
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_split_into_chunks_and_batches_gives_the_same_events(data):
    names = data.draw(st.permutations(["access", "syslog", "json"]))
    parser, whole, parts = BatchParser(), BatchParser(), []
    chunks: list[RecordChunk] = []
    for source, name in enumerate(names, 1):
        parser.set_format(source, name)
        whole.set_format(source, name)
        lines = _sample(name)
        chunks.append(chunk_of(lines, source=source))
        cuts = sorted(data.draw(st.sets(st.integers(1, len(lines) - 1), max_size=4)))
        at = 0
        for low, high in zip([0, *cuts], [*cuts, len(lines)], strict=True):
            parts.append(chunk_of(lines[low:high], at, source=source))
            at += sum(map(len, lines[low:high]))
    wanted = _rows(events(*chunks, parser=whole))
    n_first = data.draw(st.integers(0, len(parts)))
    found = [events(*some, parser=parser) for some in (parts[:n_first], parts[n_first:]) if some]
    assert _rows(pl.concat(found, how="diagonal")) == wanted


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(["auto", *FORMAT_NAMES]),
    st.lists(
        st.binary(max_size=60)
        | st.tuples(
            st.sampled_from([ACCESS, SYSLOG, b'{"user":"', b"<34>1 "]), st.binary(max_size=30)
        ).map(b"".join),
        max_size=12,
    ),
)
def test_any_bytes_are_accounted_for_without_an_exception(name, pieces):
    lines = [piece.replace(b"\n", b"") + b"\n" for piece in pieces]
    parser = BatchParser()
    parser.set_format(1, name)
    parsed = parser.parse(batch_of(chunk_of(lines)))
    assert parsed.events.n_events == len(lines)
    ledger = parsed.ledger[1, 1]
    assert (ledger.lines, ledger.bytes_seen) == (len(lines), sum(map(len, lines)))
    assert ledger.adds_up
    assert parsed.events.frame[c.TIMESTAMP].null_count() == 0
    parsed.events.frame.rows()


@pytest.mark.parametrize("name", FORMAT_NAMES)
@pytest.mark.parametrize("sign", [b"(", b"[", b'"', b"\\", b" ", b"{", b"a:", b"\xff"])
def test_long_hostile_lines_are_quick(name, sign):
    parser = BatchParser()
    parser.set_format(1, name)
    heads = (b"", ACCESS[:45] + b'"', SYSLOG[:28], b'{"a":')
    lines = [(head + sign * 64_000)[: 64 * 1024 - 1] + b"\n" for head in heads]
    assert events(chunk_of(lines * 3), parser=parser).height == 12


def test_preview_shows_three_parsed_lines():
    raw = (DATA / "syslog" / "sample.log").read_bytes()
    shown = preview(raw)
    assert (shown.format, shown.title) == ("syslog", "Syslog (RFC 3164, RFC 5424)")
    assert shown.share > 0.9
    assert len(shown.rows) == 3
    assert shown.columns[:3] == (c.TIMESTAMP, c.HOST, c.PROCESS)
    assert shown.rows[0][c.USER] == "anna"
    assert all(set(row) == set(shown.columns) for row in shown.rows)


def test_preview_in_a_format_that_does_not_fit_has_no_rows():
    shown = preview(ACCESS, "syslog")
    assert (shown.format, shown.share, shown.rows, shown.columns) == ("syslog", 0.0, (), ())
    assert preview(b"").format == "plain"
    with pytest.raises(ParseError):
        preview(ACCESS, "evtx")


TRACE = [
    b"before\n",
    b"2026-03-10 09:00:00 ERROR no\r\n",
    b"Traceback (most recent call last):\r\n",
    b"  File x\r\n",
    b"after\n",
]


def test_a_record_of_several_lines_is_one_event():
    chunk = replace(chunk_of(TRACE, 100), record_starts=np.array([0, 1, 4]))
    parser = BatchParser()
    parser.set_format(1, "plain")
    parsed = parser.parse(batch_of(chunk, chunk_of([b"last\n"], chunk.checkpoint.offset)))
    frame = parsed.events.frame
    text = "2026-03-10 09:00:00 ERROR no\nTraceback (most recent call last):\n  File x"
    assert frame[c.ORIGINAL].to_list() == ["before", text, "after", "last"]
    assert frame[c.MESSAGE].to_list() == ["before", text, "after", "last"]
    assert frame[c.OFFSET].to_list() == [100, 107, 183, 189]
    assert frame[c.LENGTH].to_list() == [7, 76, 6, 5]
    assert frame[c.TIMESTAMP][1] == datetime(2026, 3, 10, 9, tzinfo=UTC)
    assert set(frame.columns) <= {*c.BASE, c.KIND, c.TIMESTAMP, c.DATASET, c.MESSAGE}
    (delta,) = parsed.ledger.values()
    assert (delta.lines, delta.parsed, delta.unparsed) == (6, 6, 0)
    assert delta.bytes_seen == sum(len(line) for line in TRACE) + 5


def test_lines_of_an_event_that_no_format_took_are_unparsed_all_of_them():
    chunk = chunk_of([SYSLOG, b" more\n", b"rubbish\n", b" more\n", b" more\n"])
    chunk = replace(chunk, record_starts=np.array([0, 2]))
    parser = BatchParser()
    parser.set_format(1, "syslog")
    parsed = parser.parse(batch_of(chunk))
    assert parsed.events.frame[c.KIND].to_list() == ["event", "unparsed"]
    assert parsed.events.frame[c.MESSAGE][0] == "Invalid user x from 192.0.2.1\n more"
    (delta,) = parsed.ledger.values()
    assert (delta.lines, delta.parsed, delta.unparsed) == (5, 2, 3)
    assert delta.adds_up


def test_json_over_several_lines_is_read_whole():
    lines = [b"{\n", b' "message": "hi", "n": 1\n', b"}\n"]
    chunk = replace(chunk_of(lines * 3), record_starts=np.array([0, 3, 6]))
    frame = events(chunk)
    assert frame[c.DATASET].to_list() == ["json"] * 3
    assert frame[c.MESSAGE].to_list() == ["hi"] * 3


def test_audit_records_over_several_lines_are_read_whole():
    head = b"msg=audit(1773133200.107:7):"
    lines = [
        b"node=h type=SYSCALL "
        + head
        + b' arch=c000003e syscall=87 success=yes items=1 comm="rm"\n',
        b"node=h type=PATH " + head + b' item=0 name="/a" nametype=DELETE\n',
        b"node=h type=PROCTITLE " + head + b" proctitle=726D002F61\n",
    ]
    parsed = BatchParser().parse(
        batch_of(replace(chunk_of(lines * 2), record_starts=np.array([0, 3])))
    )
    frame = parsed.events.frame
    assert frame[c.DATASET].to_list() == ["host.audit"] * 2
    assert frame[c.ACTION].to_list() == ["file-deleted"] * 2
    assert frame.select(c.PATH, c.PROCESS, c.COMMAND).row(0) == ("/a", "rm", "rm /a")
    assert frame[c.MESSAGE][0].startswith("arch=c000003e")
    (delta,) = parsed.ledger.values()
    assert (delta.lines, delta.parsed, delta.unparsed) == (6, 6, 0)


def test_a_long_line_has_its_hash():
    chunk = chunk_of([b"a\n", b" b\n", b"long\n", b"c\n"], too_long=1)
    chunk = replace(
        chunk, record_starts=np.array([0, 2, 3]), long_lines=(LongLine(2, 99, "ab" * 16),)
    )
    plain = replace(chunk_of([b"x\n"], 20), long_lines=(LongLine(0, 99, "cd" * 16),))
    frame = events(chunk, plain)
    assert frame[c.HASH].to_list() == [None, "ab" * 16, None, "cd" * 16]
    other = events(chunk, chunk_of([b"y\n"], source=2))
    assert other.filter(pl.col(c.SOURCE_ID) == 2)[c.HASH].to_list() == [None]
    assert c.HASH not in events(chunk_of([b"x\n"])).columns


def test_the_sender_of_a_received_line_is_a_column():
    parser = BatchParser()
    parser.set_format(1, "syslog", has_sender=True)
    line = b"192.0.2.7:514\t" + SYSLOG
    chunk = chunk_of([line, b"no sender\n", b"[::1]:9\ta\tb\n", b"\tempty\n"])
    frame = events(chunk, parser=parser)
    assert frame[c.SENDER].to_list() == ["192.0.2.7:514", None, "[::1]:9", ""]
    original = [SYSLOG.decode().rstrip(), "no sender", "a\tb", "empty"]
    assert frame[c.ORIGINAL].to_list() == original
    assert frame[c.KIND].to_list() == ["event", "unparsed", "unparsed", "unparsed"]
    assert frame[c.LENGTH].to_list() == chunk.lengths.tolist()
    parser.set_format(1, "syslog")
    assert c.SENDER not in events(chunk, parser=parser).columns


def test_the_ledger_counts_undecodable_lines_and_losses():
    happened = (
        SourceEvent("rotated", "", 0),
        SourceEvent("overflow", "", 0, is_loss=True, n_lost=7),
        SourceEvent("lost", "", 0, is_loss=True),
    )
    chunk = replace(chunk_of([SYSLOG, b"\xff\n"]), n_undecodable=1, events=happened)
    (delta,) = BatchParser().parse(batch_of(chunk)).ledger.values()
    assert (delta.undecodable, delta.lost, delta.possible_losses) == (1, 7, 1)


@given(st.lists(st.sampled_from([b"a\n", b" b\n", b"\n", b"\r\n", SYSLOG]), min_size=1), st.data())
@settings(max_examples=60, deadline=None)
def test_batch_boundaries_do_not_change_events_of_several_lines(lines, data):
    starts = sorted({0, *data.draw(st.lists(st.integers(0, len(lines) - 1)))})
    whole = replace(chunk_of(lines), record_starts=np.array(starts))
    at = data.draw(st.sampled_from([*starts, len(lines)]))
    parts = []
    for low, high in ((0, at), (at, len(lines))):
        if low < high:
            chunk = chunk_of(lines[low:high], sum(map(len, lines[:low])))
            its = [s - low for s in starts if low <= s < high]
            parts.append(replace(chunk, record_starts=np.array(its)))
    texts = [
        "\n".join(line.decode().rstrip("\n").removesuffix("\r") for line in lines[a:b])
        for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)
    ]
    for chunks in ([whole], parts):
        parser = BatchParser()
        parser.set_format(1, "plain")
        frame = events(*chunks, parser=parser)
        assert frame[c.ORIGINAL].to_list() == texts
        assert frame[c.LENGTH].sum() == sum(map(len, lines))
