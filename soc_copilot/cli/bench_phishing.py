"""`soc-copilot bench phishing`: how fast the phishing pipeline is on this machine."""

import argparse
import json

from soc_copilot.cli.common import positive, print_table, say_on_way


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the benchmark to those there are."""
    parser = kinds.add_parser(
        "phishing",
        help="URLs, texts and e-mails through /analyze, known ones, and live updates",
        description="Start the checking service on a database of its own and call /analyze over "
        "kept connections from another process, each content a new one; then one that is known, "
        "then live updates to WebSockets. Embedded cache and queue.",
    )
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="for each measurement (default: %(default)s)"
    )
    parser.add_argument(
        "--concurrent", type=positive, nargs="+", default=[1, 20, 100], metavar="N",
        help="kept connections (default: 1 20 100)",
    )  # fmt: skip
    parser.add_argument(
        "--clients", type=positive, nargs="+", default=[10, 1_000], metavar="N",
        help="WebSockets (default: 10 1000)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Measure and print."""
    from soc_copilot.service.bench_phishing import bench_phishing

    figures = bench_phishing(
        options.seconds, concurrent=options.concurrent, clients=options.clients, say=say_on_way
    )
    say_on_way("")
    if options.json:
        print(json.dumps(figures.to_json()))
        return 0
    titles = ("content", "connections", "answered/s", "p50, ms", "p99, ms", "CPU, ms", "errors")
    print_table(
        titles,
        [
            (
                one.kind,
                str(one.load.concurrent),
                f"{one.load.requests_per_s:,.0f}",
                f"{one.load.p50_ms:.2f}",
                f"{one.load.p99_ms:.2f}",
                f"{one.cpu_ms:.3f}",
                f"{one.load.n_errors:,}",
            )
            for one in (*figures.load, figures.hit)
        ],
        right=titles[1:],
    )
    print()
    listeners = ("WebSockets", "messages/s")
    print_table(
        listeners,
        [(f"{one.clients:,}", f"{one.messages_per_s:,.0f}") for one in figures.sockets],
        right=listeners,
    )
    print(f"\n{figures.n_cores} processor cores, models {figures.model}")
    return 0
