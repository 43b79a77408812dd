"""`soc-copilot archive`: how large the event archive is, and whether its files are sound."""

import argparse
import sys
import threading
from typing import Any

from soc_copilot.archive.store import fault_of
from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    add_group,
    open_existing,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.clock import from_us
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.archiving import ArchiveCare


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "archive",
        "See, compact and verify the archive of all events.",
        "soc-copilot archive status",
    )
    add_command(
        group, "status", "Show what each source has in the archive.",
        "soc-copilot archive status --json", _status,
    )  # fmt: skip
    add_command(
        group, "compact", "Compact and sweep the archive and apply retention, now.",
        "soc-copilot archive compact", _compact,
    )  # fmt: skip
    add_command(
        group,
        "verify",
        "Compare every file with the hash that the database holds (exit code 1 if one differs).",
        "soc-copilot archive verify",
        _verify,
    )


def _status(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        rows = _usage(governance)
    if args.json:
        for row in rows:
            print_json(row)
        return EXIT_OK
    numbers = ("events", "raw bytes", "on disk", "times smaller", "files")
    print_table(
        ("id", "source", *numbers, "from", "to"),
        [
            (
                row["source_id"], row["name"], f"{row['n_events']:,}", f"{row['raw_bytes']:,}",
                f"{row['size_bytes']:,}", f"{row['raw_bytes'] / max(row['size_bytes'], 1):.1f}",
                f"{row['n_files']:,}", when(row["first"]), when(row["last"]),
            )
            for row in rows
        ],
        right=("id", *numbers),
        empty="The archive is empty.",
    )  # fmt: skip
    return EXIT_OK


def _usage(governance: Governance) -> list[dict[str, Any]]:
    names = {source.id: source.name for source in governance.sources.list()}
    segments = governance.segments.list()
    rows = []
    for usage in governance.segments.usage():
        shares = [s.shares[usage.source_id] for s in segments if usage.source_id in s.shares]
        rows.append(
            {
                "source_id": usage.source_id,
                "name": names.get(usage.source_id, "(removed)"),
                "n_events": usage.n_rows,
                "raw_bytes": usage.raw_bytes,
                "size_bytes": usage.size_bytes,
                "n_files": len(shares),
                "first": from_us(min(share.min_us for share in shares)) if shares else None,
                "last": from_us(max(share.max_us for share in shares)) if shares else None,
            }
        )
    return rows


def _compact(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        before = sum(segment.size_bytes for segment in governance.segments.list())
        care = ArchiveCare(governance, threading.Event())
        try:
            swept = care.sweep()
            compacted = 0
            while n_rows := care.compact(everything=True):
                compacted += n_rows
            removed = care.retain()
        finally:
            care.close()
        halted = care.is_halted()
        after = sum(segment.size_bytes for segment in governance.segments.list())
    if args.json:
        print_json(
            {"compacted": compacted, "removed": removed, "swept": swept, "damaged": care.n_damaged,
             "size_before": before, "size_after": after, "halted": halted}
        )  # fmt: skip
    elif halted:
        print("The kill switch is engaged: nothing was compacted.")
    else:
        print(f"Compacted {compacted:,} events: {before:,} bytes became {after:,}.")
        print(f"Removed {removed:,} events by retention and {swept:,} files that nothing named.")
        if care.n_damaged:
            print(f"{care.n_damaged} damaged files were left as they are.")
    return EXIT_NO if halted or care.n_damaged else EXIT_OK


def _verify(args: argparse.Namespace) -> int:
    n_files, wrong = 0, []
    with open_existing(args) as governance:
        for segment in governance.segments.list():
            n_files += 1
            if reason := fault_of(governance.archive_folder, segment):
                wrong.append((segment, reason))
            if sys.stderr.isatty():
                sys.stderr.write(f"\r{n_files:,} files")
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    for segment, reason in wrong:
        if args.json:
            print_json({"name": segment.name, "events": segment.n_rows, "fault": reason})
        else:
            print(f"{segment.name}: {reason}; it held {segment.n_rows:,} events.")
    if not args.json:
        print(f"{n_files - len(wrong):,} of {n_files:,} files are as they were written.")
    return EXIT_NO if wrong else EXIT_OK
