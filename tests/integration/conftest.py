"""A terminal for tests: the real command line in real processes, each test with its own home."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from soc_copilot.cli.source_reports import ledger_object, look_at
from soc_copilot.governance.database import Governance

PATIENCE_S = 120.0  # far above what anything here takes: only a hang reaches it
GROUPS = {"alerts", "suppressions", "sources", "killswitch", "audit", "settings"}
DETECTORS = ("auth", "host", "integrity", "load", "phishing", "web")


class Terminal:
    """Runs `soc-copilot` commands against one database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "governance.db"
        self.environment = {
            **os.environ,
            "SOC_COPILOT_HOME": str(folder / "home"),
            "PYTHONFAULTHANDLER": "1",
        }
        self.children: list[subprocess.Popen[str]] = []

    def governance(self) -> Governance:
        """The database, opened here: a look at it costs no process."""
        return Governance.open(self.database, home=self.folder / "home")

    def only(self, *detectors: str) -> None:
        """Switch off all other detectors: a process that loads no model starts at once."""
        with self.governance() as governance:
            for name in DETECTORS:
                governance.settings.set(f"detection.{name}.enabled", value=name in detectors)

    def command(self, *words: str | Path) -> list[str]:
        first, *rest = map(str, words)
        group = [first]
        if rest and first in GROUPS:
            group.append(rest.pop(0))
        return [sys.executable, "-m", "soc_copilot.cli", *group, "--db", str(self.database), *rest]

    def run(self, *words: str | Path, code: int = 0) -> str:
        """Run to the end; return stdout."""
        result = subprocess.run(
            self.command(*words),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert result.returncode == code, f"{words}: {result.returncode}\n{result.stderr}"
        assert "Traceback" not in result.stderr, result.stderr
        self.errors = result.stderr
        return result.stdout

    def json(self, *words: str | Path, code: int = 0) -> Any:
        """Run with --json; return the one object it printed."""
        (row,) = self.rows(*words, code=code)
        return row

    def rows(self, *words: str | Path, code: int = 0) -> list[Any]:
        """Run with --json; return the objects it printed, one a line."""
        return [json.loads(line) for line in self.run(*words, "--json", code=code).splitlines()]

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Start and go on."""
        child = subprocess.Popen(
            self.command(*words),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.children.append(child)
        return child

    def close(self) -> None:
        for child in self.children:
            if child.poll() is None:
                child.kill()
            if child.stdout is not None and not child.stdout.closed:
                child.communicate()

    def end(self, child: subprocess.Popen[str]) -> str:
        """Ask a run to end, as systemd does; return what it said."""
        child.terminate()
        said, _ = child.communicate(timeout=PATIENCE_S)
        assert child.returncode == 0, said
        return said

    def ledger(self) -> dict[str, int]:
        """Stored totals over all sources, as `sources ledger` tells them."""
        with self.governance() as governance:
            ledgers = governance.sources.ledger()
            rows = [ledger_object(one, look_at(governance, one)) for one in ledgers]
        totals: dict[str, int] = {}
        for row in rows:
            for key, value in row.items():
                if key == "archived_bytes":
                    continue  # compaction makes it smaller whenever it comes round
                if isinstance(value, int) and not isinstance(value, bool):
                    totals[key] = totals.get(key, 0) + value
        return totals

    def wait_for_start(self) -> None:
        """Wait until a run reads its sources."""
        with self.governance() as governance:
            rows = governance.audit.rows
            wait_until(
                lambda: any(row.action == "ingestion.started" for row in rows(None, 50)),
                "ingestion has started",
            )

    def wait_for_lines(self, n: int) -> None:
        """Wait until so many lines are stored in all."""
        with self.governance() as governance:
            totals = governance.batches.totals
            wait_until(lambda: totals().lines >= n, f"{n} lines are stored")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal with an empty database."""
    it = Terminal(tmp_path)
    yield it
    it.close()


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> float:
    """Wait for a condition; return how long it took, seconds."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < timeout_s, f"Waited in vain until {what}."
        time.sleep(0.02)
    return time.monotonic() - began


def access_lines(n: int, seed: int = 1) -> list[str]:
    """Combined access-log lines, each with a request of its own; some are attacks."""
    rng = random.Random(seed)  # noqa: S311 - test data
    attacks = (
        "/item?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--%20",
        "/view?file=../../../../etc/passwd",
        "/search?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E",
    )
    lines = []
    for i in range(n):
        url = rng.choice(attacks) if rng.random() < 0.01 else f"/page/{i % 700}.html?n={i}"
        lines.append(
            f"192.0.2.{rng.randrange(1, 40)} - - [20/Nov/2026:10:{i // 60 % 60:02}:{i % 60:02} "
            f'+0000] "GET {url} HTTP/1.1" 200 512 "-" "Mozilla/5.0 (X11; Linux x86_64)"\n'
        )
    return lines


def auth_lines(n: int, seed: int = 2) -> list[str]:
    """Syslog lines of sshd: a brute force that in the end gets in, among ordinary logins."""
    rng = random.Random(seed)  # noqa: S311 - test data
    lines = []
    for i in range(n):
        stamp = f"Nov 20 10:{i // 60 % 60:02}:{i % 60:02}"
        if i % 3:
            lines.append(
                f"{stamp} gw sshd[{1000 + i}]: Failed password for root from 192.0.2.77 "
                f"port {40000 + i % 20000} ssh2\n"
            )
        else:
            user = rng.choice(("ana", "ben", "eva"))
            lines.append(
                f"{stamp} gw sshd[{1000 + i}]: Accepted publickey for {user} from 198.51.100.9 "
                f"port {40000 + i % 20000} ssh2\n"
            )
    lines.append(
        f"Nov 20 10:59:59 gw sshd[{1000 + n}]: Accepted password for root from 192.0.2.77 "
        "port 50000 ssh2\n"
    )
    return lines
