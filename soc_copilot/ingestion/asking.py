"""A child process that is asked by lines of JSON and answers by lines, one question after another.

It says "ready" first. What it does with a question is told by lines that begin with a letter and
the question's number; "E" ends the answer. One that dies, hangs or floods costs the question that
it was at: the others are asked again.
"""

import contextlib
import json
import os
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import soc_copilot
from soc_copilot.ingestion.child import Child

QUIET_S: Final = 30.0  # chosen: one that says nothing for so long is stuck; a message takes under 2
START_S: Final = 60.0  # chosen: imports on a busy machine
IDLE_S: Final = 10.0  # chosen: one that has nothing to do for so long is let go
MAX_ASKED: Final = 128  # chosen: questions on their way
_MAX_ASKED_BYTES: Final = 32 * 1024  # chosen: half of what a pipe holds, so that asking never waits
_MAX_QUESTIONS: Final = 2_000  # chosen: then a fresh one, whatever the old one has gathered
_LINE_BYTES: Final = 1024 * 1024  # chosen: no answer's line is longer

READY: Final = b"ready"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an answer.

    Attributes:
        number: Of the question.
        kind: A letter.
        rest: What follows, as it came.
    """

    number: int
    kind: str
    rest: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """The child is gone.

    Attributes:
        number: The question that it was at; 0 for none: it did not even start.
        why: What it did, such as "ended its reader (signal 9)".
        left: Questions that are not answered, that one among them.
    """

    number: int
    why: str
    left: tuple[int, ...] = ()


class AskedChild:
    """The child, started when there is something to ask.

    Args:
        command: How it is started.

    Thread:
        One at a time.
    """

    def __init__(self, command: Sequence[str], quiet_s: float = QUIET_S) -> None:
        self.command = tuple(command)
        self.quiet_s = quiet_s
        self._child: Child | None = None
        self._questions = -1  # descriptor that the child reads from
        self._asked: deque[tuple[int, int]] = deque()  # number and bytes, in the order asked
        self._line = b""
        self._is_ready = False
        self._n_questions = 0
        self._idle_since_s = 0.0
        self.n_starts = 0

    @property
    def is_running(self) -> bool:
        """True while there is a process."""
        return self._child is not None

    @property
    def n_asked(self) -> int:
        """Questions without a whole answer."""
        return len(self._asked)

    @property
    def can_ask(self) -> bool:
        """True when one more question may be asked now."""
        n_bytes = sum(size for _, size in self._asked)
        is_spent = self._n_questions >= _MAX_QUESTIONS
        return len(self._asked) < MAX_ASKED and n_bytes < _MAX_ASKED_BYTES and not is_spent

    def ask(self, number: int, question: Mapping[str, Any]) -> None:
        """Ask.

        Raises:
            OSError: It cannot be started, or takes no questions any more.
        """
        if self._child is None:
            self._start()
        line = json.dumps({"n": number, **question}).encode("ascii") + b"\n"
        os.write(self._questions, line)
        self._asked.append((number, len(line)))
        self._n_questions += 1

    def _start(self) -> None:
        theirs, self._questions = os.pipe()
        try:
            self._child = Child(self.command, stdin=theirs, env=_environment())
        except OSError:
            self._close_questions()
            raise
        finally:
            os.close(theirs)
        self._line, self._is_ready = b"", False
        self.n_starts += 1

    def hear(self, max_bytes: int, now_s: float) -> tuple[list[Line], Failure | None]:
        """What it answered since the last call, and whether it is gone."""
        child = self._child
        if child is None:
            return [], None
        lines = self._lines(child.read(max_bytes))
        failure = self._failure(child)
        if failure is not None:
            failure = replace(failure, left=tuple(self.close()))
        elif self._asked:
            self._idle_since_s = now_s
        elif self._n_questions >= _MAX_QUESTIONS or now_s - self._idle_since_s > IDLE_S:
            self.close()
        return lines, failure

    def _lines(self, data: bytes) -> list[Line]:
        parts = (self._line + data).split(b"\n")
        self._line = parts.pop()
        found = []
        for part in parts:
            if not self._is_ready:
                self._is_ready = part == READY
                continue
            kind, _, after = part.partition(b"\t")
            number, _, rest = after.partition(b"\t")
            if not number.isdigit():
                continue
            found.append(Line(int(number), kind.decode("ascii", "replace"), rest))
            if kind == b"E" and self._asked and self._asked[0][0] == int(number):
                self._asked.popleft()
        return found

    def _failure(self, child: Child) -> Failure | None:
        number = self._asked[0][0] if self._asked and self._is_ready else 0
        if len(self._line) > _LINE_BYTES:
            return Failure(number, "made its reader write without end")
        if child.has_ended:
            return Failure(number, f"ended its reader ({_exit_words(child.exit_code)})")
        limit_s = self.quiet_s if self._is_ready else max(self.quiet_s, START_S)
        if self._asked and child.quiet_s > limit_s:
            return Failure(number, f"held its reader for {limit_s:g} s")
        return None

    def close(self) -> list[int]:
        """End it; returns the questions that were not answered."""
        left = [number for number, _ in self._asked]
        self._asked.clear()
        self._n_questions = 0
        self._close_questions()
        if self._child is not None:
            self._child.close()
            self._child = None
        return left

    def _close_questions(self) -> None:
        if self._questions >= 0:
            with contextlib.suppress(OSError):
                os.close(self._questions)
            self._questions = -1


def _environment() -> dict[str, str]:
    """The same program as ours, wherever that lies; one thread for what is only imported."""
    ours = str(Path(soc_copilot.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": ours, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _exit_words(code: int | None) -> str:
    if code is None:
        return "no status"
    return f"signal {-code}" if code < 0 else f"status {code}"
