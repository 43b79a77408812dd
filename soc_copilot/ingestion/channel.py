"""A live Windows event channel, exported to a file that is then read like any event log."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.source_options import CHANNEL_PREFIX

_EVERY_S: Final = 5.0  # chosen: an export starts a program and reads the channel's index
_TIMEOUT_S: Final = 60.0  # chosen: longer than an export of a full default log takes


class ChannelExport:
    """Exports what is new in a channel with Windows' own tool.

    Args:
        name: The channel, such as "Security" or "Microsoft-Windows-Sysmon/Operational".
        tool: The program, `wevtutil` of this Windows when None.
    """

    def __init__(self, name: str, tool: str | None = None) -> None:
        self.name = CHANNEL_PREFIX + name
        self._channel = name
        self._tool = tool
        self._folder: str | None = None
        self._exported_at_s = -1e9

    @classmethod
    def of(cls, path: str) -> "ChannelExport | None":
        """The export that a path such as "channel:Security" names; None for any other path."""
        name = path.removeprefix(CHANNEL_PREFIX)
        return cls(name) if name != path and name else None

    @property
    def file(self) -> Path:
        """Where the last export is."""
        return Path(self._folder or "") / "channel.evtx"

    def refresh(self, after: int, now_s: float) -> bool:
        """Export the records with numbers above `after`; False when that was done just now.

        Raises:
            SourceError: It cannot be done here, or the system refuses.
        """
        if now_s - self._exported_at_s < _EVERY_S:
            return False
        tool = self._tool or (shutil.which("wevtutil") if sys.platform == "win32" else None)
        if tool is None:
            raise SourceError(
                f'Cannot read "{self.name}": live event channels exist on Windows only. Export '
                "the channel there, and add the .evtx file."
            )
        self._exported_at_s = now_s
        self._folder = self._folder or tempfile.mkdtemp(prefix="soc-copilot-")
        # The record `after` itself comes along: it proves that this is still the same log.
        query = f"/q:*[System[(EventRecordID>={after})]]"
        command = [tool, "epl", self._channel, str(self.file), query, "/ow:true"]
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the channel's name is one argument
                command, capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f'Cannot export "{self.name}": {error}.') from error
        if done.returncode:
            words = done.stderr.decode("utf-8", "backslashreplace").split()
            raise SourceError(
                f'Cannot export "{self.name}": {" ".join(words)[:200]} Run as a member of the '
                "group Event Log Readers, and check the channel's name."
            )
        return True

    def close(self) -> None:
        """Delete the export."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None
        self._exported_at_s = -1e9
