"""Child processes whose output is read without waiting, and the limits that one puts on itself."""

import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

logger = logging.getLogger(__name__)

_BLOCK_BYTES: Final = 64 * 1024
_BLOCKS_HELD: Final = 16  # chosen: 1 MiB waits for us, then the child waits
_ERROR_BYTES: Final = 4 * 1024  # chosen: the end of what it said on its error output
_GONE_S: Final = 5.0  # chosen: a killed process has ended long before, or never does
_STOP_CHECK_S: Final = 0.1


class Child:
    """A running command; what it writes is kept up to a bound, then it has to wait.

    Args:
        command: The program and its arguments; no shell.
        stdin: A descriptor that it reads, nothing when None.
        env: Its environment, ours when None.

    Raises:
        OSError: It cannot be started.

    Thread:
        One thread at a time. Two threads of its own read the outputs and end with it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: int | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._blocks: queue.Queue[bytes] = queue.Queue(_BLOCKS_HELD)
        self._left = b""
        self._errors = b""
        self._is_closed = threading.Event()
        self._heard_s = time.monotonic()
        flags = 0
        if sys.platform == "win32":  # pragma: no cover - only there
            flags = subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        self._process = subprocess.Popen(  # noqa: S603 - the callers' own commands
            command,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=env,
            start_new_session=sys.platform != "win32",  # its own group, so that all of it ends
            creationflags=flags,
        )
        self._threads = [
            threading.Thread(target=self._read_output, name="child-output", daemon=True),
            threading.Thread(target=self._read_errors, name="child-errors", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def read(self, max_bytes: int) -> bytes:
        """What it wrote since the last call, at most so much; nothing when there is none now."""
        parts, size = [self._left], len(self._left)
        while size < max_bytes:
            try:
                block = self._blocks.get_nowait()
            except queue.Empty:
                break
            parts.append(block)
            size += len(block)
        data = b"".join(parts)
        self._left = data[max_bytes:]
        return data[:max_bytes]

    @property
    def has_ended(self) -> bool:
        """True when it has ended and everything it wrote was read."""
        output_is_over = not self._threads[0].is_alive()
        return output_is_over and self._blocks.empty() and not self._left

    @property
    def quiet_s(self) -> float:
        """Seconds for which it wrote nothing although we would have taken it."""
        if self._left or not self._blocks.empty():
            return 0.0
        return time.monotonic() - self._heard_s

    @property
    def exit_code(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""
        if not self._threads[0].is_alive():
            try:
                return self._process.wait(_GONE_S)
            except subprocess.TimeoutExpired:
                return None
        return self._process.poll()

    @property
    def errors(self) -> str:
        """The end of what it wrote to its error output; a stranger may have a say in it."""
        return self._errors.decode("utf-8", "backslashreplace").strip()

    def close(self) -> None:
        """End it, with everything it started, and wait until it is gone; may be called again."""
        self._is_closed.set()
        try:
            if sys.platform == "win32":  # pragma: no cover - only there
                self._process.kill()
            else:
                os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it has ended by itself
        try:
            self._process.wait(_GONE_S)
        except subprocess.TimeoutExpired:  # stuck in the kernel
            logger.error("A child process does not end. pid=%d", self._process.pid)
            return
        for thread in self._threads:
            thread.join(_GONE_S)

    def _read_output(self) -> None:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101 - it is a pipe
        with stream:
            while block := stream.read(_BLOCK_BYTES):
                while not self._is_closed.is_set():
                    try:
                        self._blocks.put(block, timeout=_STOP_CHECK_S)
                        break
                    except queue.Full:
                        continue
                self._heard_s = time.monotonic()

    def _read_errors(self) -> None:
        stream = self._process.stderr
        assert stream is not None  # noqa: S101 - it is a pipe
        with stream:
            while block := stream.read(_ERROR_BYTES):
                self._errors = (self._errors + block)[-_ERROR_BYTES:]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may use.

    Attributes:
        memory_bytes: Address space.
        cpu_s: Seconds of processor time.
        n_files: Open files; it can neither write to files nor make any.
        niceness: How far its priority is lowered, 0 to 19.
    """

    memory_bytes: int
    cpu_s: int
    n_files: int = 16
    niceness: int = 10


def restrict_self(limits: Limits) -> None:
    """Put limits on the calling process, for good. Call it before anything dangerous is read.

    Only processor priority where the system knows no such limits (Windows).
    """
    if sys.platform == "win32":  # pragma: no cover - the parent lowers the priority there
        return
    import resource

    wanted = {
        resource.RLIMIT_CORE: 0,  # a crash must not write the file's content anywhere
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: limits.n_files,
        resource.RLIMIT_CPU: limits.cpu_s,
        resource.RLIMIT_AS: limits.memory_bytes,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):  # macOS refuses some; the parent's clock is still there
            logger.debug("A limit cannot be set. kind=%d", kind)
    os.nice(limits.niceness)
