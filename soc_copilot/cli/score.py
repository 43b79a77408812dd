"""`soc-copilot score`: verdicts for requests in a file."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from soc_copilot.cli.common import add_web_model
from soc_copilot.domain.errors import SourceError

_BLOCK: Final = 5_000  # chosen: requests in memory at a time


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "score",
        help="score requests in a file",
        description="Score requests in a file.",
    )
    kinds = parser.add_subparsers(title="detectors", metavar="DETECTOR", required=True)
    web = kinds.add_parser(
        "web",
        help="the web detector",
        description='Read requests, one JSON object {"method","path","query","headers","body"} a '
        "line, plain or gzip'd, and write the same lines with four keys more: score in [0, 1], "
        "threshold, is_threat, and reasons in plain words. Other keys are kept.",
    )
    web.add_argument("--input", type=Path, required=True, metavar="FILE", help="requests")
    web.add_argument("--output", type=Path, required=True, metavar="FILE", help="verdicts")
    add_web_model(web, "share of harmless requests that may be flagged")
    web.add_argument("--json", action="store_true", help="the closing line as JSON")
    web.set_defaults(func=_run_web)


def _run_web(options: argparse.Namespace) -> int:
    unfinished = options.output.with_name(options.output.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8") as out:
            n_rows = n_threats = 0
            for line, is_threat in _scored(options):
                out.write(line + "\n")
                n_rows, n_threats = n_rows + 1, n_threats + is_threat
        unfinished.replace(options.output)
    except OSError as error:
        raise SourceError(
            f'Cannot write "{options.output}": {error.strerror}. Choose another place.'
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    if options.json:
        print(json.dumps({"rows": n_rows, "threats": n_threats, "output": str(options.output)}))
    else:
        print(f"{n_rows:,} requests, {n_threats:,} threats: {options.output}", file=sys.stderr)
    return 0


def _scored(options: argparse.Namespace) -> Iterator[tuple[str, bool]]:
    from soc_copilot.detection.web.detector import WebDetector
    from soc_copilot.detection.web.request import from_row
    from soc_copilot.detection.web.training.data import json_rows

    detector = WebDetector(options.budget, options.model)
    detector.start("cpu")
    rows = json_rows(options.input)
    while block := list(islice(rows, _BLOCK)):
        requests = []
        for number, row in block:
            try:
                requests.append(from_row(row))
            except ValueError as error:
                raise SourceError(f'"{options.input}", line {number}: {error}.') from error
        for (_, row), verdict in zip(block, detector.score_requests(requests), strict=True):
            said: dict[str, Any] = {
                "score": round(verdict.score, 6),
                "threshold": round(detector.threshold, 6),
                "is_threat": verdict.is_threat,
                "reasons": list(verdict.reasons),
            }
            yield json.dumps({**row, **said}), verdict.is_threat
