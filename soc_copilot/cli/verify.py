"""`soc-copilot sources verify`: read the files again and count."""

import argparse
import dataclasses
import os
import sys
import time
from typing import Final

from soc_copilot.cli.common import (
    EXIT_NO,
    EXIT_OK,
    add_command,
    open_existing,
    print_json,
    print_table,
)
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.verify import Verification, verify_source

_PROGRESS_S: Final = 0.2  # chosen: often enough to feel alive

_WORDS: Final = (
    ("n_lines", "lines read again"),
    ("n_same", "stand exactly once in the archive, the same"),
    ("n_missing", "are missing"),
    ("n_doubled", "stand there more than once"),
    ("n_differing", "stand there otherwise"),
    ("n_unexpected", "events have no line in the file"),
    ("n_refused", "were refused, as the source's events say"),
    ("n_lost", "were declared lost"),
    ("n_removed", "are older than what the archive keeps"),
    ("bytes_not_stored", "bytes are still to be read"),
)


def add_parser(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the group of sources."""
    verify = add_command(
        group,
        "verify",
        "Read a source's files again and show that each line stands exactly once in the archive "
        "(exit code 1 when one does not, or when none could be compared).",
        "soc-copilot sources verify 2 --range 0:1000000",
        _verify,
    )
    verify.add_argument("source", metavar="SOURCE", help="the source's id, or its path")
    verify.add_argument(
        "--range",
        dest="span",
        type=span,
        default=(0, None),
        metavar="A:B",
        help="only lines that begin at byte A or after and before byte B of their file; either "
        "may be left out",
    )


def span(text: str) -> tuple[int, int | None]:
    """An argument of the form A:B, two whole numbers of which either may be missing."""
    first, colon, last = text.partition(":")
    numbers = [part.replace("_", "").replace(",", "") for part in (first, last)]
    if not colon or any(part and not part.isdecimal() for part in numbers):
        raise argparse.ArgumentTypeError(f'"{text}" is not of the form A:B, such as 0:1000000')
    start, end = int(numbers[0] or 0), int(numbers[1]) if numbers[1] else None
    if end is not None and end <= start:
        raise argparse.ArgumentTypeError(f'"{text}" is empty: B must be larger than A')
    return start, end


def _verify(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        source = _source(governance, args.source)
        start, end = args.span
        progress = _Progress()
        found = verify_source(
            governance, source.id, from_offset=start, to_offset=end, progress=progress
        )
        progress.clear()
    if args.json:
        print_json(
            {
                "source_id": source.id,
                "is_sound": found.is_sound,
                "is_empty": found.is_empty,
                **dataclasses.asdict(found),
            }
        )
    else:
        _print(source, found)
    return EXIT_OK if found.is_sound else EXIT_NO


class _Progress:
    """One line on stderr, rewritten; silent when stderr is no terminal."""

    def __init__(self) -> None:
        self._on = sys.stderr.isatty()
        self._next_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._on and now >= self._next_s:
            self._next_s = now + _PROGRESS_S
            sys.stderr.write(f"\r\x1b[K{100 * done / max(total, 1):3.0f}% of {total:,} bytes")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._on:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _source(governance: Governance, wanted: str) -> SourceRow:
    if wanted.isdecimal():
        return governance.sources.get(int(wanted))
    path = os.path.abspath(wanted)  # noqa: PTH100 - keeps symbolic links
    for source in governance.sources.list():
        if source.path in {wanted, path}:
            return source
    raise SourceError(f'No source reads "{wanted}". See: soc-copilot sources list')


def _print(source: SourceRow, found: Verification) -> None:
    print(f"Source {source.id}: {render_safe(source.path)}\n")
    for name, words in _WORDS:
        count = getattr(found, name)
        if count or name in {"n_lines", "n_same", "n_missing", "n_doubled"}:
            print(f"{count:>15,} {words}")
    for sentence in found.unreadable:
        print(f"\nNot compared: {render_safe(sentence)}")
    if found.examples:
        print()
        print_table(
            ("what", "generation", "at byte"),
            [(one.what, one.generation, f"{one.offset:,}") for one in found.examples],
            right=("generation", "at byte"),
        )
    if found.n_wrong:
        print("\nSomething is wrong.")
    elif found.is_empty:
        print("\nNothing could be compared, so nothing is shown.")
    elif found.unreadable:
        print("\nNothing is wrong with what could be compared; not everything could.")
    else:
        print("\nEach line stands exactly once.")
