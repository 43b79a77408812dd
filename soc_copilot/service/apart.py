"""The service's end of the pipe to the process that stores: started, fed, and started again."""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import soc_copilot
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.records import SourceEvent
from soc_copilot.ingestion.spool import event_line
from soc_copilot.service.frames import FRAME_BYTES, StorePlan, frame
from soc_copilot.service.storing import END_S

logger = logging.getLogger(__name__)

# -P: nothing from the current folder gets into it.
COMMAND: Final = (sys.executable, "-P", "-X", "utf8", "-m", "soc_copilot.service.storing")
WINDOW_BYTES: Final = 4 * 1024 * 1024  # chosen: sent and not answered; some seconds' at full load
_START_S: Final = 120.0  # chosen: a former process may store for a while, and machines are busy
_BACKOFF_S: Final = (0.2, 5.0)  # chosen: first and longest wait before it is started again
_STEADY_S: Final = 10.0  # chosen: one that lived so long failed for a new reason
_OPEN_S: Final = 10.0  # chosen: so long the last lines wait for a spool that does not open
_EXIT_S: Final = 10.0  # chosen: between closing its output and being gone
_LAST_TRIES: Final = 2  # chosen: starts after the end, for what is not stored yet
_ENDED: Final = "The process that stores checked requests ended ({})."
_AGAIN: Final = " It is started again."


