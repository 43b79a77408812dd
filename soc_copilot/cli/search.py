"""`soc-copilot search`: find stored events."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from soc_copilot.archive.scan import EventKey
from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    moment,
    open_existing,
    positive,
    print_error,
    print_json,
)
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.text import render_safe
from soc_copilot.pipeline.search import EventSearch, FoundEvent

PAGE: int = 1_000  # chosen: events read at once
PROGRESS_S = 0.2  # chosen: time between two lines of progress

_HELP = """
Expressions:
  word                   the line has it, in any case; "several words" in quotes
  /expression/           the line matches the regular expression
  field:value            the field is this; * stands for anything: url:/admin*
  field:>=500            also > < <= and bytes:10..20, time:2026-03-14..2026-03-15
  source.ip:10.0.0.0/8   the address is in the network
  field:*                the event has the field
  AND (or nothing), OR, NOT, parentheses

Fields have their ECS names (source.ip, http.response.status_code, ...) or short ones:
ip, user, host, status, url, path, query, method, agent, referrer, bytes, process, pid,
action, outcome, level, dataset, source, file, time.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    search = add_command(
        subparsers,
        "search",
        "Find stored events, newest first (exit code 1 when there are none).",
        """soc-copilot search 'status:>=500 AND ip:10.0.0.0/8 NOT "health check"' --from 2h""",
        _search,
    )
    search.epilog = f"{search.epilog}\n{_HELP}"
    search.add_argument("expression", nargs="?", default="", help="what to find; see below")
    search.add_argument("--from", dest="since", type=moment, metavar="TIME", help="not before")
    search.add_argument("--to", dest="until", type=moment, metavar="TIME", help="before")
    search.add_argument(
        "--source", type=positive, action="append", metavar="ID", help="only this source (repeat)"
    )
    search.add_argument(
        "--limit", type=positive, default=100, help="events at most (default: %(default)s)"
    )
    search.add_argument("--oldest-first", action="store_true", help="the other way round")
    search.add_argument("--count", action="store_true", help="only say how many there are")
    search.add_argument("--around", metavar="EVENT", help="lines around the event with this id")
    search.add_argument(
        "-C", "--context", type=positive, default=10, metavar="N",
        help="lines before and after with --around (default: %(default)s)",
    )  # fmt: skip


def _search(args: argparse.Namespace) -> int:
    if args.around and args.expression:
        raise PolicyError("Give an expression or --around EVENT, not both.")
    with open_existing(args) as governance:
        search = EventSearch(governance)
        if args.around:
            return _around(search, args)
        with _interruptible() as cancel:
            if args.count:
                return _count(search, args, cancel)
            return _find(search, args, cancel)


def _bounds(args: argparse.Namespace) -> dict[str, Any]:
    return {"since": args.since, "until": args.until, "source_ids": args.source}


def _count(search: EventSearch, args: argparse.Namespace, cancel: threading.Event) -> int:
    with _progress() as progress:
        count = search.count(args.expression, **_bounds(args), cancel=cancel, progress=progress)
    if cancel.is_set():
        raise KeyboardInterrupt
    if args.json:
        print_json({"count": count})
    else:
        print(f"{count:,}")
    return EXIT_OK if count else EXIT_NO


def _find(search: EventSearch, args: argparse.Namespace, cancel: threading.Event) -> int:
    n_found, after = 0, None
    damaged: set[str] = set()
    while n_found < args.limit:
        page = _page(search, args, cancel, min(args.limit - n_found, PAGE), after)
        for event in page.events[: args.limit - n_found]:
            _print(event, args)
        n_found += len(page.events)
        damaged.update(page.damaged)
        after = page.next_key
        if page.is_cancelled:
            raise KeyboardInterrupt
        if after is None:
            break
    for message in sorted(damaged):
        print_error(message)
    if not n_found and not args.json:
        print("No event meets the expression.")
    return EXIT_OK if n_found else EXIT_NO


def _page(
    search: EventSearch,
    args: argparse.Namespace,
    cancel: threading.Event,
    limit: int,
    after: EventKey | None,
) -> Any:
    with _progress() as progress:
        return search.search(
            args.expression,
            **_bounds(args),
            limit=limit,
            after=after,
            newest_first=not args.oldest_first,
            cancel=cancel,
            progress=progress,
        )


def _around(search: EventSearch, args: argparse.Namespace) -> int:
    found = search.around(args.around, before=args.context, after=args.context)
    for event in found:
        _print(event, args, mark=event.event_id == args.around)
    if not found and not args.json:
        print("There are no stored events around this one.")
    return EXIT_OK if found else EXIT_NO


def _print(event: FoundEvent, args: argparse.Namespace, *, mark: bool = False) -> None:
    if args.json:
        print_json(_object(event))
        return
    sign = ">" if mark else " " if args.around else ""
    waiting = " (waits for its line end)" if event.is_partial else ""
    head = f"{sign}{event.at:%Y-%m-%d %H:%M:%S}Z  {event.event_id}  "
    print(f"{head}{render_safe(event.source_name, 24)}{waiting}  {render_safe(event.raw)}")


def _object(event: FoundEvent) -> dict[str, Any]:
    return {
        "event_id": event.event_id,
        "at": event.at,
        "source_id": event.source_id,
        "source": event.source_name,
        "path": event.path,
        "offset": event.offset,
        "length": event.length,
        "is_partial": event.is_partial,
        "raw": event.raw,
        "columns": dict(event.columns),
    }


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets: the search ends by itself, its files closed in order."""
    cancel = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield cancel
        return
    before = signal.signal(signal.SIGINT, lambda *_: cancel.set())
    try:
        yield cancel
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None] | None]:
    """Tells on a terminal how far a search is; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    told_s = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= PROGRESS_S:
            told_s = time.monotonic()
            sys.stderr.write(f"\r{100 * done / max(total, 1):3.0f}% of {total:,} events")

    try:
        yield tell
    finally:
        sys.stderr.write("\r\x1b[K")
