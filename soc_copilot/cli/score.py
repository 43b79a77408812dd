"""`soc-copilot score`: verdicts for requests, file activity or a series in a file."""

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from soc_copilot.cli.common import add_files, add_model, add_web_model
from soc_copilot.cli.load import add_score
from soc_copilot.domain.errors import SourceError

if TYPE_CHECKING:
    import polars as pl

_BLOCK: Final = 5_000  # chosen: requests in memory at a time
_HOST_BLOCK: Final = 100_000  # chosen: events scored at a time; their verdicts are written then
_CONTENTS: Final = 500  # chosen: contents scored at a time
_DIGITS: Final = 6  # chosen: decimals of scores


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "score",
        help="score requests, file activity, contents or a series in a file",
        description="Score requests, file activity, contents or a series in a file.",
    )
    kinds = parser.add_subparsers(title="detectors", metavar="DETECTOR", required=True)
    web = kinds.add_parser(
        "web",
        help="the web detector",
        description='Read requests, one JSON object {"method","path","query","headers","body"} a '
        "line, plain or gzip'd, and write the same lines with four keys more: score in [0, 1], "
        "threshold, is_threat, and reasons in plain words. Other keys are kept.",
    )
    add_files(web, "requests")
    add_web_model(web, "share of harmless requests that may be flagged")
    web.set_defaults(func=lambda options: write_blocks(options, _requests(options), "requests"))
    _add_host(kinds)
    _add_phishing(kinds)
    add_score(kinds)


def _add_phishing(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    phishing = kinds.add_parser(
        "phishing",
        help="the phishing models",
        description='Read contents, one JSON object {"content","content_type"} a line, plain or '
        'gzip\'d, content_type being "url", "email" or "text", and write the same lines with four '
        "keys more: prediction (phish, suspicious, benign), score in [0, 1], confidence, and "
        "reasons in plain words. Other keys are kept. Nothing is fetched.",
    )
    add_files(phishing, "contents")
    add_model(phishing, "phishing", "folder of the models")
    phishing.set_defaults(
        func=lambda options: write_blocks(options, _contents(options), "contents")
    )


def _contents(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    from soc_copilot.detection.phishing.bulk import verdicts
    from soc_copilot.detection.phishing.scorer import Models
    from soc_copilot.detection.web.training.data import json_rows

    models = Models(options.model)
    rows = json_rows(options.input)
    while block := list(islice(rows, _CONTENTS)):
        for number, row in block:
            if row.get("content_type") not in {"url", "email", "text"} or not isinstance(
                row.get("content"), str
            ):
                raise SourceError(
                    f'"{options.input}", line {number}: "content_type" must be "url", "email" or '
                    '"text", and "content" a text.'
                )
        said = verdicts(models, [(row["content_type"], row["content"]) for _, row in block])
        lines = [
            json.dumps({**row, **one}) + "\n" for (_, row), one in zip(block, said, strict=True)
        ]
        yield "".join(lines), len(lines), sum(one["prediction"] == "phish" for one in said)


def _add_host(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    host = kinds.add_parser(
        "host",
        help="the host detector",
        description="Read file activity, plain or gzip'd: a recording with the header "
        "t,event,path,size,entropy4k, another table with a time, an operation and a path, or JSON "
        "lines with timestamp, action and path. Write one JSON object for each event, in the "
        "same order: event_id (the row's number from 0 on where none is given), timestamp (s), "
        "threat_score in [0, 1], is_threat, confidence, components (deep, isolation_forest, "
        "heuristic, boosted_trees), and reasons in plain words.",
    )
    add_files(host, "file activity")
    add_model(host, "host")
    host.set_defaults(func=lambda options: write_blocks(options, _activity(options), "events"))


def write_blocks(
    options: argparse.Namespace, blocks: Iterator[tuple[str, int, int]], word: str
) -> int:
    """Write blocks of lines, and show the file only when it is whole.

    Args:
        options: Of the command.
        blocks: Text, rows in it, threats in it.
        word: What a row is, for the closing line.
    """
    unfinished = options.output.with_name(options.output.name + ".part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="\n") as out:
            n_rows = n_threats = 0
            for text, n, n_bad in blocks:
                out.write(text)
                n_rows, n_threats = n_rows + n, n_threats + n_bad
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
        print(f"{n_rows:,} {word}, {n_threats:,} threats: {options.output}", file=sys.stderr)
    return 0


def _activity(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
    from soc_copilot.detection.host.detector import HostScorer
    from soc_copilot.detection.host.reading import read

    frame = read(options.input)
    scorer = HostScorer.load(options.model)
    for block in frame.iter_slices(_HOST_BLOCK):
        verdicts = scorer.score_frame(block)
        yield _lines(verdicts), verdicts.height, int(verdicts["is_threat"].sum())


def _lines(verdicts: "pl.DataFrame") -> str:
    """Verdicts as JSON lines."""
    import polars as pl

    def short(*names: str) -> list[pl.Expr]:
        return [pl.col(name).cast(pl.Float64).round(_DIGITS) for name in names]

    return verdicts.select(
        "event_id",
        "timestamp",
        *short("threat_score"),
        "is_threat",
        *short("confidence"),
        pl.struct(short("deep", "isolation_forest", "heuristic", "boosted_trees")).alias(
            "components"
        ),
        "reasons",
    ).write_ndjson()


def _requests(options: argparse.Namespace) -> Iterator[tuple[str, int, int]]:
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
        lines, n_threats = [], 0
        for (_, row), verdict in zip(block, detector.score_requests(requests), strict=True):
            said: dict[str, Any] = {
                "score": round(verdict.score, 6),
                "threshold": round(detector.threshold, 6),
                "is_threat": verdict.is_threat,
                "confidence": round(verdict.confidence, 6),
                "class": verdict.kind,
                "technique": verdict.technique,
                "capec": verdict.capec,
                "part": verdict.part,
                "decoding": list(verdict.decoding),
                "reasons": list(verdict.reasons),
            }
            lines.append(json.dumps({**row, **said}) + "\n")
            n_threats += verdict.is_threat
        yield "".join(lines), len(lines), n_threats