class StoreProcess:
    """The process that stores, from `start` to `close`; takes lines as a spool does.

    What it did not say to have in its spool is kept, and sent again to the next one if it
    dies, which leaves out what stands in the spool already.

    Args:
        plan: What it is to do.
        command: How it is started.

    Thread:
        Any; `start` and `close` on one.
    """

    def __init__(self, plan: StorePlan, command: Sequence[str] = COMMAND) -> None:
        self._plan = plan
        self._command = tuple(command)
        self._condition = threading.Condition()
        self._unanswered: dict[int, bytes] = {}
        self._n_bytes = 0  # of them
        self._n_frames = 0
        self._end = plan.end
        self._process: subprocess.Popen[bytes] | None = None
        self._is_open = False  # its spool, so that it takes lines
        self._is_ready = False
        self._is_last = False  # take all that comes at once
        self._is_closing = False
        self._is_given_up = False
        self._is_killed = False
        self._failure = ""
        self._trouble = ""
        self._told: Mapping[str, Any] = {}
        self._thread = threading.Thread(target=self._run, name="service-store", daemon=True)
        self.n_starts = 0

    def start(self) -> None:
        """Start it; returns once it stores.

        Raises:
            SourceError: It cannot be started, or does not open what it needs.
        """
        self._thread.start()
        with self._condition:
            self._condition.wait_for(lambda: self._is_ready or self._failure, _START_S)
            failure = self._failure or (not self._is_ready and (self.trouble or "It took too long"))
        if failure:
            self.close()
            raise SourceError(f"Nothing could be stored. {failure}")

    @property
    def pid(self) -> int:
        """Of the process that stores now; 0 for none."""
        process = self._process
        return process.pid if process is not None else 0

    @property
    def trouble(self) -> str:
        """Why nothing is stored now, one sentence; empty when something is."""
        return self._trouble or str(self._told.get("trouble", ""))

    @property
    def told(self) -> Mapping[str, Any]:
        """How it said last that it stands: state, lag_bytes, health, cpu_s, trouble."""
        return self._told

    @property
    def n_unanswered_bytes(self) -> int:
        """Bytes that are not in its spool yet, as far as is known."""
        return self._n_bytes

    def write(self, lines: Sequence[bytes], /) -> int:
        """Send lines; waits while much is not answered. All are taken."""
        part: list[bytes] = []
        n_bytes = 0
        for line in lines:
            part.append(line)
            n_bytes += len(line) + 1
            if n_bytes >= FRAME_BYTES:
                self._queue(part)
                part, n_bytes = [], 0
        if part:
            self._queue(part)
        return len(lines)

    def write_events(self, events: Sequence[SourceEvent]) -> None:
        """Send what happened to the source; never waits."""
        if events:
            self._queue([event_line(event) for event in events], is_urgent=True)

    def take_all(self) -> None:
        """From now on take lines without waiting: the last ones come."""
        with self._condition:
            self._is_last = True
            self._condition.notify_all()

    def close(self) -> None:
        """Let it store all that was sent, and wait until it has ended."""
        if self._thread.ident is None:
            return
        with self._condition:
            self._is_last = self._is_closing = True
            self._condition.notify_all()
            is_sent = self._condition.wait_for(self._is_able_to_end, _OPEN_S)
            self._is_given_up = not is_sent
            self._condition.notify_all()
        self._thread.join(END_S)
        if self._thread.is_alive():
            logger.error("The process that stores does not end; it is killed.")
            self._kill()
            self._thread.join(_EXIT_S)
        if self._unanswered:
            n = sum(data.count(b"\n") + 1 for data in self._unanswered.values())
            logger.error("Checked requests are lost: they could not be stored. n=%d", n)

    def _is_able_to_end(self) -> bool:
        return self._is_open or not self._unanswered or not self._thread.is_alive()

    def _queue(self, lines: Sequence[bytes], *, is_urgent: bool = False) -> None:
        data = b"\n".join(lines)
        with self._condition:
            if not is_urgent:
                self._condition.wait_for(lambda: self._is_last or self._has_room(len(data)))
            self._n_frames += 1
            self._unanswered[self._n_frames] = data
            self._n_bytes += len(data)
            self._condition.notify_all()

    def _has_room(self, n_bytes: int) -> bool:
        return not self._n_bytes or self._n_bytes + n_bytes <= WINDOW_BYTES

    def _kill(self) -> None:
        self._is_killed = True
        process = self._process
        if process is not None:
            process.kill()

    # On its thread

    def _run(self) -> None:
        wait_s, n_last = _BACKOFF_S[0], 0
        while True:
            began_s = time.monotonic()
            was_ready = self._live()
            with self._condition:
                self._condition.notify_all()
                if not was_ready and self.n_starts <= 1:
                    self._failure = self._failure or self._trouble
                    return
                if time.monotonic() - began_s > _STEADY_S:
                    wait_s = _BACKOFF_S[0]
                self._condition.wait_for(lambda: self._is_closing, wait_s)
                wait_s = min(wait_s * 2, _BACKOFF_S[1])
                if self._is_closing:
                    n_last += 1
                    if not self._unanswered or self._is_killed or n_last > _LAST_TRIES:
                        return

    def _live(self) -> bool:
        """Start one and stay with it until it has ended; False when it never stored."""
        self.n_starts += 1
        self._is_ready = self._is_open = False
        self._failure = ""
        try:
            process = _started(self._command)
        except OSError as error:
            self._trouble = f'"{self._command[0]}" cannot be started: {error.strerror or error}.'
            return False
        with self._condition:
            self._process = process
        sender = threading.Thread(
            target=self._send, args=(process,), name="service-send", daemon=True
        )
        sender.start()
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        with process.stdout:
            for line in process.stdout:
                self._hear(line)
        try:
            code = process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        with self._condition:
            self._process = None
            was_ready, self._is_open, self._told = self._is_ready, False, {}
            if not self._is_closing or code:
                why = self._failure or f"exit code {code}; the log says why"
                again = _AGAIN if self.n_starts > 1 or was_ready else ""
                self._trouble = _ENDED.format(why.rstrip(".")) + again
                logger.error("The process that stores ended. code=%d", code)
            self._condition.notify_all()
        sender.join()
        return was_ready

    def _hear(self, line: bytes) -> None:
        try:
            told: dict[str, Any] = json.loads(line)
            kind = told.pop("kind")
        except (ValueError, KeyError, TypeError):
            logger.error("The process that stores said something strange.")
            return
        with self._condition:
            if kind == "taken":
                self._forget(told["number"])
                self._end = told["end"]
            elif kind == "open":
                self._end = self._end if self._end >= 0 else told["end"]
                self._is_open = True
            elif kind == "ready":
                self._is_ready, self._trouble, self._told = True, "", {}
            elif kind == "failed":
                self._failure = told["message"]
            elif kind == "status":
                self._told = told
            self._condition.notify_all()

    def _forget(self, number: int) -> None:
        for known in [n for n in self._unanswered if n <= number]:
            self._n_bytes -= len(self._unanswered.pop(known))

    # On a thread for each process

    def _send(self, process: "subprocess.Popen[bytes]") -> None:
        stream = process.stdin
        assert stream is not None  # noqa: S101 - it is a pipe
        # A process that died says so with a broken pipe; what it did not take is kept.
        with contextlib.suppress(OSError):
            plan = replace(self._plan, end=self._end)
            stream.write(frame(0, plan.to_bytes()))
            stream.flush()
            last = 0
            while (found := self._next(process, last)) is not None:
                last, data = found
                stream.write(frame(last, data))
                stream.flush()
        with contextlib.suppress(OSError):
            stream.close()

    def _next(self, process: "subprocess.Popen[bytes]", last: int) -> tuple[int, bytes] | None:
        """What is to be sent after a frame; waits for it. None at the end."""
        with self._condition:
            while self._process is process and not self._is_given_up:
                number = min((n for n in self._unanswered if n > last), default=0)
                if number and self._is_open:
                    return number, self._unanswered[number]
                if self._is_closing and not number:
                    return None
                self._condition.wait()
        return None


def _started(command: Sequence[str]) -> "subprocess.Popen[bytes]":
    """The process, with the same program as ours wherever that lies.

    Raises:
        OSError: It cannot be started.
    """
    flags = 0
    if sys.platform == "win32":  # pragma: no cover - only there
        flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
    ours = str(Path(soc_copilot.__file__).parents[1])
    paths = [ours, *filter(None, [os.environ.get("PYTHONPATH")])]
    return subprocess.Popen(  # noqa: S603 - our own module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        start_new_session=sys.platform != "win32",  # Ctrl-C is the service's to answer
        creationflags=flags,
    )
