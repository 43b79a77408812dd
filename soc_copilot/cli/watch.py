"""`soc-copilot watch`: ingest from a terminal."""

import argparse
import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from soc_copilot.cli.common import add_common, open_governance, print_table
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import KillSwitchState, SourceLedger, SourceRow
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.settings import get_setting

PROGRESS_INTERVAL_S = 0.5  # chosen: often enough to feel alive, rare enough to cost nothing
KILL_POLL_S = 0.5

_EPILOG = """examples:
  soc-copilot watch /var/log/auth.log /var/log/nginx
  soc-copilot watch --from-start --until-idle 2 access.log.1.gz
  soc-copilot watch                      (every source of the database)

A new source is read from its end unless --from-start is given; a known one from where it
was left. Ctrl-C stores what is buffered and ends. Exit code: 0, or 2 for an error."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "watch",
        help="read logs, score them, store alerts",
        description="Read log files and folders as they grow, score every line, store alerts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="file or folder; none means every source of the database",
    )
    parser.add_argument(
        "--from-start", action="store_true", help="read a new source from its first line"
    )
    parser.add_argument(
        "--format",
        default="auto",
        choices=("auto", *FORMAT_NAMES),
        help="format of a new source (default: told from its first lines)",
    )
    parser.add_argument(
        "--pattern", default="*.log", help="file names to read in a folder (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-interval",
        type=float,
        metavar="SECONDS",
        help="lines wait at most this long before they are stored",
    )
    parser.add_argument(
        "--max-size", type=int, metavar="LINES", help="a batch is stored at this many lines"
    )
    parser.add_argument(
        "--until-idle",
        type=float,
        metavar="SECONDS",
        help="finish when nothing new came for that long",
    )
    parser.set_defaults(func=run)


@dataclass(slots=True)
class _Totals:
    """What this run has done so far."""

    began_s: float = field(default_factory=time.monotonic)
    events: int = 0
    batches: int = 0
    raised: list[int] = field(default_factory=lambda: [0] * 5)

    def add(self, summary: BatchSummary) -> None:
        self.events += summary.n_events
        self.batches += 1
        for severity, count in enumerate(summary.raised):
            self.raised[severity] += count

    @property
    def rate(self) -> float:
        return self.events / max(time.monotonic() - self.began_s, 1e-9)


class _Progress:
    """One line on stderr, rewritten; silent when stderr is no terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._next_s = 0.0

    def show(self, totals: _Totals, session: IngestSession, *, halted: bool) -> None:
        now = time.monotonic()
        if not self._on or now < self._next_s:
            return
        self._next_s = now + PROGRESS_INTERVAL_S
        statuses = session.statuses()
        behind = sum(status.lag_bytes for status in statuses)
        done = sum(status.read_offset_bytes for status in statuses)
        share = f"{100 * done / (done + behind):3.0f}%" if done + behind else "    "
        state = "HALTED by the kill switch" if halted else f"{totals.rate:,.0f} lines/s"
        left = behind / (done / max(now - totals.began_s, 1e-9)) if done and behind else 0
        sys.stderr.write(
            f"\r\x1b[K{share}  {totals.events:,} lines  {state}  "
            f"{sum(totals.raised):,} alerts" + (f"  {left:.0f} s left" if left >= 1 else "")
        )
        sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def _stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second one ends the process as usual."""
    stop = threading.Event()
    former: dict[int, Any] = {}

    def handle(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, former[number])

    for number in (signal.SIGINT, signal.SIGTERM):
        former[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        for known, handler in former.items():
            signal.signal(known, handler)


def run(options: argparse.Namespace) -> int:
    """Ingest until idle for long enough, or until asked to stop."""
    with _stop_on_signals() as stop, open_governance(options) as governance:
        settings = governance.settings.all()
        for key, value in (
            ("ingestion.batch_interval_s", options.batch_interval),
            ("ingestion.max_size", options.max_size),
        ):
            if value is not None:
                settings[key] = get_setting(key).check(value)
        sources = _sources(governance, options)
        if not sources:
            raise SourceError(
                "There is nothing to watch: the database has no source. Give a PATH, or add "
                "one with: soc-copilot sources add PATH"
            )
        totals, before = _Totals(), _alert_cursor(governance)
        session = IngestSession(
            options.db, settings, governance.actor, only_sources=[s.id for s in sources]
        )
        with session:
            _loop(session, governance, stop, totals, options)
            left = {status.source_id: status.lag_bytes for status in session.statuses()}
        _report(governance, sources, totals, before, left, options)
    return 0


def _sources(governance: Governance, options: argparse.Namespace) -> tuple[SourceRow, ...]:
    """The database's sources for the paths given, added where they are new."""
    known = governance.sources.list()
    if not options.paths:
        return tuple(source for source in known if source.enabled)
    by_path = {source.path: source for source in known}
    chosen: list[SourceRow] = []
    for given in options.paths:
        path = given.expanduser().absolute()
        if not path.exists():
            raise SourceError(
                f'Cannot watch "{render_safe(str(given))}": there is no such file or folder. '
                "Check the path; a file that will appear later is added with: "
                "soc-copilot sources add PATH"
            )
        source = by_path.get(str(path))
        if source is None:
            source = governance.sources.add(
                "directory" if path.is_dir() else "file",
                str(path),
                pattern=options.pattern if path.is_dir() else "",
                format=options.format,
                from_start=options.from_start,
            )
        chosen.append(source)
    return tuple(chosen)


