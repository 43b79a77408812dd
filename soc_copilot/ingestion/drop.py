"""A folder that messages are dropped into, as a source: each file is read once, in a child process.

What a file holds is not this module's business: the child answers each question about a file with
lines, of which these are understood (tabs between the fields):

    H <number> <how> <head bytes> <head hash>      it is read; "anew" or "other": from its start,
                                                   as it was changed, or is another file
    R <number> <end> <marker hash> <JSON>          a message, and the byte after it
    P <number>                                     it is still at it
    E <number> <state> <end> <marker hash> <why>   the end: read, same, changed, gone, refused,
                                                   denied or failed
"""

import logging
import os
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceEvent, SourceStatus
from soc_copilot.ingestion.asking import AskedChild, Failure, Line
from soc_copilot.ingestion.drop_folder import SETTLE_S, Found, Settling, files_in
from soc_copilot.ingestion.drop_places import Place, Places, Position
from soc_copilot.ingestion.entries import entry_chunk
from soc_copilot.ingestion.files import MARKER_BYTES
from soc_copilot.ingestion.news import News, worst
from soc_copilot.ingestion.reader import ReadLimits

logger = logging.getLogger(__name__)

SCAN_S: Final = 1.0  # chosen: how soon a file is found
_SCAN_SHARE: Final = 20  # chosen: at most so small a share of the time goes into looking
MAX_OUT: Final = 500
"""Chosen: messages that are read and not stored; they are scored together, one takes some ms."""
MAX_TRIES: Final = 2  # chosen: a reader may be killed for want of memory by no fault of the file
_RETRY_S: Final = 5.0  # chosen
_BACKOFF_S: Final = 5.0  # chosen: before a file that could not be opened, or the child, is tried


@dataclass(slots=True)
class _Asked:
    """A file that the child was asked about."""

    found: Found
    place: Place


@dataclass(slots=True)
class _Heard:
    """What a poll heard of one place, on its way into chunks."""

    place: Place
    is_new: bool
    before: Checkpoint
    entries: list[tuple[bytes, int, str]] = field(default_factory=list)  # JSON, end, marker
    events: list[SourceEvent] = field(default_factory=list)


