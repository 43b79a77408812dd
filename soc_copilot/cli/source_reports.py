"""`soc-copilot sources ledger, events, partial`: what became of each source's lines."""

import argparse
import dataclasses
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    open_existing,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.governance import SourceLedger, StoredPartial, StoredSourceEvent
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.backlog import Backlog, backlog

_TEXT_CHARS = 160  # chosen: of a message or a partial line in a table
_EMPTY = "No sources. Add one with: soc-copilot sources add PATH"


def add_parsers(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands that report."""
    ledger = add_command(
        group,
        "ledger",
        "Show what became of each source's lines (exit code 1 when a ledger does not add up).",
        "soc-copilot sources ledger --events",
        _ledger,
    )
    ledger.add_argument("id", type=positive, nargs="?", help="only this source")
    ledger.add_argument(
        "--events", action="store_true", help="also say what was lost or refused, and why"
    )
    events = add_command(
        group,
        "events",
        "Show what happened to sources: rotations, truncations, losses, newest first.",
        "soc-copilot sources events 2 --limit 50",
        _events,
    )
    events.add_argument("id", type=positive, nargs="?", help="only this source")
    events.add_argument(
        "--limit", type=positive, default=100, help="at most so many (default: %(default)s)"
    )
    events.add_argument(
        "--losses", action="store_true", help="only what tells of lines lost, perhaps, or refused"
    )
    partial = add_command(
        group,
        "partial",
        "Show last lines that wait for their line end.",
        "soc-copilot sources partial",
        _partial,
    )
    partial.add_argument("id", type=positive, nargs="?", help="only this source")


def look_at(governance: Governance, ledger: SourceLedger) -> Backlog:
    """What is left to read of one source; looks at the disk."""
    return backlog(ledger.source.kind, governance.sources.checkpoints(ledger.source.id))


def _ledger(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        ledgers = governance.sources.ledger(args.id)
        left = [look_at(governance, ledger) for ledger in ledgers]
        told = {
            ledger.source.id: _losses(governance, ledger.source.id, 1_000) for ledger in ledgers
        }
    if args.json:
        for ledger, rest in zip(ledgers, left, strict=True):
            found = ledger_object(ledger, rest)
            if args.events:
                found["events"] = [event_object(event) for event in told[ledger.source.id]]
            print_json(found)
    else:
        _print_ledgers(ledgers, left)
        if args.events:
            print("\nWhat was lost, perhaps lost, or refused:\n")
            _print_events([event for events in told.values() for event in events])
    return EXIT_OK if all(ledger.totals.adds_up for ledger in ledgers) else EXIT_NO


def _losses(governance: Governance, source_id: int | None, limit: int) -> list[StoredSourceEvent]:
    """Events that tell of a loss, newest first; paged, because most events tell of none."""
    found: list[StoredSourceEvent] = []
    before_id: int | None = None
    while len(found) < limit:
        page = governance.sources.events(source_id, limit=1_000, before_id=before_id)
        found += [one for one in page if one.event.is_loss]
        if len(page) < 1_000:
            break
        before_id = page[-1].id
    return found[:limit]


def ledger_object(ledger: SourceLedger, left: Backlog) -> dict[str, Any]:
    """A source's ledger as JSON takes it."""
    return {
        "source_id": ledger.source.id,
        "name": ledger.source.name,
        **dataclasses.asdict(ledger.totals),
        "partial": ledger.n_partial,
        "left_bytes": left.size_bytes,
        "left_s": None if left.size_bytes is None else round(left.age_s, 1),
        "adds_up": ledger.totals.adds_up,
        "committed_bytes": ledger.committed_bytes,
        "archived_events": ledger.archived_events,
        "archived_bytes": ledger.archived_bytes,
        "n_files": ledger.n_files,
        "alerts": ledger.alerts,
        "last_stored_at": ledger.last_stored_at,
    }


_NUMBERS = (
    *("bytes seen", "lines", "parsed", "unparsed", "stored", "partial", "too long"),
    *("undecodable", "refused", "lost", "perhaps lost", "left", "left for", "files", "alerts"),
)


def _print_ledgers(ledgers: Iterable[SourceLedger], left: Iterable[Backlog]) -> None:
    print_table(
        ("id", "name", *_NUMBERS, "adds up", "last stored"),
        [
            (
                ledger.source.id,
                ledger.source.name,
                *_numbers(ledger, rest),
                "yes" if ledger.totals.adds_up else "NO",
                when(ledger.last_stored_at),
            )
            for ledger, rest in zip(ledgers, left, strict=True)
        ],
        right=("id", *_NUMBERS),
        empty=_EMPTY,
    )


def _numbers(ledger: SourceLedger, left: Backlog) -> tuple[str, ...]:
    totals = ledger.totals
    counts = (
        *(totals.bytes_seen, totals.lines, totals.parsed, totals.unparsed, totals.stored),
        *(ledger.n_partial, totals.too_long, totals.undecodable, totals.refused, totals.lost),
        totals.possible_losses,
    )
    unknown = left.size_bytes is None
    return (
        *(f"{n:,}" for n in counts),
        "-" if unknown else f"{left.size_bytes:,}",
        "-" if unknown else (f">= {left.age_s:,.0f} s" if left.size_bytes else "0 s"),
        *(f"{n:,}" for n in (ledger.n_files, ledger.alerts)),
    )


def _events(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        if args.id is not None:
            governance.sources.get(args.id)
        if args.losses:
            events = _losses(governance, args.id, args.limit)
        else:
            events = list(governance.sources.events(args.id, limit=args.limit))
    if args.json:
        for event in events:
            print_json(event_object(event))
    else:
        _print_events(events)
    return EXIT_OK


def event_object(stored: StoredSourceEvent) -> dict[str, Any]:
    """What happened to a source, as JSON takes it."""
    fields = dataclasses.asdict(stored.event)
    at = _moment(fields.pop("at_ns"))
    return {"id": stored.id, "source_id": stored.source_id, "at": at, **fields}


def _moment(at_ns: int) -> datetime:
    return datetime.fromtimestamp(at_ns / 1e9, UTC)


def _print_events(events: Iterable[StoredSourceEvent]) -> None:
    print_table(
        ("source", "when", "what", "lost", "message"),
        [
            (
                stored.source_id,
                when(_moment(stored.event.at_ns)),
                stored.event.kind,
                _lost(stored),
                stored.event.message,
            )
            for stored in events
        ],
        right=("source", "lost"),
        empty="Nothing to tell.",
        wide=True,
    )


def _lost(stored: StoredSourceEvent) -> str | None:
    if not stored.event.is_loss:
        return None
    return "perhaps" if stored.event.n_lost is None else f"{stored.event.n_lost:,}"


def _partial(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        if args.id is not None:
            governance.sources.get(args.id)
        partials = governance.sources.partials(args.id)
    if args.json:
        for stored in partials:
            print_json(partial_object(stored))
        return EXIT_OK
    print_table(
        ("source", "file", "at", "bytes", "seen", "text so far"),
        [
            (
                stored.source_id,
                os.path.basename(stored.path),  # noqa: PTH119 - of a name, not of a file
                f"{stored.partial.offset:,}",
                f"{stored.partial.length:,}",
                when(_moment(stored.partial.seen_ns)),
                stored.partial.text[:_TEXT_CHARS],
            )
            for stored in partials
        ],
        right=("source", "at", "bytes"),
        empty="No last line waits for its line end.",
        wide=True,
    )
    return EXIT_OK


def partial_object(stored: StoredPartial) -> dict[str, Any]:
    """A partial line as JSON takes it."""
    return {
        "source_id": stored.source_id,
        "generation": stored.generation,
        "path": stored.path,
        "offset": stored.partial.offset,
        "length": stored.partial.length,
        "seen_at": _moment(stored.partial.seen_ns),
        "text": stored.partial.text,
    }
