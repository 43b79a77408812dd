"""Chunks of JSON lines that come from no file of lines."""

import json
from dataclasses import dataclass
from hashlib import blake2b

from soc_copilot.domain.records import MAX_LINE_BYTES, Checkpoint, SourceEvent
from soc_copilot.ingestion.entries import NumberedPosition, entry_chunk, shortened

BEFORE = Checkpoint(7, 2, "system", 100, cursor="a")


def test_chunk_accounts_for_every_byte():
    entries = [b'{"a":1}', b'{"b":22}']
    event = SourceEvent("note", "n", 1)
    chunk = entry_chunk(entries, BEFORE, is_new=False, cursor="c", read_ns=5, events=(event,))
    assert chunk.data == b'{"a":1}\n{"b":22}\n'
    assert chunk.offsets.tolist() == [100, 108]
    assert chunk.lengths.tolist() == [8, 9]
    assert (chunk.start, chunk.checkpoint.offset, chunk.checkpoint.cursor) == (100, 117, "c")
    assert (chunk.source_id, chunk.generation, chunk.path) == (7, 2, "system")
    assert chunk.events == (event,)
    assert chunk.long_lines == ()


def test_first_position_of_a_generation_expects_none_to_be_stored():
    chunk = entry_chunk([], BEFORE, is_new=True, cursor="b", read_ns=5)
    assert (chunk.start, chunk.n_lines, chunk.checkpoint.offset) == (-1, 0, 100)


def test_entry_that_is_too_long_stays_json_and_is_marked():
    whole = json.dumps({"MESSAGE": "x" * 200_000, "BINARY": [255] * 90_000, "N": 1}).encode()
    chunk = entry_chunk([b"{}", whole], BEFORE, is_new=False, cursor="c", read_ns=5)
    second = chunk.data.split(b"\n")[1]
    assert len(second) < MAX_LINE_BYTES
    found = json.loads(second)
    assert found["MESSAGE"].startswith("xxx")
    assert found["MESSAGE"].endswith(" more)")
    assert found["N"] == 1
    (line,) = chunk.long_lines
    assert (line.index, line.length) == (1, len(whole) + 1)
    assert line.hash == blake2b(whole, digest_size=16).hexdigest()
    assert chunk.n_too_long == 1
    assert chunk.lengths.sum() == chunk.checkpoint.offset - chunk.start


def test_what_cannot_be_shortened_is_cut():
    assert len(shortened(b"no json " * 20_000)) == MAX_LINE_BYTES - 1
    crowd = json.dumps({f"key{i}": i for i in range(20_000)}).encode()
    assert len(shortened(crowd)) == MAX_LINE_BYTES - 1
    assert len(shortened(b"[" * 100_000)) == MAX_LINE_BYTES - 1


@dataclass(frozen=True, slots=True)
class Spot(NumberedPosition):
    block: int = 1
    entry: int = 0


def test_a_numbered_position_is_read_back_or_taken_as_the_beginning():
    assert Spot(5, 7).cursor == "5:7"
    assert Spot.of("5:7") == Spot(5, 7)
    for nonsense in ("", "5", "5:7:9", "a:b", "-1:0", "5:", "1.5:2"):
        assert Spot.of(nonsense) == Spot(1, 0)