class DropSource:
    """Reads every message that comes to lie in a folder.

    A file is read once nobody writes to it any more, and again only when its content changes; of a
    mailbox that has grown, what is new. Files are never changed, moved or deleted.

    Args:
        path: The folder.
        command: How the child is started.
        source_id: Row id of the source.
        name: For people; the path when empty.
        recursive: Look into folders below, too; maildirs are read in any case.
        checkpoints: What the store holds for the source, all generations.
        limits: How much is handed out at once.
        clock: Where the time comes from.
        scan_s: Seconds between two looks at the folder.
        settle_s: A file that does not change for so long is whole.

    Thread:
        `poll`, `committed` and `close` from one thread at a time, `status` from any.
    """

    def __init__(
        self,
        path: str | Path,
        command: Sequence[str],
        *,
        source_id: int = 0,
        name: str = "",
        recursive: bool = False,
        checkpoints: Sequence[Checkpoint] = (),
        limits: ReadLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
        scan_s: float = SCAN_S,
        settle_s: float = SETTLE_S,
    ) -> None:
        # resolve() would follow links
        self.path = Path(os.path.abspath(path))  # noqa: PTH100
        self.source_id = source_id
        self.name = name or str(path)
        self.recursive = recursive
        self.child = AskedChild(command)
        self._limits = limits or ReadLimits()
        self._clock = clock
        self._scan_s = scan_s
        self._next_scan_s = -1e9
        self._places = Places(source_id, checkpoints)
        self._settling = Settling(settle_s)
        self._waiting: deque[Found] = deque()
        self._queued: set[str] = set()  # paths that wait or are asked about
        self._asked: dict[int, _Asked] = {}
        self._n_asked = 0
        self._heard: dict[int, _Heard] = {}
        self._out: dict[int, deque[tuple[int, int]]] = {}  # generation: offsets after, messages
        self._n_out = 0
        self._restart_at_s = -1e9
        self._trouble: tuple[str, str] | None = None
        self._child_trouble = ""
        self._news = News(source_id, clock)
        self._n_read_bytes = 0
        self._last_read_ns = 0
        self._n_files = 0
        self._status = SourceStatus(source_id, self.name, "waiting")

    @property
    def is_holding(self) -> bool:
        """True while files wait to be read, or to be whole."""
        return bool(self._queued or self._settling.n_waiting)

    def poll(self, max_bytes: int) -> list[RecordChunk]:
        """Messages that the child has read by now."""
        now = self._clock.monotonic_s()
        if now >= self._next_scan_s:
            self._scan(now)
        self._ask(now)
        self._hear(max_bytes, now)
        out = self._chunks()
        self._update_status()
        return out

    def committed(self, checkpoint: Checkpoint) -> None:
        """Room for more: what is stored is scored as well."""
        waiting = self._out.get(checkpoint.generation)
        while waiting and waiting[0][0] <= checkpoint.offset:
            self._n_out -= waiting.popleft()[1]
        if not waiting:
            self._out.pop(checkpoint.generation, None)

    def close(self) -> None:
        """End the child; a later poll goes on after the last message that was handed out."""
        self.child.close()
        self._asked.clear()
        self._waiting.clear()
        self._queued.clear()
        self._next_scan_s = -1e9

    def status(self) -> SourceStatus:
        """How the source stands, as of the last poll."""
        return self._status

    # What there is

    def _scan(self, now: float) -> None:
        """Queue files that are whole and not read as they stand."""
        try:
            device = self.path.stat().st_dev & ((1 << 63) - 1)
            found = sorted(files_in(self.path, recursive=self.recursive), key=lambda f: f.path)
            self._trouble = None
        except PermissionError:
            self._trouble = ("denied", f'Cannot read "{self.path}": access denied.')
            found = None
        except OSError as error:
            self._trouble = ("missing", f'Cannot read "{self.path}": {error.strerror or error}.')
            found = None
        if found is not None:
            self._places.look({one.identity for one in found}, device, now)
            self._settling.forget({one.path for one in found})
            self._n_files = len(found)
            now_ns = self._clock.now_ns()
            for one in found:
                if one.path not in self._queued and self._is_due(one, now, now_ns):
                    self._waiting.append(one)
                    self._queued.add(one.path)
        took_s = self._clock.monotonic_s() - now
        self._next_scan_s = now + max(self._scan_s, took_s * _SCAN_SHARE)

    def _is_due(self, found: Found, now: float, now_ns: int) -> bool:
        place = self._places.known(found.identity)
        if place is not None and (place.is_read(found.stamp) or now < place.retry_at_s):
            return False
        return self._settling.is_whole(found, now, now_ns)

    # Asking

    def _ask(self, now: float) -> None:
        while self._waiting and now >= self._restart_at_s and self.child.can_ask:
            if self._n_out + len(self._asked) >= MAX_OUT:
                return  # what was read is scored and stored first
            found = self._waiting.popleft()
            place = self._places.take(_told(found.path), found.identity, now)
            self._n_asked += 1
            try:
                self.child.ask(self._n_asked, _question(found, place))
            except OSError as error:
                self._put_back([found])
                if not self.child.is_running:
                    self._fail_to_start(f"{error.strerror or error}", now)
                return
            self._asked[self._n_asked] = _Asked(found, place)

    def _put_back(self, founds: Sequence[Found]) -> None:
        self._waiting.extendleft(reversed(founds))

    def _fail_to_start(self, why: str, now: float) -> None:
        self._restart_at_s = now + _BACKOFF_S
        self._child_trouble = f"The process that reads messages cannot be started: {why}."
        logger.error("Messages cannot be read. source=%s reason=%s", self.source_id, why)

    # Hearing

    def _hear(self, max_bytes: int, now: float) -> None:
        if self._n_out >= MAX_OUT:
            return  # a mailbox may hold many; the child waits as well
        lines, failure = self.child.hear(max_bytes, now)
        for line in lines:
            asked = self._asked.get(line.number)
            if asked is not None:
                self._child_trouble = ""
                self._take(line, asked, now)
        if failure is not None:
            self._take_failure(failure, now)

    def _take(self, line: Line, asked: _Asked, now: float) -> None:
        place = asked.place
        if line.kind == "H":
            how, n_head, head = line.rest.decode("ascii", "replace").split("\t")
            self._begin(place, how, int(n_head), head)
        elif line.kind == "R":
            after, digest, entry = line.rest.split(b"\t", 2)
            end, marker = int(after), digest.decode("ascii")
            self._of(place).entries.append((entry, end, marker))
            self._move(place, Position(end=end), marker)
        elif line.kind == "E":
            del self._asked[line.number]
            self._queued.discard(asked.found.path)
            told = line.rest.decode("utf-8", "replace").split("\t", 3)
            self._finish(asked, told[0], int(told[1]), told[2], told[3], now)

    def _of(self, place: Place) -> _Heard:
        number = place.spot.generation
        if number not in self._heard:
            self._heard[number] = _Heard(place, place.is_new, place.spot)
        return self._heard[number]

    def _begin(self, place: Place, how: str, n_head: int, head: str) -> None:
        self._of(place)  # before the position moves
        if how == "anew":
            words = f'"{_name(place)}" changed after it was read; it is read again.'
            self._say("rewritten", words, place)
        if how:
            self._places.empty(place)
        place.spot = replace(place.spot, head_bytes=n_head, head_hash=head)

    @staticmethod
    def _move(place: Place, at: Position, marker: str) -> None:
        place.spot = _moved(place.spot, at, marker)

    def _finish(
        self, asked: _Asked, state: str, end: int, marker: str, why: str, now: float
    ) -> None:
        place, (_, size, mtime_ns) = asked.place, asked.found.stamp
        if state in {"changed", "gone"}:
            return  # looked at again once it is steady, if it is there
        if state in {"denied", "failed"}:
            place.retry_at_s = now + _BACKOFF_S
            what = "access denied" if state == "denied" else why
            detail = f'Cannot read "{_name(place)}": {what}. It is tried again.'
            trouble = ("denied" if state == "denied" else "error", detail)
            if place.trouble != trouble:
                place.trouble = trouble
                self._say("denied" if state == "denied" else "refused", detail, place)
            return
        self._of(place)
        self._move(place, Position(size, mtime_ns, end), marker)
        place.spot = replace(place.spot, size_bytes=size)
        place.trouble, place.n_tries = None, 0
        if state == "refused":
            self._say("refused", f'"{_name(place)}" is not read: {why}.', place)
        else:
            self._n_read_bytes += size
            self._last_read_ns = self._clock.now_ns()

    def _take_failure(self, failure: Failure, now: float) -> None:
        """The child is gone: the file that it was at is blamed, the others are asked again."""
        left = [self._asked.pop(number) for number in failure.left if number in self._asked]
        blamed = [a for a in left if failure.number and a is left[0]]
        self._put_back([asked.found for asked in left if asked not in blamed])
        if not failure.number:
            self._fail_to_start(failure.why, now)
        for asked in blamed:
            self._queued.discard(asked.found.path)
            self._blame(asked, failure.why, now)

    def _blame(self, asked: _Asked, what: str, now: float) -> None:
        place, (_, size, mtime_ns) = asked.place, asked.found.stamp
        place.n_tries += 1
        if place.n_tries < MAX_TRIES:
            place.retry_at_s = now + _RETRY_S
            return
        detail = (
            f'"{_name(place)}" {what} {place.n_tries} times and is quarantined: what is left of it '
            "is not read until it changes. Look at it with care."
        )
        self._of(place)
        end = Position.of(place.spot.cursor).end
        self._move(place, Position(size, mtime_ns, end), place.spot.marker_hash)
        place.trouble, place.n_tries = ("quarantined", detail), 0
        self._say("quarantined", detail, place, is_loss=True)

    # Handing out

    def _chunks(self) -> list[RecordChunk]:
        heard, self._heard = self._heard, {}
        out: list[RecordChunk] = []
        for one in heard.values():
            place = one.place
            if not one.entries and not one.events and place.spot == one.before:
                continue
            spot = replace(place.spot, offset=one.before.offset)
            most = self._limits.max_lines
            parts = [one.entries[i : i + most] for i in range(0, len(one.entries), most)] or [[]]
            for part in parts[:-1]:
                _, end, marker = part[-1]
                spot = self._hand_out(out, one, part, _moved(spot, Position(end=end), marker))
            last = replace(place.spot, offset=spot.offset)
            place.spot = self._hand_out(out, one, parts[-1], last)
            place.is_new = False
        return out

    def _hand_out(
        self,
        out: list[RecordChunk],
        heard: _Heard,
        part: Sequence[tuple[bytes, int, str]],
        spot: Checkpoint,
    ) -> Checkpoint:
        """Add a chunk; returns the position after it."""
        events, heard.events = tuple(heard.events), []
        chunk = entry_chunk(
            [entry for entry, _, _ in part],
            spot,
            is_new=heard.is_new,
            cursor=spot.cursor,
            read_ns=self._clock.now_ns(),
            events=events,
        )
        heard.is_new = False
        out.append(chunk)
        if part:
            waiting = self._out.setdefault(chunk.generation, deque())
            waiting.append((chunk.checkpoint.offset, len(part)))
            self._n_out += len(part)
        return chunk.checkpoint

    # Telling

    def _say(self, kind: str, message: str, place: Place, *, is_loss: bool = False) -> None:
        event = self._news.event(kind, message, place.spot.generation, is_loss=is_loss)
        self._of(place).events.append(event)

    def _update_status(self) -> None:
        bad = self._places.troubles()
        more = f" {len(bad):,} files have trouble." if len(bad) > 1 else ""
        child = ("error", self._child_trouble) if self._child_trouble else None
        of_files = (found[0], found[1] + more) if (found := worst(bad)) else None
        state, detail = self._trouble or child or of_files or self._plain()
        waiting = sum(found.stamp[1] for found in self._waiting)
        asked = sum(one.found.stamp[1] for one in self._asked.values())
        self._status = SourceStatus(
            self.source_id,
            self.name,
            state,
            detail,
            lag_bytes=waiting + asked,
            read_offset_bytes=self._n_read_bytes,
            n_files=self._n_files,
            last_read_ns=self._last_read_ns,
            messages=self._news.messages,
        )

    def _plain(self) -> tuple[str, str]:
        if self._n_files:
            return ("behind" if self._waiting else "live"), ""
        return "waiting", f'There is no message in "{self.path}" yet.'


def _moved(spot: Checkpoint, at: Position, marker: str) -> Checkpoint:
    return replace(
        spot,
        cursor=at.cursor,
        marker_hash=marker,
        marker_bytes=min(at.end, MARKER_BYTES),
    )


def _told(path: str) -> str:
    """A path as it is stored: names are bytes, and not all are text."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _name(place: Place) -> str:
    return os.path.basename(place.spot.path)  # noqa: PTH119 - of a name, not of a file


def _question(found: Found, place: Place) -> dict[str, object]:
    spot = place.spot
    return {
        "path": found.path,
        "stamp": list(found.stamp),
        "is_message": found.is_delivered,
        "is_same_file": spot.path == _told(found.path),
        "known": [
            Position.of(spot.cursor).end, spot.head_bytes, spot.head_hash, spot.marker_bytes,
            spot.marker_hash,
        ],
    }  # fmt: skip
