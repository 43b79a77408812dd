"""The real checking service as a child process, on a free port, with a database of its own."""

import re
from pathlib import Path

from tests.integration.conftest import Terminal


class CheckingService:
    """`soc-copilot serve`, taking as many requests as come.

    Args:
        folder: Its own; database, token and configuration are in there.
        detectors: What looks at stored requests; all there are when None.
        options: Of its YAML file, with their values.
    """

    def __init__(
        self, folder: Path, *, detectors: tuple[str, ...] | None = None, **options: str
    ) -> None:
        self.terminal = Terminal(folder)
        self._token_file = folder / "token"
        config = folder / "service.yaml"
        given = {
            "port": "0",
            "token_file": str(self._token_file),
            "host_events": "false",
            "rate_limit": "{global_per_s: 0, per_address_per_s: 0}",
            **options,
        }
        config.write_text("".join(f"{key}: {value}\n" for key, value in given.items()))
        if detectors is not None:
            self.terminal.only(*detectors)
        self._child = self.terminal.start("serve", "--config", config)
        try:
            self.port = self._told_port()
        except BaseException:
            self.close()
            raise

    @property
    def token(self) -> str:
        """What callers must show."""
        return self._token_file.read_text("ascii").strip()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._child.pid

    def _told_port(self) -> int:
        assert self._child.stdout is not None
        said = ""
        for line in self._child.stdout:
            said += line
            if match := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                return int(match[1])
        raise AssertionError(f"It ended without saying where it answers:\n{said}")

    def close(self) -> None:
        """Kill it."""
        self.terminal.close()
