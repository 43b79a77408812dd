"""A PostgreSQL server of the tests' own: a fresh cluster, reached by a socket in its folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

PROGRAMS = "/usr/lib/postgresql"  # where Debian keeps them, by version
SUPERUSER = "tester"
PATIENCE_S = 120.0
# initdb and postgres refuse to run as root.
LESSER_USERS = ("postgres", "nobody")


class Server:
    """A running server; `stop` ends it and removes everything of it."""

    def __init__(self) -> None:
        self._programs = _programs()
        self._user = _lesser_user()
        # Short, because a socket's path has little room.
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._data = self.folder / "data"
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._run("initdb", "--auth=trust", "-U", SUPERUSER, "-E", "UTF8", "--locale=C", "-N")
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c fsync=off"
        self._run("pg_ctl", "-w", "-s", "-l", str(self.folder / "log"), "-o", options, "start")

    def url(self, database: str) -> str:
        """SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self.folder}"

    def stop(self) -> None:
        """End the server at once."""
        self._run("pg_ctl", "-m", "immediate", "-w", "-s", "stop")
        shutil.rmtree(self.folder)

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, "-D", self._data, *words],
            user=self._user,
            group=None if self._user is None else pwd.getpwnam(self._user).pw_gid,
            extra_groups=None if self._user is None else [],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode:
            log = self.folder / "log"
            told = done.stderr or (log.read_bytes() if log.exists() else b"")
            raise RuntimeError(f"{program} failed: {told.decode(errors='replace')[-2_000:]}")


def _programs() -> Path:
    found = sorted(Path(PROGRAMS).glob("*/bin/postgres"), key=lambda p: float(p.parts[-3]))
    if not found:
        pytest.fail(f"There is no PostgreSQL in {PROGRAMS}. Install the package postgresql.")
    return found[-1].parent


def _lesser_user() -> str | None:
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in LESSER_USERS if name in names)
