"""The process that reads one event log file, so that a poisoned file harms nothing else.

It gets the open file as its standard input, opens nothing itself, and writes lines:

    H <first number> <last number> <"same", "other", "wrapped" or "new">
    R <number> <FILETIME> <JSON>     for each record, tabs between the fields
    B <n> <why>                      for n records that cannot be read
    E <records>                      at the end; without it the file was not read to its end
    X <why>                          instead of all: it is no event log

Numbers of records rise within each run of R lines.
"""

import io
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Final

from soc_copilot.ingestion import evtx_file
from soc_copilot.ingestion.child import Limits, restrict_self
from soc_copilot.ingestion.evtx_file import Chunk, Frame, NoEventLogError, Record

_WHY_CHARACTERS: Final = 300  # chosen: of the reading library's own words


def main(arguments: list[str]) -> int:
    """Read the log on standard input.

    Args:
        arguments: Address space in bytes, processor time in seconds, number and FILETIME of the
            last record that is known (0 and 0 for none).
    """
    memory_bytes, cpu_s, after, filetime = map(int, arguments)
    # Imported before the limits, so that they need not cover the library's own files.
    from evtx import PyEvtxParser

    restrict_self(Limits(memory_bytes, cpu_s))
    reader = _Reader(PyEvtxParser, after, filetime)
    try:
        reader.run()
    except NoEventLogError:
        _say("X", "it does not begin like a Windows event log")
    except BrokenPipeError:
        return 1  # nobody listens any more
    return 0


class _Reader:
    def __init__(self, parser: type, after: int, filetime: int) -> None:
        self._parser = parser
        self._after = after
        self._filetime = filetime
        self._n = 0

    def run(self) -> None:
        frame = evtx_file.read_frame(_read_at, os.fstat(0).st_size)
        state = self._compare(frame)
        first = min((c.first for c in frame.chunks if c.is_sound), default=0)
        last = max((c.last for c in frame.chunks if c.is_sound), default=0)
        _say("H", first, last, state)
        if state == "other":
            self._after = 0
        if frame.n_damaged and not self._after:
            _say("B", 0, f"{frame.n_damaged} chunks have no readable head")
        for group in self._groups(evtx_file.wanted(frame.chunks, self._after)):
            self._read_group(frame, group)
        _say("E", self._n)
        sys.stdout.flush()

    def _compare(self, frame: Frame) -> str:
        """Whether this is the log that the last known record came from."""
        if not self._after:
            return "new"
        heads = [c for c in frame.chunks if c.is_sound]
        for chunk in heads:
            if chunk.first <= self._after <= chunk.last:
                times = {r.number: r.filetime for r in _records(chunk)}
                is_same = times.get(self._after, self._filetime) == self._filetime
                return "same" if is_same else "other"
        if heads and min(c.first for c in heads) > self._after:
            return "wrapped"
        newest = evtx_file.wanted(frame.chunks, sys.maxsize)
        for chunk in newest:  # its head may lag behind
            for record in _records(chunk):
                if record.number == self._after:
                    return "same" if record.filetime == self._filetime else "other"
        return "other"

    def _groups(self, chunks: list[Chunk]) -> Iterator[list[Chunk]]:
        """Chunks to be sorted together: one by one unless their numbers overlap.

        Numbers must rise over the whole output, because the last one is the position.
        """
        spans = []
        for chunk in chunks:
            numbers = [record.number for record in _records(chunk)]
            numbers += [chunk.first, chunk.last] if chunk.is_sound else []
            if numbers:
                spans.append((min(numbers), max(numbers), chunk))
        spans.sort(key=lambda span: span[:2])
        group: list[Chunk] = []
        highest = 0
        for low, high, chunk in spans:
            if group and low > highest:
                yield group
                group = []
            group.append(chunk)
            highest = max(highest, high)
        if group:
            yield group

    def _read_group(self, frame: Frame, group: list[Chunk]) -> None:
        found: dict[tuple[int, int], str] = {}
        n_missing = 0
        reasons: list[str] = []
        for chunk in group:
            content = evtx_file.chunk_at(_read_at, chunk.index)
            heads, end = evtx_file.records(chunk, content)
            filetimes = {r.number: r.filetime for r in heads}
            read, why = self._parsed(evtx_file.lone_chunk(frame.header, content))
            found |= {(n, filetimes.get(n, 0)): text for n, text in read.items()}
            n_missing += sum(n > self._after for n in filetimes.keys() - read.keys())
            if chunk.is_sound and end < chunk.end and chunk.last > self._after:
                n_missing += 1  # or more: their heads cannot be followed
            reasons += [why] if why else []
        fresh = sorted(key for key in found if key[0] > self._after)
        for number, filetime in fresh:
            _say("R", number, filetime, found[number, filetime])
        self._n += len(fresh)
        if n_missing:
            why = reasons[0] if reasons else "their heads are damaged"
            _say("B", n_missing, " ".join(why.split())[:_WHY_CHARACTERS])

    def _parsed(self, log: bytes) -> tuple[dict[int, str], str]:
        """Records that can be read, and why others cannot."""
        found: dict[int, str] = {}
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found.update(self._parse(log))
            except (RuntimeError, OSError, ValueError) as error:
                return found, str(error)
        return found, str(caught[0].message) if caught else ""

    def _parse(self, log: bytes) -> Iterator[tuple[int, str]]:
        parser = self._parser(io.BytesIO(log), number_of_threads=1, indent=False, skip_errors=True)
        for record in parser.records_json():
            # A line end inside can only be layout: in JSON texts it is escaped.
            yield record["event_record_id"], record["data"].replace("\n", " ")


def _records(chunk: Chunk) -> list[Record]:
    return evtx_file.records(chunk, evtx_file.chunk_at(_read_at, chunk.index))[0]


def _read_at(offset: int, size: int) -> bytes:
    os.lseek(0, offset, os.SEEK_SET)
    parts = []
    while size > 0 and (part := os.read(0, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _say(*fields: object) -> None:
    line = "\t".join(map(str, fields)).encode("utf-8", "backslashreplace")
    sys.stdout.buffer.write(line + b"\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
