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

from soc_copilot.cli.common import add_common, open_governance, positive, print_table
from soc_copilot.cli.sources import assignment, checked_options
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import KillSwitchState, SourceLedger, SourceRow
from soc_copilot.domain.source_options import LISTENERS
from soc_copilot.domain.summary import BatchSummary
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance
from soc_copilot.governance.source_places import place_of, rivals_of
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.pipeline.config import apply_config, load_config
from soc_copilot.pipeline.session import IngestSession
from soc_copilot.pipeline.sources import kind_of
from soc_copilot.settings import get_setting

PROGRESS_INTERVAL_S = 0.5  # chosen: often enough to feel alive, rare enough to cost nothing
KILL_POLL_S = 0.5

_EPILOG = """examples:
  soc-copilot watch /var/log/auth.log /var/log/nginx
  soc-copilot watch --from-start --until-idle 2 access.log.1.gz
  soc-copilot watch --listen syslog-udp=127.0.0.1:5514 --listen syslog-tcp=127.0.0.1:5514
  soc-copilot watch --config soc-copilot.yaml
  soc-copilot watch --source 2 --source 5
  soc-copilot watch                      (every source of the database)

A new source is read from its end unless --from-start is given; a known one from where it
was left. Ctrl-C or SIGTERM stores what is buffered and ends, a second one ends at once. Exit
code: 0, or 2 for an error."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "watch",
        help="read logs, score them, store alerts",
        description="Read logs as they grow and listen for messages, score every line, store "
        "alerts and events.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="file or folder; nothing at all means every source of the database",
    )
    parser.add_argument(
        "--listen",
        action="append",
        default=[],
        metavar="KIND=ADDRESS:PORT",
        type=_listener,
        help=f"also listen; KIND is one of {', '.join(sorted(LISTENERS))}",
    )
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="ID",
        type=positive,
        help="also read this source of the database, whatever its kind",
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="first store the settings and sources of this YAML file, then read its sources",
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
        "-o",
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        type=assignment,
        help="an option of new sources; see: soc-copilot sources options",
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


def _listener(text: str) -> tuple[str, str]:
    kind, equals, address = text.partition("=")
    if not equals or kind not in LISTENERS:
        raise argparse.ArgumentTypeError(
            f'"{text}" is not of the form KIND=ADDRESS:PORT with KIND one of '
            f"{', '.join(sorted(LISTENERS))}"
        )
    return kind, address


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
def stop_on_signals() -> Iterator[threading.Event]:
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
    with stop_on_signals() as stop, open_governance(options) as governance:
        asked = (
            ("ingestion.batch_interval_s", options.batch_interval),
            ("ingestion.max_size", options.max_size),
        )
        own = {key: get_setting(key).check(value) for key, value in asked if value is not None}
        sources = _sources(governance, options)
        settings = {**governance.settings.all(), **own}
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
    """What the command line names, added to the database where it is new."""
    chosen: dict[int, SourceRow] = {}
    if options.config is not None:
        applied = apply_config(governance, load_config(options.config))
        chosen.update((source.id, source) for source in applied.sources if source.enabled)
    for source_id in options.source:
        chosen[source_id] = governance.sources.get(source_id)
    for kind, address in options.listen:
        found = _known_or_new(governance, options, kind, address)
        chosen[found.id] = found
    for given in options.paths:
        path = given.expanduser().absolute()
        if not path.exists():
            raise SourceError(
                f'Cannot watch "{render_safe(str(given))}": there is no such file or folder. '
                "Check the path; a file that will appear later is added with: "
                "soc-copilot sources add PATH"
            )
        found = _known_or_new(governance, options, kind_of(path), str(path))
        chosen[found.id] = found
    if not (options.config or options.source or options.listen or options.paths):
        return tuple(source for source in governance.sources.list() if source.enabled)
    for source_id, source in chosen.items():
        if not source.enabled:
            raise SourceError(
                f"Source {source_id} is disabled. Enable it with: "
                f"soc-copilot sources enable {source_id}"
            )
    return tuple(chosen.values())


def _known_or_new(
    governance: Governance, options: argparse.Namespace, kind: str, where: str
) -> SourceRow:
    """A source of any pattern that reads this place, or a new one."""
    place = place_of(kind, where)
    for source in governance.sources.list():
        if source.path == place and source.kind in rivals_of(kind):
            return source
    return governance.sources.add(
        kind,
        where,
        pattern=options.pattern if kind == "directory" else "",
        format=options.format,
        from_start=options.from_start,
        options=checked_options(kind, options.options),
    )


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
                            "suppressed_by": row.suppressed_by,
                        }
                        for row in rows
                    ],
                    "ledger": [_ledger_json(ledger, left) for ledger in ledgers],
                }
            )
        )
        return
    shown = [row for row in rows if row.suppressed_by is None]
    worst_first = sorted(shown, key=lambda row: (-row.severity, -row.score, row.id))
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
    if n_hidden := len(rows) - len(shown):
        print(f"{n_hidden:,} of the alerts that were raised or grew are suppressed.\n")
    print_table(
        ("source", *_LEDGER_NUMBERS, "adds up"),
        [
            (
                ledger.source.path,
                *(f"{n:,}" for n in _ledger_numbers(ledger, left)),
                "yes" if ledger.totals.adds_up else "NO",
            )
            for ledger in ledgers
        ],
        right=_LEDGER_NUMBERS,
    )
    if any(left.values()):
        print(
            "\nLeft: bytes not stored yet. A last line without its line end waits for the rest "
            "and is read as soon as that is written."
        )


_LEDGER_NUMBERS = (
    *("seen", "parsed", "unparsed", "stored", "refused", "too long", "lost", "perhaps lost"),
    *("bytes", "left"),
)


def _ledger_numbers(ledger: SourceLedger, left: dict[int, int]) -> tuple[int, ...]:
    totals = ledger.totals
    return (
        *(totals.lines, totals.parsed, totals.unparsed, totals.stored, totals.refused),
        *(totals.too_long, totals.lost, totals.possible_losses, totals.bytes_seen),
        left.get(ledger.source.id, 0),
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
        "stored": totals.stored,
        "refused": totals.refused,
        "too_long": totals.too_long,
        "lost": totals.lost,
        "possible_losses": totals.possible_losses,
        "partial": ledger.n_partial,
        "left_bytes": left.get(ledger.source.id, 0),
        "adds_up": totals.adds_up,
    }
