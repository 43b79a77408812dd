"""`soc-copilot sources`: the log sources that the desk reads."""

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    add_group,
    open_existing,
    open_governance,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import SourceLedger, SourceRow
from soc_copilot.domain.text import render_safe
from soc_copilot.parsing.registry import FORMAT_NAMES


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "sources",
        "List, add and remove log sources, and see what became of their lines.",
        "soc-copilot sources add /var/log/nginx --pattern '*.log'",
    )
    add_command(group, "list", "List the sources.", "soc-copilot sources list --json", _list)
    _add_adding(group)
    remove = add_command(
        group,
        "remove",
        "Take a source off the list; its alerts and counts stay.",
        'soc-copilot sources remove 2 --reason "Host retired"',
        _remove,
    )
    remove.add_argument("id", type=positive, help="the source's id")
    remove.add_argument("--reason", default="", help="why; kept in the audit trail")
    ledger = add_command(
        group,
        "ledger",
        "Show what became of each source's lines (exit code 1 when a ledger does not add up).",
        "soc-copilot sources ledger",
        _ledger,
    )
    ledger.add_argument("id", type=positive, nargs="?", help="only this source")


def _add_adding(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add = add_command(
        group,
        "add",
        "Add a file or a folder as a source; a running desk reads it from its next start.",
        "soc-copilot sources add /var/log/auth.log --format syslog --from-start",
        _add,
    )
    add.add_argument("path", help="a file, which may appear later, or a folder")
    add.add_argument("--name", default="", help="name for people (default: the file's name)")
    add.add_argument("--pattern", default="", help="files to read in a folder (default: *.log)")
    add.add_argument(
        "--format",
        default="auto",
        choices=("auto", *FORMAT_NAMES),
        help="format of the lines (default: auto)",
    )
    add.add_argument("--from-start", action="store_true", help="also read what is there already")


def _list(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        sources = governance.sources.list()
    if args.json:
        for source in sources:
            print_json(dataclasses.asdict(source))
        return EXIT_OK
    print_table(
        ("id", "name", "kind", "path", "pattern", "format", "on", "added"),
        [(*_place(s), s.format, "yes" if s.enabled else "no", when(s.added_at)) for s in sources],
        empty="No sources. Add one with: soc-copilot sources add PATH",
    )
    return EXIT_OK


def _place(source: SourceRow) -> tuple[object, ...]:
    return source.id, source.name, source.kind, source.path, source.pattern or None


def _add(args: argparse.Namespace) -> int:
    is_folder = Path(args.path).is_dir()
    if args.pattern and not is_folder:
        raise SourceError(f'--pattern is for folders, and "{args.path}" is not one.')
    with open_governance(args) as governance:
        source = governance.sources.add(
            "directory" if is_folder else "file",
            args.path,
            name=args.name,
            pattern=args.pattern,
            format=args.format,
            from_start=args.from_start,
        )
    if args.json:
        print_json(dataclasses.asdict(source))
    else:
        print(f"Added source {source.id}: {render_safe(source.path)}")
    return EXIT_OK


def _remove(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        source = governance.sources.get(args.id)
        governance.sources.remove(args.id, args.reason)
    if args.json:
        print_json({"removed": source.id, "path": source.path})
    else:
        print(f"Removed source {source.id}: {render_safe(source.path)}")
    return EXIT_OK


def _ledger(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        ledgers = governance.sources.ledger(args.id)
    if args.json:
        for ledger in ledgers:
            print_json(_ledger_object(ledger))
    else:
        _print_ledgers(ledgers)
    return EXIT_OK if all(ledger.totals.adds_up for ledger in ledgers) else EXIT_NO


def _ledger_object(ledger: SourceLedger) -> dict[str, Any]:
    return {
        "source_id": ledger.source.id,
        "name": ledger.source.name,
        **dataclasses.asdict(ledger.totals),
        "adds_up": ledger.totals.adds_up,
        "committed_bytes": ledger.committed_bytes,
        "n_files": ledger.n_files,
        "alerts": ledger.alerts,
        "last_stored_at": ledger.last_stored_at,
    }


def _print_ledgers(ledgers: tuple[SourceLedger, ...]) -> None:
    numbers = (
        "bytes seen",
        "lines",
        "parsed",
        "unparsed",
        "refused",
        "too long",
        "files",
        "alerts",
    )
    print_table(
        ("id", "name", *numbers, "adds up", "last stored"),
        [
            (
                ledger.source.id,
                ledger.source.name,
                *(f"{n:,}" for n in _numbers(ledger)),
                "yes" if ledger.totals.adds_up else "NO",
                when(ledger.last_stored_at),
            )
            for ledger in ledgers
        ],
        right=("id", *numbers),
        empty="No sources. Add one with: soc-copilot sources add PATH",
    )


def _numbers(ledger: SourceLedger) -> tuple[int, ...]:
    totals = ledger.totals
    return (
        *(totals.bytes_seen, totals.lines, totals.parsed, totals.unparsed, totals.refused),
        *(totals.too_long, ledger.n_files, ledger.alerts),
    )
