"""`soc-copilot bench`: how fast it is on this machine."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

from soc_copilot.cli import bench_phishing
from soc_copilot.cli.common import positive, print_table, say_on_way
from soc_copilot.pipeline.bench import bench_pipeline
from soc_copilot.pipeline.bench_archive import bench_archive
from soc_copilot.pipeline.bench_host import bench_host
from soc_copilot.pipeline.bench_ingest import OURS, IngestFigures, bench_ingest


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
    _add_ingest(kinds)
    _add_archive(kinds)
    _add_host(kinds)
    _add_load(kinds)
    _add_service(kinds)
    bench_phishing.add_parser(kinds)
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


def _add_ingest(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    ingest = kinds.add_parser(
        "ingest",
        help="from a file to the committed batch, beside rsyslog and tail",
        description="Read a file into committed batches without detectors, with and without the "
        "event archive; rsyslog (imfile) and tail -F, where they are installed, copy the same "
        "file to another in turn.",
    )
    ingest.add_argument(
        "--lines", type=positive, default=1_000_000, help="lines (default: %(default)s)"
    )
    ingest.add_argument(
        "--rounds", type=positive, default=3, help="rounds of each (default: %(default)s)"
    )
    ingest.add_argument(
        "--memory",
        type=positive,
        nargs="*",
        default=[],
        metavar="LINES",
        help="also tell the peak memory over so many lines, such as: 1000000 10000000",
    )
    ingest.add_argument(
        "--idle",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="also watch 1,000 quiet files for so long",
    )
    ingest.add_argument(
        "--latency",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="also write lines for so long and tell how late each was committed",
    )
    ingest.add_argument("--json", action="store_true", help="figures as one JSON object")
    ingest.set_defaults(func=_run_ingest)


def _add_archive(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    archive = kinds.add_parser(
        "archive",
        help="archive, compact and search access-log lines, beside zgrep and lnav",
        description="Archive access-log lines of our own making, compact them, and search them "
        "for a rare term, an address and a time range; zgrep and lnav, where they are installed, "
        "search the same lines.",
    )
    archive.add_argument(
        "--lines", type=positive, default=1_000_000, help="lines (default: %(default)s)"
    )
    archive.add_argument(
        "--folder", type=Path, help="where to work (default: the system's temporary folder)"
    )
    archive.add_argument("--json", action="store_true", help="figures as one JSON object")
    archive.set_defaults(func=_run_archive)


def _add_host(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    host = kinds.add_parser(
        "host",
        help="score file activity one by one and in batches",
        description="Score file activity of our own making with the host detector: one event at "
        "a time, in batches over few and many streams, and the plain way, which runs the model "
        "over a stream's last 64 events again for each event.",
    )
    host.add_argument(
        "--events",
        type=positive,
        default=100_000,
        help="for each measurement, at most (default: %(default)s)",
    )
    host.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: %(default)s"
    )
    host.add_argument(
        "--model", type=Path, metavar="DIR", help="model folder (default: the one shipped)"
    )
    host.add_argument("--json", action="store_true", help="figures as one JSON object")
    host.set_defaults(func=_run_host)


def _add_load(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    load = kinds.add_parser(
        "load",
        help="judge hours of a series one by one",
        description="Judge hours of a series of our own making with the load detector, one at a "
        "time; forecast a history; look at the memory over ten years of hours and a hundred "
        "series.",
    )
    load.add_argument(
        "--hours", type=positive, default=8_760, help="that are timed (default: %(default)s)"
    )
    load.add_argument(
        "--memory-hours", type=positive, default=87_660, help="for memory (default: %(default)s)"
    )
    load.add_argument(
        "--series", type=positive, default=100, help="side by side (default: %(default)s)"
    )
    load.add_argument(
        "--model", type=Path, metavar="DIR", help="model folder (default: the one shipped)"
    )
    load.add_argument("--json", action="store_true", help="figures as one JSON object")
    load.set_defaults(func=_run_load)


def _add_service(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    service = kinds.add_parser(
        "service",
        help="the checking service, called over loopback",
        description="Start the checking service on a database of its own and call /check over "
        "kept connections from another process: as fast as answers come, then, if asked for, at "
        "80%% of that. Scoring, recording, archive and alerts are all on.",
    )
    service.add_argument(
        "--seconds", type=float, default=5.0, help="for each number (default: %(default)s)"
    )
    service.add_argument(
        "--concurrent", type=positive, nargs="+", default=[1, 20, 100], metavar="N",
        help="kept connections (default: 1 20 100)",
    )  # fmt: skip
    service.add_argument(
        "--steady", type=float, default=0.0, metavar="SECONDS", help="also at 80%% for so long"
    )
    service.add_argument(
        "--requests", type=Path, metavar="FILE", help="JSON bodies, one a line (default: made up)"
    )
    service.add_argument(
        "--batch-size", type=positive, metavar="N", help="requests scored together, at most"
    )
    service.add_argument("--json", action="store_true", help="figures as one JSON object")
    service.set_defaults(func=_run_service)


def _run_service(options: argparse.Namespace) -> int:
    from soc_copilot.service.bench_service import bench_service

    own = {"inference.batch_size": options.batch_size} if options.batch_size else {}
    figures = bench_service(
        options.seconds,
        concurrent=options.concurrent,
        steady_s=options.steady,
        requests=options.requests,
        options=own,
        say=say_on_way,
    )
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    rows = [*figures.load, *([figures.steady] if figures.steady is not None else [])]
    titles = ("connections", "sent/s", "answered/s", "p50, ms", "p99, ms", "errors")
    print_table(
        titles,
        [
            (
                str(one.concurrent),
                f"{one.rate_per_s:,.0f}" if one.rate_per_s else "-",
                f"{one.requests_per_s:,.0f}",
                f"{one.p50_ms:.2f}",
                f"{one.p99_ms:.2f}",
                f"{one.n_errors:,}",
            )
            for one in rows
        ],
        right=titles,
    )
    print(
        f"\n{figures.n_cores} processor cores, model {figures.model}, "
        f"{figures.cpu_ms:.3f} ms of processor time a request"
    )
    if figures.steady is not None:
        before, after = figures.resident_mib
        print(f"Memory before and after the steady part: {before:,.0f} and {after:,.0f} MiB")
    return 0


def _run_load(options: argparse.Namespace) -> int:
    from soc_copilot.pipeline.bench_load import bench_load

    figures = bench_load(
        options.hours, options.memory_hours, options.series, model=options.model, say=say_on_way
    )
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    years = figures.memory_hours / 8_766
    print_table(
        ("figure", "value"),
        [
            ("hours/s, one at a time", f"{figures.hours_per_s:,.0f}"),
            ("per hour, median / p99", f"{figures.p50_us:.0f} / {figures.p99_us:.0f} µs"),
            ("hours/s, forecast of a history", f"{figures.batch_hours_per_s:,.0f}"),
            ("memory before", f"{figures.memory_before / 1e6:.0f} MB"),
            (f"after {years:.1f} years of hours", f"{figures.memory_after / 1e6:.0f} MB"),
            (f"of each of {figures.series} series", f"{figures.series_bytes / 1e6:.1f} MB"),
        ],
    )
    return 0


def _run_host(options: argparse.Namespace) -> int:
    figures = bench_host(options.events, model=options.model, device=options.device, say=say_on_way)
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    print_table(
        ("figure", "value"),
        [
            ("device", figures.device),
            ("processor cores", str(figures.n_cores)),
            ("model", figures.model),
            ("one event, p50", f"{figures.one_p50_ms:.3f} ms"),
            ("one event, p99", f"{figures.one_p99_ms:.3f} ms"),
            ("its window again in torch, p50", f"{figures.again_p50_ms:.3f} ms"),
            ("its window again, compiled, p50", f"{figures.again_compiled_p50_ms:.3f} ms"),
            ("the same, 1,000 at a time", f"{figures.again_events_per_s:,.0f} events/s"),
            ("times faster than torch", f"{figures.ratio_one:.1f}"),
            ("times faster than compiled", f"{figures.ratio_compiled:.1f}"),
            ("the same, 1,000 at a time", f"{figures.ratio_batch:.1f}"),
            ("memory for a stream", f"{figures.stream_bytes / 1024:,.0f} KiB"),
            ("taken for threats", f"{100 * figures.threat_share:.2f}%"),
        ],
        right=("value",),
    )
    print()
    print_table(
        ("events at a time", "streams", "events/s", "p50, ms", "p99, ms"),
        [
            (
                f"{one.batch:,}",
                f"{one.streams:,}",
                f"{one.events_per_s:,.0f}",
                f"{one.p50_ms:.3f}",
                f"{one.p99_ms:.3f}",
            )
            for one in figures.batches
        ],
        right=("events at a time", "streams", "events/s", "p50, ms", "p99, ms"),
    )
    return 0


def _run_archive(options: argparse.Namespace) -> int:
    figures = bench_archive(options.lines, folder=options.folder, progress=say_on_way)
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    per_event = {
        "raw": figures.raw_bytes,
        "gzip -6": figures.gzip_bytes,
        "archive, as written": figures.batch_bytes,
        "archive, compacted": figures.archive_bytes,
    }
    print_table(
        ("figure", "value"),
        [
            ("events", f"{figures.n_events:,}"),
            *(
                (f"bytes an event, {name}", f"{size / figures.n_events:.1f}")
                for name, size in per_event.items()
            ),
            ("written/s", f"{figures.write_per_s:,.0f}"),
            ("compacted/s", f"{figures.compact_per_s:,.0f}"),
        ],
        right=("value",),
    )
    print()
    seconds = ("archive", "first 100", "zgrep", "lnav")
    print_table(
        ("search for", "found", *(f"{name}, s" for name in seconds)),
        [
            (
                search.what,
                f"{search.n_found:,}",
                *(
                    None if took is None else f"{took:.2f}"
                    for took in (search.archive_s, search.first_s, search.zgrep_s, search.lnav_s)
                ),
            )
            for search in figures.searches
        ],
        right=("found", *(f"{name}, s" for name in seconds)),
    )
    return 0


def _run_ingest(options: argparse.Namespace) -> int:
    figures = bench_ingest(
        options.lines,
        options.rounds,
        memory_lines=options.memory,
        idle_s=options.idle,
        latency_s=options.latency,
        say=say_on_way,
    )
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    ours = next(median(rate.seconds) for rate in figures.rates if rate.name == OURS)
    print_table(
        ("program", "lines/s", "MiB/s", "rate to ours", "rounds"),
        [
            (
                rate.name,
                f"{rate.lines_per_s:,.0f}",
                f"{rate.mib_per_s:,.1f}",
                f"{ours / median(rate.seconds):.2f}",
                " ".join(f"{seconds:.2f} s" for seconds in rate.seconds),
            )
            for rate in figures.rates
        ],
        right=("lines/s", "MiB/s", "rate to ours"),
    )
    for words in _other_figures(figures):
        print(words)
    return 0


def _other_figures(figures: IngestFigures) -> list[str]:
    said = [
        f"Peak memory over {lines:,} lines: {mib:,.0f} MiB"
        for lines, mib in figures.peak_mib.items()
    ]
    if figures.idle_cpu is not None:
        share = 100 * figures.idle_cpu
        said.append(f"{figures.idle_files:,} quiet files: {share:.2f}% of one core")
    if figures.latency_ms:
        p50, p99 = figures.latency_ms["p50"], figures.latency_ms["p99"]
        said.append(f"From write to commit, batches of 0.1 s: p50 {p50:.0f} ms, p99 {p99:.0f} ms")
    return said


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
