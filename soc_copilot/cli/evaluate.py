"""`soc-copilot evaluate`: a detector's figures on labelled data."""

import argparse
import json
from pathlib import Path

from soc_copilot.cli.common import add_model, add_web_model
from soc_copilot.cli.load import add_evaluate


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "evaluate",
        help="measure a detector on labelled data",
        description="Measure a detector on labelled data.",
    )
    kinds = parser.add_subparsers(title="detectors", metavar="DETECTOR", required=True)
    web = kinds.add_parser(
        "web",
        help="the web detector",
        description="Measure the web detector on files of labelled requests, one JSON object a "
        "line, plain or gzip'd, and on all files together: rows, area under the ROC curve, best "
        "F1, and the share of attacks found where 0.1% and 1% of the normal rows are flagged.",
        epilog="With files that the model was trained on, use --split validation: figures on "
        "rows it has seen say little.",
    )
    web.add_argument("--data", type=Path, nargs="+", required=True, metavar="FILE")
    web.add_argument(
        "--split",
        choices=("all", "validation"),
        default="all",
        help="all rows, or those that `train web` holds out (default: %(default)s)",
    )
    add_web_model(web, "whose threshold counts as in force")
    web.add_argument("--json", action="store_true", help="figures as one JSON object")
    web.set_defaults(func=_run_web)
    _add_host(kinds)
    _add_phishing(kinds)
    add_evaluate(kinds)


def _add_phishing(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    phishing = kinds.add_parser(
        "phishing",
        help="the phishing models",
        description="Measure the phishing models on files of labelled URLs, e-mails and texts, one "
        "JSON object a line, plain or gzip'd: area under the ROC curve, best F1, share of phish "
        "found where 0.1% and 1% of the benign rows are flagged, and what is flagged at 0.5; of "
        "each kind as a whole, of each source, and of what is hard apart (bare hosts and URLs "
        "with a path, pages of real brands, hard ham, rows of 2024 and later).",
        epilog="With files that the models were trained on, use --split validation.",
    )
    source = phishing.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, nargs="+", metavar="FILE")
    source.add_argument(
        "--visual",
        type=Path,
        metavar="DIR",
        help="measure the model for screenshots instead, on the test part of the pages that "
        "`train phishing --visual DIR` rendered: brands and layouts that training never saw",
    )
    phishing.add_argument(
        "--split",
        choices=("all", "validation"),
        default="all",
        help="all rows, or those that `train phishing` holds out (default: %(default)s)",
    )
    add_model(phishing, "phishing", "folder of the models")
    phishing.add_argument("--json", action="store_true", help="figures as one JSON object")
    phishing.set_defaults(func=_run_phishing)


def _run_visual(options: argparse.Namespace) -> int:
    import torch

    from soc_copilot.detection.phishing.training.visual.evaluate import ms_per_screenshot, table
    from soc_copilot.detection.phishing.training.visual.train import measure
    from soc_copilot.detection.phishing.visual.embedder import Embedder

    torch.set_num_threads(1)
    embedder = Embedder(options.model / "visual")
    split = "validation" if options.split == "validation" else "test"
    networks, limits = embedder.networks, embedder.thresholds
    found = measure(networks, embedder.rule, limits, options.visual, split)
    took = ms_per_screenshot(networks, options.visual)
    if options.json:
        report = {"model": embedder.version, "figures": found, "ms_per_screenshot": took}
        print(json.dumps(report))
        return 0
    print(table(found))
    print(f"{took['median']} ms per screenshot (median; 95th percentile {took['p95']} ms).")
    return 0


def _run_phishing(options: argparse.Namespace) -> int:
    if options.visual is not None:
        return _run_visual(options)
    from soc_copilot.detection.phishing.scorer import Models
    from soc_copilot.detection.phishing.training.data import read_all
    from soc_copilot.detection.phishing.training.evaluate import evaluate, table

    rows = [row for row in read_all(options.data) if options.split == "all" or row.is_validation]
    models = Models(options.model)
    found = evaluate(rows, models.scores)
    if options.json:
        report = {
            "model": models.version,
            "split": options.split,
            "figures": {name: figures.as_dict() for name, figures in found.items()},
        }
        print(json.dumps(report))
        return 0
    print(table(found))
    return 0


def _add_host(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    host = kinds.add_parser(
        "host",
        help="the host detector",
        description="Measure the host detector and its parts on recorded file activity, per "
        "window of 64 events and per recording: area under the ROC curve, true positives where "
        "0.1% and 1% of the ordinary windows are flagged, attacks found and found with no alarm "
        "before they began, ordinary recordings with an alarm, alarms per hour of ordinary work, "
        "files harmed before the alarm (median, 95th percentile), and the mean share of an "
        "attack's files that were lost.",
        epilog="With recordings that the model was trained on, the figures say little: those of "
        "families left out are on the model's card.",
    )
    host.add_argument(
        "--data",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE-or-DIR",
        help="folders with an index.jsonl or index.csv, or recordings named in one",
    )
    add_model(host, "host")
    host.add_argument("--json", action="store_true", help="figures as one JSON object")
    host.set_defaults(func=_run_host)


def _run_host(options: argparse.Namespace) -> int:
    from soc_copilot.detection.host.training.evaluate import evaluate, table

    found = evaluate(options.data, options.model)
    print(json.dumps(found) if options.json else table(found))
    return 0


def _run_web(options: argparse.Namespace) -> int:
    from soc_copilot.detection.web.scorer import load
    from soc_copilot.detection.web.training.data import read_rows
    from soc_copilot.detection.web.training.evaluate import (
        by_set,
        length_alone,
        request_scores,
        table,
    )

    rows = [
        row
        for path in options.data
        for row in read_rows(path)
        if options.split == "all" or row.is_validation
    ]
    model = load(options.model)
    threshold = model.thresholds[options.budget]
    found = by_set(rows, request_scores(model, [row.request for row in rows]), threshold)
    if options.json:
        report = {
            "model": model.version,
            "threshold": threshold,
            "split": options.split,
            "figures": {name: figures.as_dict() for name, figures in found.items()},
            "length_alone": {k: f.as_dict() for k, f in length_alone(rows).items()},
        }
        print(json.dumps(report))
        return 0
    print(table(found))
    print(f"Here: at the threshold {threshold:.6f}, for a budget of {options.budget}.")
    return 0
