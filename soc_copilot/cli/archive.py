"""`soc-copilot archive`: how large the event archive is, and whether it is sound."""

import argparse
import sys
import threading
from typing import Any

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
from soc_copilot.domain.clock import from_us
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.archiving import ArchiveCare
from soc_copilot.pipeline.verify import Verification, verify_source

_COUNTS = (
    ("same", "n_same"),
    ("missing", "n_missing"),
    ("doubled", "n_doubled"),
    ("differing", "n_differing"),
    ("unexpected", "n_unexpected"),
    ("refused", "n_refused"),
    ("lost", "n_lost"),
    ("removed", "n_removed"),
)


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
    verify = add_command(
        group,
        "verify",
        "Read sources again and show that each line stands exactly once (exit code 1 if not).",
        "soc-copilot archive verify 1",
        run_verify,
    )
    add_verify_arguments(verify)


def add_verify_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `run_verify` takes: the sources and a range of bytes."""
    parser.add_argument("id", type=positive, nargs="*", help="only these sources")
    parser.add_argument(
        "--range",
        type=_range,
        default=(0, None),
        metavar="FROM:TO",
        help="only lines that begin at these bytes of their file, such as 0:1048576",
    )


def _range(text: str) -> tuple[int, int | None]:
    start, colon, end = text.partition(":")
    if colon and (not start or start.isdecimal()) and (not end or end.isdecimal()):
        return int(start or 0), int(end) if end else None
    raise argparse.ArgumentTypeError(f'"{text}" is no range; give two byte offsets as 0:1048576')


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


def run_verify(args: argparse.Namespace) -> int:
    """Compare sources with the archive; 1 when a line is not there exactly once."""
    is_sound = True
    with open_existing(args) as governance:
        ids = args.id or [
            source.id
            for source in governance.sources.list()
            if source.kind not in {"journald", "evtx"}
        ]
        for source_id in ids:
            source = governance.sources.get(source_id)
            report = verify_source(
                governance,
                source_id,
                from_offset=args.range[0],
                to_offset=args.range[1],
                progress=_tell if sys.stderr.isatty() else None,
            )
            is_sound &= report.is_sound and not _is_unread(report)
            _print_report(source_id, source.name, report, as_json=args.json)
    return EXIT_OK if is_sound else EXIT_NO


def _is_unread(report: Verification) -> bool:
    return not report.n_lines and bool(report.unreadable)


def _tell(done: int, total: int) -> None:
    end = "\r\x1b[K" if done >= total else f"\r{100 * done / total:3.0f}% of {total:,} bytes"
    sys.stderr.write(end)


def _print_report(source_id: int, name: str, report: Verification, *, as_json: bool) -> None:
    counts = {word: getattr(report, attribute) for word, attribute in _COUNTS}
    if as_json:
        examples = [(e.what, e.generation, e.offset) for e in report.examples]
        print_json(
            {"source_id": source_id, "name": name, "lines": report.n_lines, **counts,
             "bytes_not_stored": report.bytes_not_stored, "unreadable": report.unreadable,
             "examples": examples, "is_sound": report.is_sound}
        )  # fmt: skip
        return
    others = ", ".join(f"{n:,} {word}" for word, n in counts.items() if n and word != "same")
    verdict = "each stands exactly once" if report.is_sound else "NOT as it should be"
    if others and report.is_sound:
        verdict = "each that is kept stands exactly once"
    if _is_unread(report):
        verdict = "nothing could be read again"
    print(f"Source {source_id} ({render_safe(name)}): {report.n_lines:,} lines, {verdict}.")
    if others:
        print(f"  {report.n_same:,} the same, {others}.")
    if report.bytes_not_stored:
        print(f"  {report.bytes_not_stored:,} bytes are to be stored yet.")
    for message in report.unreadable:
        print(f"  {render_safe(message)}")
    for found in report.examples:
        place = f"{source_id}-{found.generation}-{found.offset}"
        print(f"  {found.what}: {place} (file {found.generation}, byte {found.offset:,})")
