"""Kill an ingesting process with SIGKILL at random moments, again and again, and count the lines.

Run it as `python -m tests.tools.kill_supervisor --kills 1000 --seed 7`. It writes and rotates
numbered logs all the time, alive or dead the reader, and at the end shows that every line
stands in the archive exactly once. It prints one JSON object; exit code 1 when a line is lost
or repeated.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import SETTINGS
from tests.tools.archived import archived_lines
from tests.tools.log_writer import LogWriter

STEMS = ("app", "web", "db")
FINAL_S = 3_600.0  # an end to waiting: thousands of packed files are read, on a busy machine too
LIFE_S, LIFE_IN_STARTS = 2.0, 3.0  # the longest life of a run, in seconds and in starts
MORE = 4  # kills beyond those asked for, each run given twice the time, until one was at work
QUIET_S = 3.0  # the last run ends when nothing came for so long


def settings() -> dict[str, object]:
    """Every setting at its default, but quick batches and no detectors."""
    values: dict[str, object] = {setting.key: setting.default for setting in SETTINGS}
    values.update({key: False for key in values if key.endswith(".enabled")})
    values.update(
        {
            "archive.enabled": True,
            "ingestion.batch_interval_s": 0.1,
            "ingestion.max_size": 500,
            "ingestion.directory_poll_interval_s": 0.1,
        }
    )
    return values


def ingest(folder: Path, *, until_quiet: bool) -> None:
    """Ingest for ever, or until all is stored."""
    import threading

    stop = threading.Event()
    session = IngestSession(
        folder / "governance.db", settings(), Actor("tester", "cli"), home=folder / "home"
    )
    with session:
        began = last = time.monotonic()
        while not until_quiet or (
            time.monotonic() - last < QUIET_S and time.monotonic() - began < FINAL_S
        ):
            if session.run_batch(stop) is not None or not session.is_idle:
                last = time.monotonic()


def add_sources(folder: Path) -> None:
    """The first log as a file, the others as a folder."""
    with Governance.open(folder / "governance.db", home=folder / "home") as governance:
        logs = folder / "logs"
        governance.sources.add("file", logs / "one" / f"{STEMS[0]}.log", from_start=True)
        governance.sources.add("directory", logs / "many", pattern="*.log*", from_start=True)


def forked(work: Callable[[], None]) -> int:
    """Run in a child that shares what is imported; nothing here may have started a thread."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - the child's last word
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def finish(child: int) -> None:
    """Wait for a child that ends by itself."""
    _, status = os.waitpid(child, 0)
    if status:
        raise SystemExit(f"A child failed with status {status}.")


def count(folder: Path, written: dict[str, int], into: Path) -> None:
    """Compare what was written with what the archive holds."""
    numbers: Counter[tuple[str, int]] = Counter()
    malformed = 0
    with Governance.open(folder / "governance.db", home=folder / "home") as governance:
        for line in archived_lines(governance):
            stem, number, *_ = [*line.split(" "), "", ""]
            if stem in written and len(number) == 9 and number.isdecimal():
                numbers[stem, int(number)] += 1
            else:
                malformed += 1
        ledgers = governance.sources.ledger()
        losses = [
            stored.event.message
            for stored in governance.sources.events(limit=10_000)
            if stored.event.is_loss
        ]
        audit = governance.audit.verify()
    wanted = {(stem, n) for stem, total in written.items() for n in range(total)}
    result = {
        "written": len(wanted),
        "stored": sum(numbers.values()),
        "lost": len(wanted - set(numbers)),
        "repeated": sum(n - 1 for n in numbers.values()),
        "malformed": malformed + len(set(numbers) - wanted),
        "first_lost": sorted(wanted - set(numbers))[:5],
        "declared": losses[:5],
        "n_declared": len(losses),
        "adds_up": all(ledger.totals.adds_up for ledger in ledgers),
        "ledger_lines": sum(ledger.totals.lines for ledger in ledgers),
        "audit_ok": audit.ok,
    }
    into.write_text(json.dumps(result))


def count_stored(folder: Path, into: Path) -> None:
    """How many lines the runs that were killed have stored."""
    with Governance.open(folder / "governance.db", home=folder / "home") as governance:
        ledgers = governance.sources.ledger()
    into.write_text(json.dumps(sum(ledger.totals.lines for ledger in ledgers)))


def stored(folder: Path) -> int:
    """How many lines the runs that were killed have stored; asked in a child of its own."""
    into = folder / "midway.json"
    finish(forked(lambda: count_stored(folder, into)))
    n_stored: int = json.loads(into.read_text())
    return n_stored


def kill_once(folder: Path, writers: list[LogWriter], rng: random.Random, longest_s: float) -> bool:
    """Write beside a run that is killed at a random moment; True when it had ended by itself."""
    child = forked(lambda: ingest(folder, until_quiet=False))
    until = time.monotonic() + rng.uniform(0.02, longest_s)
    while time.monotonic() < until:
        rng.choice(writers).step()
        time.sleep(rng.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if rng.random() < 0.3:
        for _ in range(rng.randrange(10)):
            rng.choice(writers).step()
    return not os.WIFSIGNALED(status)


def supervise(folder: Path, kills: int, seed: int) -> dict[str, object]:
    """Write, kill and start again; returns what `count` found."""
    rng = random.Random(seed)  # noqa: S311 - test data
    for place in ("one", "many"):
        (folder / "logs" / place).mkdir(parents=True)
    places = {STEMS[0]: "one"}
    writers = [LogWriter(folder / "logs" / places.get(s, "many"), s, rng) for s in STEMS]
    finish(forked(lambda: add_sources(folder)))
    began = time.monotonic()
    finish(forked(lambda: ingest(folder, until_quiet=True)))  # from here on the logs are known
    start_s = time.monotonic() - began - QUIET_S
    longest_s = max(LIFE_S, LIFE_IN_STARTS * start_s)  # on a slow machine, too, most get to work
    early = sum(kill_once(folder, writers, rng, longest_s) for _ in range(kills))
    n_stored, n_more = stored(folder), 0
    while not n_stored and n_more < MORE:  # the machine became slower since it was measured
        n_more += 1
        early += kill_once(folder, writers, rng, longest_s * 2**n_more)
        n_stored = stored(folder)
    for writer in writers:
        writer.close()
    finish(forked(lambda: ingest(folder, until_quiet=True)))
    result = folder / "result.json"
    written = {writer.stem: writer.written for writer in writers}
    finish(forked(lambda: count(folder, written, result)))
    found: dict[str, object] = json.loads(result.read_text())
    ended = {"ended_by_themselves": early, "stored_before_the_last_start": n_stored}
    return {"kills": kills, "seed": seed, **found, **ended}


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--folder", type=Path, help="an empty folder, kept afterwards")
    options = parser.parse_args()
    print(json.dumps({"seed": options.seed}), flush=True)  # noqa: T201 - before anything can fail
    with tempfile.TemporaryDirectory() as temporary:
        found = supervise(options.folder or Path(temporary), options.kills, options.seed)
    print(json.dumps(found), flush=True)  # noqa: T201 - its result
    is_good = not (found["lost"] or found["repeated"] or found["malformed"] or found["n_declared"])
    is_good = is_good and found["adds_up"] is True and found["audit_ok"] is True
    return 0 if is_good and not found["ended_by_themselves"] else 1


if __name__ == "__main__":
    sys.exit(main())
