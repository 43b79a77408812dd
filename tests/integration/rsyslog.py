"""A real rsyslogd as a child process: its own configuration, its queue on disk."""

import os
import shutil
import subprocess
from pathlib import Path


def find_program(name: str, package: str) -> str:
    """The path of a program that tests need, looked for where Debian puts daemons, too."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    assert found, f"{name} is not installed; install Debian's package {package}."
    return found


class Rsyslog:
    """Forwards what is written to a file, in order, queued on disk while nobody takes it.

    Args:
        folder: Its own; everything that it writes is in there.
        port: Where it forwards to, on 127.0.0.1.
        ca: Path of the authority that signed the receiver's certificate; TLS when given.
        framing: "octet-counted" or "traditional".
    """

    def __init__(
        self, folder: Path, port: int, *, ca: Path | None = None, framing: str = "octet-counted"
    ) -> None:
        folder.mkdir()
        self.input = folder / "input.log"
        self.input.touch()
        tls = (
            'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
            'StreamDriverPermittedPeers="localhost"'
            if ca
            else ""
        )
        head = f'global(workDirectory="{folder}" maxMessageSize="64k"'
        head += f' defaultNetstreamDriverCAFile="{ca}")' if ca else ")"
        (folder / "rsyslog.conf").write_text(
            f"""{head}
module(load="imfile" mode="inotify")
input(type="imfile" File="{self.input}" Tag="test:" ruleset="forward")
template(name="wire" type="string"
         string="<134>1 %timereported:::date-rfc3339% host test - - - %msg%")
ruleset(name="forward") {{
  action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="wire"
         TCP_Framing="{framing}" {tls}
         queue.type="LinkedList" queue.filename="forward" queue.saveOnShutdown="on"
         queue.size="200000" action.resumeRetryCount="-1" action.resumeInterval="1")
}}
""",
            encoding="utf-8",
        )
        self._log = (folder / "rsyslog.out").open("wb")
        self._child = subprocess.Popen(
            [
                find_program("rsyslogd", "rsyslog"),
                "-n",
                "-f",
                folder / "rsyslog.conf",
                "-i",
                folder / "rsyslog.pid",
            ],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TZ": "UTC"},
        )

    @property
    def output(self) -> str:
        """What it said on its terminal."""
        return Path(self._log.name).read_text("utf-8", "replace")

    def close(self) -> None:
        """Kill it."""
        self._child.kill()
        self._child.wait()
        self._log.close()
