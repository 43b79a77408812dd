"""`soc-copilot record`: what happens to the files of a folder, written to a file."""

import argparse
import contextlib
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from soc_copilot.cli.common import EXIT_NO, EXIT_OK, print_error
from soc_copilot.ingestion.recording import Recorder

_STEP_S = 0.5  # chosen: Windows' consoles deliver Ctrl+C between two sleeps only


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "record",
        help="record the changes to a folder's files",
        description="Record every change under a folder, with size and entropy of the files, as "
        "CSV lines t,event,path,size,entropy4k; Ctrl+C ends it. Linux only. Exit code 1 when "
        "the system's queue ran over: the recording then holds OVERFLOW where changes are "
        "missing.",
    )
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="what to record, with subfolders"
    )
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="the CSV; gzip'd if named .gz"
    )
    parser.add_argument(
        "--seconds", type=_seconds, metavar="N", help="how long (default: until Ctrl+C)"
    )
    parser.add_argument("--json", action="store_true", help="the closing line as JSON")
    parser.set_defaults(func=_run)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f'"{text}" is no time in seconds above 0')
    return seconds


def _run(options: argparse.Namespace) -> int:
    recorder = Recorder(options.folder, options.output)
    zero = recorder.start()
    end = float("inf") if options.seconds is None else zero + options.seconds
    with contextlib.suppress(KeyboardInterrupt):
        print(f'Recording "{options.folder}"; Ctrl+C ends it.', file=sys.stderr, flush=True)
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_S))
    recorded = recorder.stop()
    if options.json:
        print(json.dumps({**asdict(recorded), "output": str(options.output)}))
    else:
        said = f"{recorded.n_events:,} events in {recorded.seconds:.1f} s: {options.output}"
        print(said, file=sys.stderr)
    if recorded.n_unwatched:
        print_error(
            f"{recorded.n_unwatched:,} folders could not be watched and are missing: raise "
            "fs.inotify.max_user_watches, or record as a user who may read them."
        )
    if recorded.n_overflows:
        print_error(
            f"The system's queue ran over {recorded.n_overflows:,} times and changes are missing "
            "(OVERFLOW lines): raise fs.inotify.max_queued_events, or record less."
        )
    return EXIT_NO if recorded.n_overflows or recorded.n_unwatched else EXIT_OK