def _loop(
    session: IngestSession,
    governance: Governance,
    stop: threading.Event,
    totals: _Totals,
    options: argparse.Namespace,
) -> None:
    progress, trouble, halted = _Progress(), "", False
    last_new = last_kill_poll = time.monotonic()
    while not stop.is_set():
        summary = session.run_batch(stop)
        now = time.monotonic()
        if summary is not None:
            totals.add(summary)
            if summary.n_events:
                last_new = now
        if now - last_kill_poll >= KILL_POLL_S:
            last_kill_poll = now
            halted = _say_kill_switch(governance.kill_switch.state(), halted, progress)
        if session.trouble and session.trouble != trouble:
            progress.clear()
            print(session.trouble, file=sys.stderr)
        trouble = session.trouble
        if halted or not session.is_idle:
            last_new = max(last_new, now) if halted else last_new
        elif options.until_idle is not None and now - last_new >= options.until_idle:
            break
        progress.show(totals, session, halted=halted)
    progress.clear()


def _say_kill_switch(state: KillSwitchState, halted: bool, progress: _Progress) -> bool:
    if state.engaged != halted:
        progress.clear()
        if state.engaged:
            by = f" by {render_safe(state.actor)}" if state.actor else ""
            print(
                f'Kill switch engaged{by}: "{render_safe(state.reason)}". Nothing is processed; '
                "positions stand still. Release it with: soc-copilot killswitch release",
                file=sys.stderr,
            )
        else:
            print("Kill switch released; going on.", file=sys.stderr)
    return state.engaged


def _alert_cursor(governance: Governance) -> int:
    token, _ = governance.alerts.changed_since(-1)
    return token


def _report(
    governance: Governance,
    sources: tuple[SourceRow, ...],
    totals: _Totals,
    before: int,
    left: dict[int, int],
    options: argparse.Namespace,
) -> None:
    """Print the alerts of this run and the ledger of its sources."""
    ledgers = [ledger for source in sources for ledger in governance.sources.ledger(source.id)]
    _, changed = governance.alerts.changed_since(before)
    rows = governance.alerts.get(changed)
    if options.json:
        print(
            json.dumps(
                {
                    "lines": totals.events,
                    "batches": totals.batches,
                    "lines_per_second": round(totals.rate, 1),
                    "alerts_raised": {s.name.lower(): totals.raised[s] for s in Severity},
                    "alerts": [
                        {
                            "id": row.id,
                            "severity": row.severity.name.lower(),
                            "detector": row.detector,
                            "rule": row.rule,
                            "entity": row.entity,
                            "title": row.title,
                            "count": row.count,
                            "score": row.score,
                        }
                        for row in rows
                    ],
                    "ledger": [_ledger_json(ledger, left) for ledger in ledgers],
                }
            )
        )
        return
    worst_first = sorted(rows, key=lambda row: (-row.severity, -row.score, row.id))
    if worst_first:
        print_table(
            ("id", "severity", "detector", "entity", "what", "count", "score"),
            [
                (
                    str(row.id),
                    row.severity.label,
                    row.detector,
                    row.entity,
                    row.title,
                    f"{row.count:,}",
                    f"{row.score:.3f}",
                )
                for row in worst_first
            ],
            right=("id", "count", "score"),
        )
    print(
        f"\n{totals.events:,} lines in {totals.batches:,} batches, {totals.rate:,.0f} lines/s; "
        f"{sum(totals.raised):,} alerts raised.\n"
    )
    print_table(
        (
            "source",
            "seen",
            "parsed",
            "unparsed",
            "refused",
            "too long",
            "bytes",
            "left",
            "adds up",
        ),
        [
            (
                ledger.source.path,
                f"{ledger.totals.lines:,}",
                f"{ledger.totals.parsed:,}",
                f"{ledger.totals.unparsed:,}",
                f"{ledger.totals.refused:,}",
                f"{ledger.totals.too_long:,}",
                f"{ledger.totals.bytes_seen:,}",
                f"{left.get(ledger.source.id, 0):,}",
                "yes" if ledger.totals.adds_up else "NO",
            )
            for ledger in ledgers
        ],
        right=("seen", "parsed", "unparsed", "refused", "too long", "bytes", "left"),
    )
    if any(left.values()):
        print(
            "\nLeft: bytes not stored yet. A last line without its line end waits for the rest "
            "and is read as soon as that is written."
        )


def _ledger_json(ledger: SourceLedger, left: dict[int, int]) -> dict[str, object]:
    totals = ledger.totals
    return {
        "source": ledger.source.path,
        "bytes_seen": totals.bytes_seen,
        "bytes_skipped": totals.bytes_skipped,
        "committed_bytes": ledger.committed_bytes,
        "lines": totals.lines,
        "parsed": totals.parsed,
        "unparsed": totals.unparsed,
        "refused": totals.refused,
        "too_long": totals.too_long,
        "left_bytes": left.get(ledger.source.id, 0),
        "adds_up": totals.adds_up,
    }
