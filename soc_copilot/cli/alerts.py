"""`soc-copilot alerts`: work through alerts without a window."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from soc_copilot.cli.common import (
    EXIT_OK,
    add_command,
    add_group,
    moment,
    open_existing,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.alert_export import (
    CSV_COLUMNS,
    alert_to_csv,
    alert_to_dict,
    alert_to_json,
    csv_line,
    suppressed_words,
)
from soc_copilot.domain.alerts import (
    AlertChange,
    AlertDetail,
    AlertFilter,
    AlertRow,
    AlertStatus,
    Disposition,
)
from soc_copilot.domain.attack import technique_name
from soc_copilot.domain.errors import StoreError
from soc_copilot.domain.findings import Evidence, Severity
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.alerts import AlertStore
from soc_copilot.pipeline.search import EventSearch

OPEN = (AlertStatus.NEW, AlertStatus.ACKNOWLEDGED)
SUPPRESSED = {"hide": False, "show": None, "only": True}
STATUSES = {"open": OPEN, "all": (), **{s.value: (s,) for s in AlertStatus}}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "alerts",
        "List, read, judge and export alerts.",
        "soc-copilot alerts list --severity high --severity critical",
    )
    _add_list(group)
    show = add_command(
        group,
        "show",
        "Show everything about alerts: why they were raised, and the raw lines.",
        "soc-copilot alerts show 17 --context 3",
        _show,
    )
    show.add_argument(
        "-C", "--context", type=positive, default=0, metavar="N",
        help="also the N stored lines before and after each raw line",
    )  # fmt: skip
    show.add_argument("ids", type=positive, nargs="+", metavar="ID", help="the alerts' ids")
    _add_actions(group)
    _add_history(group)
    _add_export(group)


def _add_filters(parser: argparse.ArgumentParser, status: str, suppressed: str) -> None:
    parser.add_argument(
        "--text",
        default="",
        metavar="WORDS",
        help="words that all occur; entity:X, detector:X, technique:X, file:X, suppressed:X narrow "
        "to a field",
    )
    parser.add_argument(
        "--severity",
        action="append",
        choices=[s.name.lower() for s in reversed(Severity)],
        help="only this severity; may be given again",
    )
    parser.add_argument(
        "--status", default=status, choices=list(STATUSES), help=f"(default: {status})"
    )
    parser.add_argument("--detector", action="append", metavar="NAME", help="only this detector")
    parser.add_argument("--entity", help="only exactly this entity")
    parser.add_argument("--technique", metavar="ID", help="only this ATT&CK technique")
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="last seen since: 2026-03-14T10:30, or 2h ago"
    )
    parser.add_argument("--until", type=moment, metavar="TIME", help="first seen before")
    parser.add_argument(
        "--suppressed",
        default=suppressed,
        choices=list(SUPPRESSED),
        help=f"whether suppressed ones are told, too (default: {suppressed})",
    )


def _filter(args: argparse.Namespace) -> AlertFilter:
    return AlertFilter(
        text=args.text,
        severities=tuple(Severity[name.upper()] for name in args.severity or ()),
        statuses=STATUSES[args.status],
        detectors=tuple(args.detector or ()),
        since=args.since,
        until=args.until,
        entity=args.entity,
        technique=args.technique,
        suppressed=SUPPRESSED[args.suppressed],
    )


def _add_list(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        group,
        "list",
        "List alerts, newest first.",
        "soc-copilot alerts list --severity critical --since 24h",
        _list,
    )
    _add_filters(parser, "open", "hide")
    parser.add_argument("--limit", type=positive, default=50, help="alerts at most (default: 50)")


def _add_actions(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    close = add_command(
        group,
        "close",
        "Close alerts with a judgement.",
        'soc-copilot alerts close 17 18 --disposition false_positive --note "Pen test"',
        _act("Closed", lambda a, ids, args: a.close(ids, args.disposition, args.note)),
    )
    close.add_argument(
        "--disposition",
        required=True,
        type=lambda text: text.replace("-", "_"),
        choices=[d.value for d in Disposition],
        help="the judgement",
    )
    close.add_argument("--note", default="", help="a note to keep with each")
    ack = add_command(
        group,
        "ack",
        "Acknowledge new alerts; they become yours.",
        "soc-copilot alerts ack 17",
        _act("Acknowledged", lambda a, ids, args: a.acknowledge(ids)),
    )
    reopen = add_command(
        group,
        "reopen",
        "Make closed alerts new again.",
        'soc-copilot alerts reopen 17 --reason "Seen again"',
        _act("Reopened", lambda a, ids, args: a.reopen(ids, args.reason)),
    )
    reopen.add_argument("--reason", default="", help="why; kept as a note")
    note = add_command(
        group,
        "note",
        "Write a note to alerts.",
        'soc-copilot alerts note 17 --text "Asked the owner"',
        _act("Noted", lambda a, ids, args: a.add_note(ids, args.text)),
    )
    note.add_argument("--text", required=True, help="the note")
    for parser in (close, ack, reopen, note):
        parser.add_argument("ids", type=positive, nargs="+", metavar="ID", help="the alerts' ids")


def _add_history(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        group,
        "history",
        "List what happened to alerts: who, when, from what to what; newest first.",
        "soc-copilot alerts history 17",
        _history,
    )
    parser.add_argument("id", type=positive, nargs="?", help="only this alert")
    parser.add_argument("--text", default="", metavar="WORDS", help="words that all occur")
    parser.add_argument("--limit", type=positive, default=50, help="changes at most (default: 50)")


def _add_export(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        group,
        "export",
        "Write alerts with their evidence, notes and history to a file or standard output.",
        "soc-copilot alerts export --output alerts.csv --since 7d",
        _export,
    )
    _add_filters(parser, "all", "show")
    parser.add_argument(
        "--format",
        choices=("csv", "jsonl"),
        help="csv is safe for spreadsheets, jsonl loses nothing (default: by the file's name)",
    )
    parser.add_argument("--output", "-o", default="-", metavar="FILE", help="(default: -, stdout)")


def _list(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        wanted = _filter(args)
        rows = governance.alerts.page(wanted, None, args.limit)
        total = governance.alerts.count(wanted) if len(rows) == args.limit else len(rows)
        hidden = dataclasses.replace(wanted, suppressed=True)
        n_hidden = governance.alerts.count(hidden) if wanted.suppressed is False else 0
    if args.json:
        for row in rows:
            print_json(_row_object(row))
        return EXIT_OK
    headers = ("id", "severity", "last seen", "detector", "entity", "technique", "what")
    print_table(
        (*headers, "count", "status", "score"),
        [_cells(row) for row in rows],
        right=("id", "count", "score"),
        empty="No alerts pass this filter.",
    )
    if total > len(rows):
        print(f"{len(rows):,} of {total:,} alerts; --limit shows more.")
    if n_hidden:
        are = "1 more is" if n_hidden == 1 else f"{n_hidden:,} more are"
        print(f"{are} suppressed; --suppressed show lists them, too.")
    return EXIT_OK


def _row_object(row: AlertRow) -> dict[str, Any]:
    return {
        **dataclasses.asdict(row),
        "severity": row.severity.label.lower(),
        "status": row.status.value,
        "disposition": row.disposition.value if row.disposition else None,
    }


def _cells(row: AlertRow) -> tuple[object, ...]:
    status = row.disposition.label if row.disposition is not None else row.status.label
    if row.suppressed_by is not None:
        status += f", suppressed by {row.suppressed_by}"
    return (
        *(row.id, row.severity.label, when(row.last_seen), row.detector, row.entity),
        *(row.technique or None, row.title, f"{row.count:,}", status, f"{row.score:.3f}"),
    )


def _show(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        details = [governance.alerts.detail(alert_id) for alert_id in args.ids]
        search = EventSearch(governance)
        around = [_around(search, detail.evidence, args.context) for detail in details]
    for number, (detail, lines) in enumerate(zip(details, around, strict=True)):
        if args.json:
            told = alert_to_dict(detail)
            print_json({**told, "context": lines} if args.context else told)
            continue
        if number:
            print()
        for line in _told(detail, lines):
            print(line)
    return EXIT_OK


def _around(search: EventSearch, evidence: Sequence[Evidence], n: int) -> list[dict[str, Any]]:
    """Stored lines around evidence, in the order of the files, each once."""
    wanted = {e.event_id for e in evidence}
    found = {
        event.event_id: event
        for e in (evidence if n else ())
        for event in search.around(e.event_id, before=n, after=n)
    }
    return [
        {"event_id": e.event_id, "is_evidence": e.event_id in wanted, "raw": e.raw}
        for e in sorted(found.values(), key=lambda e: (e.source_id, e.generation, e.offset))
    ]


def _told(detail: AlertDetail, around: Sequence[dict[str, Any]]) -> Iterator[str]:
    """An alert in words, line by line, safe for a terminal."""
    row = detail.row
    judged = f" ({row.disposition.label})" if row.disposition is not None else ""
    named = " ".join(filter(None, (row.technique, technique_name(row.technique))))
    yield render_safe(f"Alert {row.id}: {row.severity.label}: {row.title}")
    yield ""
    yield render_safe(detail.summary)
    yield ""
    yield render_safe(f"Entity:     {row.entity} ({row.entity_type})")
    yield render_safe(f"Technique:  {named or '-'}")
    yield f"Seen:       {when(row.first_seen)} to {when(row.last_seen)}, {row.count:,} events"
    yield f"Raised:     {when(row.raised_at)}"
    yield render_safe(f"Detector:   {row.detector} {detail.model_version}, rule {row.rule}")
    yield f"Score:      {row.score:.3f}, threshold {detail.threshold:.3f}"
    yield f"Status:     {row.status.label}{judged}, {render_safe(row.assignee or 'unassigned')}"
    if row.suppressed_by is not None:
        yield f"Suppressed: {render_safe(suppressed_words(detail))}"
    yield from _section("Parts of the score", [f"{c.name}: {c.value}" for c in detail.components])
    yield from _section(
        "Raw lines",
        [f"{e.path}, byte {e.offset} ({when(e.timestamp)}): {e.raw}" for e in detail.evidence],
    )
    yield from _section(
        "Lines around them",
        [f"{'>' if e['is_evidence'] else ' '} {e['event_id']}  {e['raw']}" for e in around],
    )
    yield from _section("What to check next", list(detail.next_steps))
    yield from _section("Notes", [f"{when(n.at)} {n.actor}: {n.text}" for n in detail.notes])
    yield from _section(
        "History", [f"{when(c.at)} {c.actor}: {_change_words(c)}" for c in detail.history]
    )


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"{title}:"
        for line in lines:
            yield f"  {render_safe(line)}"


def _change_words(change: AlertChange) -> str:
    old = f"{change.old} -> " if change.old is not None else ""
    return f"{change.field} {old}{change.new if change.new is not None else 'nothing'}"


def _act(
    done: str, action: Callable[[AlertStore, list[int], argparse.Namespace], int]
) -> Callable[[argparse.Namespace], int]:
    def run(args: argparse.Namespace) -> int:
        with open_existing(args) as governance:
            changed = action(governance.alerts, args.ids, args)
        if args.json:
            print_json({"changed": changed})
        else:
            print(f"{done} {changed:,} of {len(set(args.ids)):,} alerts.")
        return EXIT_OK

    return run


def _history(args: argparse.Namespace) -> int:
    text = f"{args.text} alert:{args.id}" if args.id is not None else args.text
    with open_existing(args) as governance:
        if args.id is not None:
            governance.alerts.detail(args.id)  # tells of an id that does not exist
        changes = governance.alerts.history(None, args.limit, text)
    if args.json:
        for change in changes:
            print_json(dataclasses.asdict(change))
        return EXIT_OK
    print_table(
        ("time", "alert", "who", "from", "what", "old", "new"),
        [(when(c.at), c.alert_id, c.actor, c.surface, c.field, c.old, c.new) for c in changes],
        empty="Nothing happened yet.",
    )
    return EXIT_OK


def _export(args: argparse.Namespace) -> int:
    by_name = "csv" if args.output.lower().endswith(".csv") else "jsonl"
    as_csv = (args.format or by_name) == "csv"
    number = 0
    with open_existing(args) as governance, _output(args.output) as out:
        if as_csv:
            out.write(csv_line(CSV_COLUMNS))
        for detail in governance.alerts.export(_filter(args)):
            out.write(csv_line(alert_to_csv(detail)) if as_csv else alert_to_json(detail) + "\n")
            number += 1
    if args.output != "-":
        if args.json:
            print_json({"exported": number, "output": args.output})
        else:
            print(f"Wrote {number:,} alerts to {render_safe(args.output)}.")
    return EXIT_OK


@contextmanager
def _output(path: str) -> Iterator[IO[str]]:
    if path == "-":
        yield sys.stdout
        return
    try:
        # Logs may hold secrets: a new file is for its owner only.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise StoreError(f'Cannot write "{path}": {error.strerror}.') from error
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
        yield file
