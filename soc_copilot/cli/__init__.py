"""Every job from a terminal; needs no display, imports no Qt."""

import argparse
import importlib
import logging
import sys
from collections.abc import Sequence
from typing import Final

from soc_copilot import __version__
from soc_copilot.cli.common import EXIT_ERROR, let_anything_be_printed, print_error
from soc_copilot.domain.errors import SocCopilotError

_GROUPS: Final = (
    "watch",
    "serve",
    "worker",
    "alerts",
    "suppressions",
    "search",
    "sources",
    "archive",
    "killswitch",
    "audit",
    "settings",
    "train",
    "evaluate",
    "score",
    "analyze",
    "record",
    "replay",
    "bench",
)
"""Commands, in the order of the help; each is the module of that name."""


def build_parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or what understands one command and is there sooner."""
    parser = argparse.ArgumentParser(
        prog="soc-copilot",
        description="Live logs in, explained alerts out, one kill switch.",
        epilog="The window: soc-copilot-desk. More of each command: soc-copilot COMMAND --help",
    )
    parser.add_argument("--version", action="version", version=f"soc-copilot {__version__}")
    parser.add_argument(
        "-v", "--verbose", action="count", default=0, help="log more (twice: everything)"
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for name in (only,) if only in _GROUPS else _GROUPS:
        importlib.import_module(f"{__name__}.{name}").add_parser(subparsers)
    return parser


def _asked(arguments: Sequence[str]) -> str | None:
    """The command, as far as one can be told before anything is taken apart."""
    for word in arguments:
        if word in {"-h", "--help"}:
            return None
        if not word.startswith("-"):
            return word
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Returns:
        0 success; 2 an error the operator can act on (said on stderr); other codes as the
        command's help says; 130 after Ctrl-C.
    """
    let_anything_be_printed()
    given = sys.argv[1:] if arguments is None else arguments
    # Importing all commands takes longer than most of them.
    parser = build_parser(_asked(given))
    options = parser.parse_args(given)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(options.verbose, 2)]
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if options.command is None:
        parser.print_help()
        return EXIT_ERROR
    try:
        return int(options.func(options))
    except SocCopilotError as error:
        print_error(error)
        return EXIT_ERROR
    except BrokenPipeError:
        sys.stderr.close()  # the reader (head, less) went away: nothing more to say
        return 0
    except KeyboardInterrupt:
        return 130
