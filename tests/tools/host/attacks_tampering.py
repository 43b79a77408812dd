"""How simulated attacks hide their traces and take away the way back: logs and backups go first."""

import os
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from tests.tools.host.attacks_breadth import fill
from tests.tools.host.attacks_sealing import Step, delete, put_back
from tests.tools.host.attacks_work import Work

_LOGS: Final = re.compile(
    r"""(^|/)(logs?|journal|history)/ | \.log(\.\d+|\.gz|\.old)*$ | _history$
        | (^|/)(syslog|messages|wtmp|btmp|lastlog|auth|secure)(\.\d+)?$""",
    re.VERBOSE | re.IGNORECASE,
)
_BACKUPS: Final = re.compile(
    r"""(^|/)[._]?(backups?|snapshots?|shadow[\w-]*|versions|restore[\w-]*|trash|previous[\w-]*
        |time.?machine|file.?history)[^/]*/ | \.(bak|old|orig|bkf|vhdx?|dump)(\.\w+)?$ | ~$""",
    re.VERBOSE | re.IGNORECASE,
)
_DAEMONS: Final = ("sshd", "cron", "kernel", "systemd", "backupd", "mail", "app")


def logs_of(work: Work) -> list[Path]:
    """The files that look like logs."""
    return _matching(work, _LOGS)


def backups_of(work: Work) -> list[Path]:
    """The files that look like backups or earlier versions."""
    return _matching(work, _BACKUPS)


def _matching(work: Work, pattern: re.Pattern[str]) -> list[Path]:
    """Files whose path in the tree matches, in an order of chance."""
    root = work.root
    found = [path for path in work.ground.files() if pattern.search(str(path.relative_to(root)))]
    work.rng.shuffle(found)
    return found


def with_logs(step: Step) -> Callable[[Work], None]:
    """An attack on logs alone."""
    return lambda work: work.every(logs_of(work), step)


def with_backups(step: Step) -> Callable[[Work], None]:
    """An attack on backups alone; folders that it emptied go, too."""

    def whole(work: Work) -> None:
        found = backups_of(work)
        work.every(found, step)
        for folder in sorted({path.parent for path in found}, reverse=True):
            work.ground.remove_folder(folder)

    return whole


def remove_lines(work: Work, path: Path) -> None:
    """Write the log again without some of its lines, and set its time of change back."""
    data = work.ground.read(path)
    when = path.stat().st_mtime
    lines = data.splitlines(keepends=True)
    word = work.rng.choice(lines).split()[-1:] if lines else []
    kept = [line for n, line in enumerate(lines) if line.split()[-1:] != word and n % 7]
    if len(kept) == len(lines):
        return
    put_back(work, path, b"".join(kept))
    if work.habit("sets_times", (True, True, False)):
        work.ground.touch_times(path, when)


def zero_lines(work: Work, path: Path) -> None:
    """Overwrite the log with zeros, as wipers of traces do, and remove it or not."""
    fill(work, path, "zeros")
    if work.habit("deletes", (True, False)):
        work.ground.delete(path)


def before(step: Step) -> Callable[[Work], None]:
    """An attack: backups and logs are removed first, then the step is done to what is left."""

    def whole(work: Work) -> None:
        work.every(_some(work, backups_of(work)), delete)
        if work.rng.random() < 0.5:
            work.every(_some(work, logs_of(work)), delete)
        work.every([path for path in work.victims if path.exists()], step)

    return whole


def _some(work: Work, files: Sequence[Path]) -> list[Path]:
    """At most forty of them."""
    return list(files)[: work.rng.randint(5, 40)]


def furnish(root: Path, rng: random.Random) -> None:
    """Put logs and backups into a tree, before anything is recorded there."""
    logs = root / rng.choice(("logs", "var/log", "app/logs", "log"))
    logs.mkdir(parents=True, exist_ok=True)
    for name in rng.sample(("app", "access", "error", "auth", "cron", "mail", "db", "sync"), 5):
        for turn in range(rng.randint(1, 4)):
            path = logs / (f"{name}.log" if turn == 0 else f"{name}.log.{turn}")
            if not path.exists():
                path.write_text(_log_text(rng))
                os.utime(path, (time.time() - turn * 86_400,) * 2)
    backups = root / rng.choice(("backup", ".snapshots", "shadow-copies", "Backups", "versions"))
    some = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    for number in range(rng.randint(1, 4)):
        folder = backups / rng.choice((f"daily.{number}", f"2026-0{number + 1}-17", f"set{number}"))
        folder.mkdir(parents=True, exist_ok=True)
        for path in rng.sample(some, min(len(some), rng.randint(4, 15))):
            (folder / path.name).write_bytes(path.read_bytes())


def _log_text(rng: random.Random) -> str:
    """A log's lines."""
    lines = []
    for n in range(rng.randint(20, 600)):
        address = f"198.51.100.{rng.randint(1, 30)}"
        lines.append(
            f"Mar {n // 100 + 1:2d} {n // 60 % 24:02d}:{n % 60:02d}:{rng.randint(0, 59):02d} host "
            f"{rng.choice(_DAEMONS)}[{rng.randint(300, 9000)}]: request {n} from {address}\n"
        )
    return "".join(lines)
