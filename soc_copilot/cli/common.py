"""What every command shares: options, opening the database, printing tables and errors."""

import argparse
import io
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from soc_copilot.domain.errors import SocCopilotError, StoreError
from soc_copilot.domain.paths import bundled
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance
from soc_copilot.governance.location import locate
from soc_copilot.settings import get_setting

EXIT_OK = 0
EXIT_NO = 1  # a check failed: the answer is no
EXIT_ERROR = 2  # the command could not be carried out
EXIT_ENGAGED = 3  # the kill switch is engaged

CELL_CHARS = 100  # chosen: longest cell of a table

Command = Callable[[argparse.Namespace], int]

_RELATIVE_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command on a database takes: --db and --json."""
    parser.add_argument(
        "--db",
        metavar="PATH|URL",
        help="governance database; by default the one in your user data folder",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def add_model(parser: argparse.ArgumentParser, name: str, words: str = "model folder") -> None:
    """Add the option that names a detector's model; by default the shipped one of that name."""
    parser.add_argument(
        "--model",
        type=Path,
        default=bundled("models") / name,
        metavar="DIR",
        help=f"{words} (default: %(default)s)",
    )


def add_training(
    parser: argparse.ArgumentParser, name: str, words: str = "model folder to write"
) -> None:
    """Add the options that each training takes: --out, --seed and --threads."""
    parser.add_argument(
        "--out",
        type=Path,
        default=bundled("models") / name,
        metavar="DIR",
        help=f"{words} (default: %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=7, help="of everything random (default: 7)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default: 1)")


def add_files(parser: argparse.ArgumentParser, words: str) -> None:
    """Add the options of what reads one file and writes verdicts: --input, --output and --json."""
    parser.add_argument("--input", type=Path, required=True, metavar="FILE", help=words)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="verdicts")
    parser.add_argument("--json", action="store_true", help="the closing line as JSON")


def add_web_model(parser: argparse.ArgumentParser, budget_help: str) -> None:
    """Add the options that name a web model and the threshold to take from it."""
    add_model(parser, "web")
    parser.add_argument(
        "--budget",
        choices=get_setting("detection.web.budget").choices,
        default="0.1%",
        help=f"{budget_help} (default: %(default)s)",
    )


def add_command(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    help: str,  # noqa: A002 - argparse's own word
    example: str,
    func: Command,
) -> argparse.ArgumentParser:
    """Add a command on a database, with an example in its help."""
    parser = _described(subparsers, name, help, example)
    add_common(parser)
    parser.set_defaults(func=func)
    return parser


def add_group(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    help: str,  # noqa: A002 - argparse's own word
    example: str,
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    """Add a command that has commands of its own."""
    parser = _described(subparsers, name, help, example)
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)


def _described(
    subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    words: str,
    example: str,
) -> argparse.ArgumentParser:
    return subparsers.add_parser(
        name,
        help=(words[:1].lower() + words[1:]).rstrip("."),
        description=words,
        epilog=f"Example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def let_anything_be_printed() -> None:
    """Have letters that the terminal or pipe cannot take come out as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_error(error: SocCopilotError | str) -> None:
    """Print what went wrong, for the operator, to standard error."""
    print(render_safe(str(error)), file=sys.stderr)


def say_on_way(words: str) -> None:
    """Show how far a command is, in place of what was shown before; nothing in a pipe."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{words}")


@contextmanager
def open_governance(options: argparse.Namespace) -> Iterator[Governance]:
    """The governance database that the options name, closed at the end of the block."""
    with Governance.open(options.db) as governance:
        yield governance


@contextmanager
def open_existing(options: argparse.Namespace) -> Iterator[Governance]:
    """As `open_governance`, for commands that make no sense on a database just made.

    Raises:
        StoreError: There is none. A mistyped name must not look like a released kill
            switch or an untouched audit trail.
    """
    path = locate(options.db).path
    if path is not None and not path.exists():
        raise StoreError(
            f'There is no governance database "{path}". '
            "Check --db; watching or adding a source makes a new one."
        )
    with open_governance(options) as governance:
        yield governance


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; ASCII, so that nothing hidden reaches a terminal."""
    print(json.dumps(value, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"Cannot write {type(value).__name__} as JSON.")


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[str] = (),
    empty: str = "",
    wide: bool = False,
) -> None:
    """Print aligned columns; every cell is made safe for a terminal.

    Args:
        headers: Column titles.
        rows: Cells, turned into text; None is shown as "-".
        right: Titles of the columns that are aligned to the right, as numbers are.
        empty: What to print instead when there are no rows; nothing prints the titles.
        wide: Cells are not cut, because their sentences are what the table is for.
    """
    limit = None if wide else CELL_CHARS
    cells = [[render_safe("-" if c is None else str(c), limit) for c in row] for row in rows]
    if not cells and empty:
        print(empty)
        return
    widths = [max(map(len, column)) for column in zip(headers, *cells, strict=True)]
    for line in (headers, ["-" * width for width in widths], *cells):
        padded = (
            cell.rjust(width) if header in right else cell.ljust(width)
            for cell, width, header in zip(line, widths, headers, strict=True)
        )
        print("  ".join(padded).rstrip())


def when(moment: datetime | None) -> str:
    """A time for a table: UTC, to the second."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"


def moment(text: str) -> datetime:
    """An argument that names a time: ISO 8601 (UTC unless it says otherwise) or "2h" ago."""
    try:
        if (ago := length_of(text)) is not None:
            return datetime.now(UTC) - ago
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f'"{text}" is no time; give 2026-03-14, 2026-03-14T10:30:00 or 90m, 2h, 7d ago'
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def length_of(text: str) -> timedelta | None:
    """A length of time such as 90m, 2h or 7d; None for any other text.

    Raises:
        OverflowError: It is longer than anything.
    """
    number, unit = text[:-1], text[-1:].lower()
    if unit not in _RELATIVE_UNITS or not number.isdecimal():
        return None
    return timedelta(**{_RELATIVE_UNITS[unit]: int(number)})


def positive(text: str) -> int:
    """An argument that is a whole number of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is no whole number of at least 1')
    return int(text)
