"""The peers: Debian's SpamAssassin and rspamd as daemons on loopback, asking nothing outside."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from typing_extensions import override

from installer.bootstrap import apt_install

PACKAGES: Final = ("spamassassin", "spamd", "rspamd")
PROGRAMS: Final = ("spamd", "rspamd")
PATIENCE_S: Final = 900.0  # far above what starting takes: rspamd compiles its rules first
WORKERS: Final = 2  # one for each core of the machine that the figures are of
SPAM_AT: Final = 5.0  # SpamAssassin's own threshold
HEADER_AT: Final = 6.0  # where rspamd marks a message as spam
GREYLIST_AT: Final = 4.0  # where rspamd first does anything to a message

# Modules of rspamd that ask a name server, a list or a service, or rate senders: all off.
_OUTSIDE: Final = (
    *("rbl", "spf", "dkim", "dkim_signing", "arc", "dmarc", "asn", "mx_check", "fuzzy_check"),
    *("url_redirector", "rspamd_update", "dcc", "greylist", "ratelimit", "replies", "p0f"),
    *("clickhouse", "elastic", "external_services", "antivirus", "reputation", "history_redis"),
)


class PeerMissingError(RuntimeError):
    """The peers' packages are not there and may not be installed from here."""


def provide() -> None:
    """Install what is missing of the peers.

    Raises:
        PeerMissingError: They cannot be installed; the message has the command to do it.
    """
    if all(map(program, PROGRAMS)):
        return
    apt_install(PACKAGES)
    missing = [name for name in PROGRAMS if not program(name)]
    if missing:
        raise PeerMissingError(
            f"The peers are not installed ({', '.join(missing)} missing). Install them with:\n"
            f"  sudo apt-get install {' '.join(PACKAGES)}"
        )


