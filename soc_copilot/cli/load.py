"""The load detector's parts of `train`, `evaluate` and `score`."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from soc_copilot.cli.common import add_files, add_model, add_training
from soc_copilot.domain.errors import SourceError

_BLOCK: Final = 10_000  # chosen: lines in memory at a time


def add_train(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `train load`."""
    load = kinds.add_parser(
        "load",
        help="the load detector",
        description="Train the load detector on hourly series (CSV or JSON, plain or gzip'd; a "
        "time and a value in each row). The last 8,760 hours of each are held out; the card's "
        "figures are of them.",
    )
    _add_data(load)
    add_training(load, "load")
    load.add_argument("--epochs", type=int, default=12, help="passes over the data (default: 12)")
    _add_effort(load)
    load.set_defaults(func=_train)


def _add_effort(load: argparse.ArgumentParser) -> None:
    load.add_argument(
        "--budget",
        type=float,
        default=0.0048,
        metavar="SHARE",
        help="of clean hours that may be flagged (default: %(default)s)",
    )
    load.add_argument(
        "--rounds",
        type=int,
        default=1,
        metavar="N",
        help="times that attacks are put into each year held out; 0: none (default: 1)",
    )
    load.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="take the forecast of the model in this folder, and train the detector alone",
    )
    load.add_argument("--json", action="store_true", help="print the model's card as JSON")


def add_evaluate(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `evaluate load`."""
    load = kinds.add_parser(
        "load",
        help="the load detector",
        description="Measure the load detector on the last 8,760 hours of hourly series: mean "
        "absolute percentage errors beside simple forecasts, clean hours flagged, and what comes "
        "of attacks of eight kinds at 5, 10, 20 and 50% put into the values (6 to 72 h long). Or, "
        "with --nab, the watcher of any regular series on the Numenta Anomaly Benchmark's files.",
    )
    _add_data(load, is_needed=False)
    load.add_argument(
        "--nab",
        type=Path,
        metavar="DIR",
        help="the benchmark's folder, with data/*/*.csv and labels/combined_windows.json",
    )
    add_model(load, "load")
    load.add_argument(
        "--rounds",
        type=int,
        default=1,
        metavar="N",
        help="times that attacks are put into each year; 0: none (default: 1)",
    )
    load.add_argument("--seed", type=int, default=7, help="of the attacks (default: 7)")
    load.add_argument("--json", action="store_true", help="figures as one JSON object")
    load.set_defaults(func=_evaluate)


def add_score(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `score load`."""
    load = kinds.add_parser(
        "load",
        help="the load detector",
        description="Read a series (CSV or JSON, plain or gzip'd; first column time, second "
        "value) and write one JSON object per hour: timestamp, value, forecast, lower, upper, "
        "benchmark, scaling_ratio, deviation, score, severity, is_threat, template, and the "
        "reasons. Each hour is judged by the hours before it alone.",
    )
    add_files(load, "the series")
    load.add_argument(
        "--from",
        dest="first",
        metavar="TIME",
        help="first hour to judge, such as 2017-01-31 or '2017-01-31 05:00'; those before are "
        "history, at least a week (default: three weeks after the start)",
    )
    load.add_argument("--time", metavar="COLUMN", help="of times (default: found by its name)")
    load.add_argument("--value", metavar="COLUMN", help="of values (default: first with numbers)")
    _add_stamps(load)
    add_model(load, "load")
    load.set_defaults(func=_score)


def _add_data(parser: argparse.ArgumentParser, *, is_needed: bool = True) -> None:
    parser.add_argument(
        "--data", type=Path, nargs="+", required=is_needed, metavar="FILE-or-DIR", help="series"
    )
    _add_stamps(parser)


def _add_stamps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stamps",
        choices=("end", "begin"),
        default="end",
        help="whether a row's time is the end or the beginning of its hour (default: %(default)s)",
    )


def _shift(options: argparse.Namespace) -> int:
    return -1 if options.stamps == "end" else 0


def _train(options: argparse.Namespace) -> int:
    from soc_copilot.detection.load.training.report import table
    from soc_copilot.detection.load.training.train import Options, train

    card = train(
        Options(
            data=options.data,
            out=options.out,
            seed=options.seed,
            epochs=options.epochs,
            threads=options.threads,
            shift=_shift(options),
            budget=options.budget,
            rounds=options.rounds,
            keep=options.keep,
        )
    )
    if options.json:
        print(json.dumps(card))
        return 0
    print(table(card))
    print(f"Written to {options.out}")
    sys.stdout.flush()
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from soc_copilot.detection.load.saved import load
    from soc_copilot.detection.load.training.corpus import read_samples
    from soc_copilot.detection.load.training.nab import compare
    from soc_copilot.detection.load.training.report import figures, nab_table, table

    if options.nab is not None:
        scores = compare(options.nab)
        print(json.dumps(scores) if options.json else nab_table(scores))
        return 0
    if not options.data:
        raise SourceError("Say what to evaluate: --data FILE-or-DIR, or --nab DIR.")
    samples = read_samples(options.data, _shift(options))
    found = figures(samples, load(options.model), options.rounds, options.seed)
    print(json.dumps(found) if options.json else table(found))
    return 0


def _score(options: argparse.Namespace) -> int:
    from soc_copilot.cli.score import write_blocks

    return write_blocks(options, _lines(options), "hours")


def _lines(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    """Blocks of lines, hours in them, flagged hours in them."""
    from soc_copilot.detection.load.detector import Shared
    from soc_copilot.detection.load.saved import load
    from soc_copilot.detection.load.scoring import score
    from soc_copilot.detection.load.series import hour_of, read

    series = read(options.input, options.time, options.value)
    for note in series.notes:
        print(f"{note.text} First: {note.first or 'unknown'}.", file=sys.stderr)
    first = hour_of(options.first) if options.first else None
    found = score(series, Shared(load(options.model)), first, _shift(options))
    while block := list(islice(found, _BLOCK)):
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in block)
        yield text, len(block), sum(bool(line["is_threat"]) for line in block)
