import numpy as np

from soc_copilot.domain.records import Checkpoint, LedgerDelta, RecordBatch, RecordChunk


def chunk(source: int, generation: int, start: int, lines: list[bytes]) -> RecordChunk:
    lengths = np.array([len(line) for line in lines], dtype=np.int64)
    end = start + int(lengths.sum())
    return RecordChunk(
        source_id=source,
        generation=generation,
        path="a.log",
        start=start,
        data=b"".join(lines),
        offsets=start + np.concatenate([[0], np.cumsum(lengths)[:-1]]),
        lengths=lengths,
        read_ns=1,
        checkpoint=Checkpoint(source, generation, "a.log", end),
    )


def test_batch_counts_lines_and_bytes_over_its_chunks() -> None:
    batch = RecordBatch(1, (chunk(1, 1, 0, [b"a\n", b"bc\n"]), chunk(2, 1, 5, [b"d\n"])))
    assert (batch.n_lines, batch.size_bytes) == (3, 7)


def test_files_keep_their_chunks_in_order() -> None:
    first, other, second = (
        chunk(1, 1, 0, [b"a\n"]),
        chunk(1, 2, 0, [b"x\n"]),
        chunk(1, 1, 2, [b"b\n"]),
    )
    files = dict(RecordBatch(1, (first, other, second)).by_file())
    assert files == {(1, 1): [first, second], (1, 2): [other]}


def test_ledgers_add_and_tell_whether_they_add_up() -> None:
    total = LedgerDelta(10, 1, 3, 2, 1, 1, 0) + LedgerDelta(5, 0, 2, 1, 0, 0, 1)
    assert total == LedgerDelta(15, 1, 5, 3, 1, 1, 1)
    assert total.adds_up
    assert not LedgerDelta(lines=2, parsed=1).adds_up
