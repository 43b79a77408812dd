"""`soc-copilot replay`: a series' hours handed out as if they arrived now."""

import argparse
import json
import math
import sys
from itertools import islice
from pathlib import Path
from typing import Any, Final

_MOST_SPEED: Final = 1000.0


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "replay",
        help="replay a series as if its hours arrived now",
        description="Read a series (CSV or JSON, plain or gzip'd) and print its rows in order of "
        "time, one JSON object a line, as if they arrived now: index, time, value (null for no "
        "number), n_missing (hours without a row before it), is_repeated (a second row of the "
        "same hour) and progress in [0, 1]. Ctrl-C ends it.",
    )
    parser.add_argument("input", type=Path, metavar="FILE", help="the series")
    parser.add_argument(
        "--speed",
        type=float,
        default=0.0,
        metavar="X",
        help=f"times faster than life, 1 to {_MOST_SPEED:g}; 0: as fast as possible (default)",
    )
    parser.add_argument("--start", type=int, default=0, metavar="N", help="first row (default: 0)")
    parser.add_argument("--count", type=int, metavar="N", help="rows (default: to the end)")
    parser.add_argument("--time", metavar="COLUMN", help="of times (default: found by its name)")
    parser.add_argument("--value", metavar="COLUMN", help="of values (default: first with numbers)")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from soc_copilot.detection.load.series import read
    from soc_copilot.detection.load.simulator import DataStreamSimulator

    series = read(options.input, options.time, options.value)
    for note in series.notes:
        print(f"{note.text} First: {note.first or 'unknown'}.", file=sys.stderr)
    replay = DataStreamSimulator(series, options.speed, options.start)
    for row in islice(replay.stream(), options.count):
        line: dict[str, Any] = {
            "index": row.index,
            "time": row.time,
            "value": row.value if math.isfinite(row.value) else None,
            "n_missing": row.n_missing,
            "is_repeated": row.is_repeated,
            "progress": round(replay.get_progress(), 6),
        }
        print(json.dumps(line), flush=options.speed > 0)
    return 0