def program(name: str) -> str | None:
    """Where a daemon is; None when it is not there."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def versions() -> str:
    """The peers' packages with their versions, for the report."""
    query = shutil.which("dpkg-query")
    if query is None:
        return "versions unknown"
    done = subprocess.run(
        [query, "-W", "-f", "${Package} ${Version}\n", "spamassassin", "rspamd"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ", ".join(done.stdout.split("\n")).strip(", ")


@dataclass(frozen=True, slots=True)
class Point:
    """Where a peer calls a message bad.

    Attributes:
        name: For the table.
        at: Its score there.
    """

    name: str
    at: float


class Peer(ABC):
    """A daemon that scores messages; ended with its children by `close`."""

    name: str
    points: tuple[Point, ...]

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o755)
        self.folder = folder
        self.port = _free_port()
        self._output = (folder / "output").open("wb")
        self._child = subprocess.Popen(
            self._command(), stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            self._wait_ready()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _command(self) -> list[str]:
        """What starts it in the foreground."""

    @abstractmethod
    def check(self, raw: bytes) -> float:
        """The score that it gives a message.

        Raises:
            RuntimeError: It gave none.
        """

    def cpu_s(self) -> float:
        """Processor time of the daemon and its children so far."""
        return sum(map(_cpu_s, self._family()))

    def _family(self) -> list[int]:
        found, waiting = [], [self._child.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            try:
                text = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
            except OSError:
                continue
            waiting.extend(int(word) for word in text.split())
        return found

    def _wait_ready(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                self.check(b"Subject: hello\n\nhello\n")
                return
            except (OSError, RuntimeError, http.client.HTTPException) as error:
                if self._child.poll() is not None or time.monotonic() > end:
                    said = (self.folder / "output").read_text("utf-8", "replace")[-2_000:]
                    raise RuntimeError(f"{self.name} does not start:\n{said}") from error
            time.sleep(0.2)

    def close(self) -> None:
        """Stop it."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self._child.pid, signal.SIGKILL)
                self._child.wait()
        self._output.close()


class SpamAssassin(Peer):
    """spamd with Debian's rules and settings, local tests only (`-L`); its Bayes untrained."""

    name = "SpamAssassin"
    points = (Point("spam, from 5", SPAM_AT),)

    @override
    def _command(self) -> list[str]:
        return [
            program("spamd") or "spamd",
            *("--local", "--nouser-config", "--max-children", str(WORKERS)),
            *("--min-children", str(WORKERS), "--listen", f"127.0.0.1:{self.port}"),
            *("--helper-home-dir", str(self.folder), "--syslog", "null"),
            *("--pidfile", str(self.folder / "pid"), "--cf", "use_bayes 0"),
        ]

    @override
    def check(self, raw: bytes) -> float:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S) as sock:
            head = f"CHECK SPAMC/1.5\r\nContent-length: {len(raw)}\r\n\r\n"
            sock.sendall(head.encode("ascii") + raw)
            sock.shutdown(socket.SHUT_WR)
            with sock.makefile("rb") as file:
                return spamd_score(file.read())


def spamd_score(answer: bytes) -> float:
    """The score in spamd's answer to CHECK.

    Raises:
        RuntimeError: There is none.
    """
    for line in answer.decode("ascii", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "spam":
            return float(value.partition(";")[2].partition("/")[0])
    raise RuntimeError(f"spamd gave no score: {answer[:200]!r}")


class Rspamd(Peer):
    """rspamd with Debian's rules and scores, what asks outside off; no Redis, hence no Bayes."""

    name = "rspamd"
    points = (Point("add header, from 6", HEADER_AT), Point("greylist, from 4", GREYLIST_AT))

    @override
    def _command(self) -> list[str]:
        for name, text in rspamd_files(self.port).items():
            path = self.folder / "own" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name in ("db", "run", "log"):
            (self.folder / name).mkdir()
        command = [
            program("rspamd") or "rspamd",
            "--no-fork",
            "--config",
            "/etc/rspamd/rspamd.conf",
        ]
        for name, place in (
            *(("LOCAL_CONFDIR", "own"), ("DBDIR", "db"), ("RUNDIR", "run"), ("LOGDIR", "log")),
        ):
            command.append(f"--var={name}={self.folder / place}")
        return [*command, "--insecure"] if os.geteuid() == 0 else command

    @override
    def check(self, raw: bytes) -> float:
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            line.request("POST", "/checkv2", body=raw)
            answer = line.getresponse()
            return rspamd_score(answer.status, answer.read())
        finally:
            line.close()


def rspamd_score(status: int, body: bytes) -> float:
    """The score in rspamd's answer.

    Raises:
        RuntimeError: There is none.
    """
    try:
        said: Any = json.loads(body)
        return float(said["score"])
    except (ValueError, KeyError, TypeError) as error:
        raise RuntimeError(f"rspamd gave no score ({status}): {body[:200]!r}") from error


def rspamd_files(port: int) -> dict[str, str]:
    """Our settings over Debian's, by file."""
    files = {f"override.d/{name}.conf": "enabled = false;\n" for name in _OUTSIDE}
    files["override.d/options.inc"] = (
        # Nothing answers there: a name that is asked for after all is not found at once.
        'dns { nameserver = ["127.0.0.1:1"]; timeout = 0.05; retransmits = 1; }\nrrd = false;\n'
    )
    files["override.d/phishing.conf"] = "openphish_enabled = false;\nphishtank_enabled = false;\n"
    files["override.d/logging.inc"] = 'type = "console";\nlevel = "error";\n'
    files["override.d/worker-normal.inc"] = (
        f'bind_socket = "127.0.0.1:{port}";\ncount = {WORKERS};\n'
    )
    for name in ("controller", "proxy", "fuzzy"):
        files[f"override.d/worker-{name}.inc"] = "enabled = false;\ncount = 0;\n"
    return files


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    # Its own and that of children that have ended.
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(kind: type[Peer], folder: Path) -> Iterator[Peer]:
    """A peer for as long as it is needed."""
    with kind(folder / kind.__name__.lower()) as peer:
        yield peer


PEERS: Final[tuple[type[Peer], ...]] = (SpamAssassin, Rspamd)
