"""`soc-copilot audit`: read and verify the audit trail."""

import argparse
import dataclasses
import sys

from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    add_group,
    open_existing,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.governance import AuditReport, AuditRow
from soc_copilot.domain.text import render_safe


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "audit",
        "Read the audit trail, and check that nobody altered it.",
        "soc-copilot audit verify",
    )
    add_command(
        group,
        "verify",
        "Check every audit row against the keyed chain and its head file (exit code 1: altered).",
        "soc-copilot audit verify --json",
        _verify,
    )
    anew = add_command(
        group,
        "reanchor",
        "Begin a new chain where the audit key or the head file is lost for good. Rows from before "
        "stay, but can be vouched for only from now on.",
        'soc-copilot audit reanchor --reason "The disk with the keys failed"',
        _reanchor,
    )
    anew.add_argument("--reason", required=True, help="why; it is kept in the audit trail")
    rows = add_command(
        group, "list", "List audit rows, newest first.", "soc-copilot audit list --limit 20", _list
    )
    rows.add_argument("--limit", type=positive, default=50, help="rows at most (default: 50)")
    rows.add_argument("--before", type=positive, metavar="SEQ", help="only rows older than this")


def _verify(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        watched = sys.stderr.isatty() and not args.json
        report = governance.audit.verify(_progress if watched else None)
    return _tell(args, report)


def _reanchor(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        report = governance.audit.reanchor(args.reason)
    return _tell(args, report)


def _tell(args: argparse.Namespace, report: AuditReport) -> int:
    if args.json:
        print_json(dataclasses.asdict(report))
    else:
        print(f"{'OK' if report.ok else 'NOT OK'}: {render_safe(report.message)}")
    return EXIT_OK if report.ok else EXIT_NO


def _progress(done: int, total: int) -> None:
    end = "\n" if done >= total else ""
    print(f"\rChecked {done:,} of {total:,} rows.", end=end, file=sys.stderr, flush=True)


def _list(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        rows = governance.audit.rows(args.before, args.limit)
    if args.json:
        for row in rows:
            print_json(dataclasses.asdict(row))
        return EXIT_OK
    print_table(
        ("seq", "time", "who", "from", "action", "subject", "change", "reason"),
        [
            (r.seq, when(r.at), r.actor, r.surface, r.action, r.subject, _change(r), r.reason)
            for r in rows
        ],
        right=("seq",),
        empty="No rows.",
    )
    return EXIT_OK


def _change(row: AuditRow) -> str | None:
    if row.old is None:
        return row.new
    return f"{row.old} -> {row.new or 'nothing'}"
