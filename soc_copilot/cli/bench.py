"""`soc-copilot bench`: how fast it is on this machine."""

import argparse
import json
import os
import subprocess
import sys

from soc_copilot.cli.common import print_table
from soc_copilot.pipeline.bench import bench_pipeline


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "bench",
        help="measure speed on this machine",
        description="Measure speed on this machine, on lines made for the purpose.",
    )
    kinds = parser.add_subparsers(title="benchmarks", metavar="WHAT", required=True)
    pipeline = kinds.add_parser(
        "pipeline",
        help="tail, parse, score and commit access-log lines",
        description="Tail, parse, score and commit access-log lines with every detector on.",
    )
    pipeline.add_argument(
        "--lines", type=int, default=1_000_000, help="lines (default: %(default)s)"
    )
    pipeline.add_argument(
        "--unique",
        type=float,
        default=0.15,
        help="share of lines whose request occurs once (default: %(default)s)",
    )
    pipeline.add_argument("--json", action="store_true", help="figures as one JSON object")
    pipeline.set_defaults(func=_run_pipeline)
    window = kinds.add_parser(
        "window",
        help="delay of a 10 ms timer of the window while the pipeline runs flat out",
        description="Drive the window offscreen while the pipeline runs flat out, and measure "
        "how late a 10 ms timer of its thread fires.",
    )
    window.add_argument(
        "--seconds", type=float, default=20.0, help="how long (default: %(default)s)"
    )
    window.add_argument("--json", action="store_true", help="figures as one JSON object")
    window.set_defaults(func=_run_window)


def _run_pipeline(options: argparse.Namespace) -> int:
    def progress(done: int, total: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{100 * done / total:3.0f}%  {done:,} of {total:,} lines")

    figures = bench_pipeline(options.lines, options.unique, progress=progress)
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    print_table(
        ("figure", "value"),
        [
            ("lines", f"{figures.lines:,} ({figures.size_bytes / 1e6:,.0f} MB)"),
            ("distinct requests", f"{100 * figures.distinct_share:.1f}%"),
            ("lines/s", f"{figures.lines_per_s:,.0f}"),
            ("peak memory", f"{figures.peak_mib:,.0f} MiB"),
            ("batch time p50", f"{figures.batch_p50_ms:.1f} ms"),
            ("batch time p99", f"{figures.batch_p99_ms:.1f} ms"),
            ("alerts", f"{figures.alerts:,}"),
            *(
                (f"share of {stage}", f"{100 * share:.1f}%")
                for stage, share in figures.stage_share.items()
            ),
        ],
        right=("value",),
    )
    return 0


def _run_window(options: argparse.Namespace) -> int:
    # A process of its own: this command line must start without Qt.
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "soc_copilot.app", "--bench", str(options.seconds)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode or options.json:
        print(done.stdout, end="")
        return done.returncode
    figures = json.loads(done.stdout)
    print_table(
        ("figure", "value"),
        [
            ("events/s", f"{figures['events_per_s']:,.0f}"),
            ("ticks of the 10 ms timer", f"{figures['ticks']:,}"),
            ("late by, p50", f"{figures['p50_ms']:.1f} ms"),
            ("late by, p99", f"{figures['p99_ms']:.1f} ms"),
            ("late by, at most", f"{figures['max_ms']:.1f} ms"),
            ("late by over 50 ms", f"{figures['over_50_ms']} times"),
            ("while models load, at most", f"{figures['start_max_ms']:.1f} ms"),
        ],
        right=("value",),
    )
    return 0
