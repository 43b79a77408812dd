"""A headless Chromium that renders many pages one after another; for making training data only.

It is told what to do over a pipe (DevTools protocol), and reaches no network.
"""

import base64
import contextlib
import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from soc_copilot.detection.phishing.visual.chromium import arguments, end_group, find_chromium
from soc_copilot.domain.errors import SourceError

_READ_BYTES: Final = 1 << 20


def _pipe() -> tuple[int, int]:
    """A pipe whose ends are far from the numbers that Chromium expects its own at."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


class Browser:
    """Renders pages.

    Args:
        scale: Of the pictures: 0.5 makes 640 pixels of 1,280.

    Raises:
        SourceError: No Chromium is found, or it ends at once.

    Thread:
        One. POSIX only.
    """

    def __init__(self, scale: float = 1.0) -> None:
        program = find_chromium()
        if program is None:
            raise SourceError(
                "Pages cannot be rendered: no Chromium is found. Install the package chromium."
            )
        self._scale = scale
        self._profile = tempfile.TemporaryDirectory(prefix="soc-copilot-pages-")
        (to_read, self._write), (self._read, to_write) = _pipe(), _pipe()
        # The protocol's ends: Chromium reads from 3 and writes to 4.
        wanted = [program, *arguments(Path(self._profile.name)), "--remote-debugging-pipe"]
        shell = f'exec "$0" "$@" 3<&{to_read} 4>&{to_write} {to_read}<&- {to_write}>&-'
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            ["/bin/bash", "-c", shell, *wanted, "about:blank"],
            pass_fds=(to_read, to_write),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""
        self._n_sent = 0
        self._session = ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self._call("Emulation.setScriptExecutionDisabled", value=True)
        self._frame = self._call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self._size: tuple[int, int] = (0, 0)

    def render(self, html: str, size: Sequence[int], *, quality: int = 92) -> bytes:
        """A page as a JPEG.

        Args:
            html: The page; it is not loaded from anywhere.
            size: Of the window, CSS pixels.
            quality: Of the JPEG.
        """
        wide, tall = size
        if (wide, tall) != self._size:
            self._call(
                "Emulation.setDeviceMetricsOverride",
                width=wide,
                height=tall,
                deviceScaleFactor=self._scale,
                mobile=False,
            )
            self._size = (wide, tall)
        self._call("Page.setDocumentContent", frameId=self._frame, html=html)
        shot = self._call("Page.captureScreenshot", format="jpeg", quality=quality)
        return base64.b64decode(shot["data"])

    def boxes(self, selector: str) -> list[tuple[float, float, float, float]]:
        """Where elements of the page stand that was rendered last: left, top, right, bottom.

        Args:
            selector: CSS; without quotation marks.

        Returns:
            In CSS pixels from the window's corner, in the order of the page.
        """
        words = (
            f"[...document.querySelectorAll('{selector}')].map(e=>{{let b="
            "e.getBoundingClientRect();return [b.left,b.top,b.right,b.bottom]})"
        )
        told = self._call("Runtime.evaluate", expression=words, returnByValue=True)
        return [(box[0], box[1], box[2], box[3]) for box in told["result"]["value"]]

    def close(self) -> None:
        """End it."""
        for end in (self._write, self._read):
            with contextlib.suppress(OSError):
                os.close(end)
        end_group(self._process)
        self._profile.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, method: str, **params: object) -> dict[str, Any]:
        self._n_sent += 1
        message: dict[str, object] = {"id": self._n_sent, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._send(json.dumps(message).encode() + b"\0")
        while True:
            told = json.loads(self._receive())
            if told.get("id") == self._n_sent:
                if "error" in told:
                    raise SourceError(f"Chromium refused {method}: {told['error'].get('message')}")
                found: dict[str, Any] = told["result"]
                return found

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._write, left) :]

    def _receive(self) -> bytes:
        while b"\0" not in self._rest:
            data = os.read(self._read, _READ_BYTES)
            if not data:
                raise SourceError("Chromium has ended unexpectedly.")
            self._rest += data
        message, _, self._rest = self._rest.partition(b"\0")
        return message
