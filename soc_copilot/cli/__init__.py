"""Every job from a terminal; needs no display, imports no Qt."""

import argparse
import logging
import sys
from collections.abc import Sequence

from soc_copilot import __version__
from soc_copilot.cli import (
    alerts,
    analyze,
    archive,
    audit,
    bench,
    evaluate,
    killswitch,
    record,
    replay,
    score,
    search,
    serve,
    settings,
    sources,
    train,
    watch,
    worker,
)
from soc_copilot.cli.common import EXIT_ERROR, let_anything_be_printed, print_error
from soc_copilot.domain.errors import SocCopilotError

_GROUPS = (
    watch,
    serve,
    worker,
    alerts,
    search,
    sources,
    archive,
    killswitch,
    audit,
    settings,
    train,
    evaluate,
    score,
    analyze,
    record,
    replay,
    bench,
)


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
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
    for group in _GROUPS:
        group.add_parser(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Returns:
        0 success; 2 an error the operator can act on (said on stderr); other codes as the
        command's help says; 130 after Ctrl-C.
    """
    let_anything_be_printed()
    parser = build_parser()
    options = parser.parse_args(arguments)
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
