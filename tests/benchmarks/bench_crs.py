"""The web detector against nginx with ModSecurity and the OWASP core rule set.

    python -m tests.benchmarks.bench_crs --data FOLDER [--paranoia 1 2] [--rounds 3] [--json FILE]

Installs the peer where that is allowed (Debian's nginx, libnginx-mod-http-modsecurity and
modsecurity-crs), runs it in a temporary folder on a free loopback port, sends it the requests
that `evaluate web --split validation` scores, byte for byte, and scores the same requests with
ours. The rule set blocks at an anomaly score of 5.

Requests without any header get those of a plain browser, those without Host a Host, bodies
without a type that of a form, headers about the connection are the sender's, and Accept-Charset
(in every request of csic2010, and refused by the rules whatever it says) is not sent. A target
with white space or control bytes cannot be sent: such requests are counted and left out on
both sides. What nginx itself refuses as malformed (400) counts as blocked by the peer.
"""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.web.detector import WebDetector
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.data import Row, data_files, read_rows
from tests.benchmarks import crs_speed
from tests.benchmarks.crs_peer import Peer, PeerMissingError, provide, versions
from tests.tools.raw_http import completed, drive, message

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

CONTENT_TYPES: Final = 920420  # refuses types that browsers send every day, such as text/plain
APART: Final = ("scanner_logs",)  # labelled by run, not by request: not in the pool
POOLED: Final = "pooled"
BLOCKED: Final = (400, 403)
CONNECTIONS: Final = 8  # chosen: keeps one worker busy all the time


@dataclass(frozen=True, slots=True)
class Sent:
    """A labelled request as it is sent."""

    row: Row
    request: Request
    wire: bytes


@dataclass(frozen=True, slots=True)
class Line:
    """One set: the peer's rates, ours at its false-positive rate and at our own threshold."""

    name: str
    attacks: int
    normal: int
    peer_tpr: float | None
    peer_fpr: float | None
    our_tpr: float | None
    default_tpr: float | None
    default_fpr: float | None


def read(folder: Path, sets: Sequence[str]) -> tuple[list[Sent], dict[str, int]]:
    """The validation rows that can be sent, and how many of each set cannot."""
    sent: list[Sent] = []
    left_out: dict[str, int] = {}
    for path in data_files(folder):
        for row in read_rows(path):
            if not row.is_validation or (sets and row.dataset not in sets):
                continue
            request = completed(row.request)
            wire = message(request)
            if wire is None:
                left_out[row.dataset] = left_out.get(row.dataset, 0) + 1
            else:
                sent.append(Sent(row, request, wire))
    return sent, left_out


def blocked(peer: Peer, wires: Sequence[bytes]) -> tuple[Flags, int]:
    """Which requests the peer refuses, and how many of these nginx did by itself.

    Raises:
        RuntimeError: Some request got no answer.
    """
    statuses = np.array([answer.status for answer in drive(peer.port, wires, CONNECTIONS)])
    if odd := sorted(set(statuses.tolist()) - {204, *BLOCKED}):
        raise RuntimeError(f"Answers of the peer that mean nothing here: {odd}.")
    return np.isin(statuses, BLOCKED), int((statuses == 400).sum())


def our_scores(detector: WebDetector, requests: Sequence[Request]) -> Floats:
    """Our scores, in order."""
    found: list[float] = []
    for start in range(0, len(requests), crs_speed.BATCH):
        verdicts = detector.score_requests(requests[start : start + crs_speed.BATCH])
        found += [verdict.score for verdict in verdicts]
    return np.array(found)


def threshold_with(normal: Floats, n_allowed: int) -> float:
    """The lowest threshold that at most `n_allowed` normal scores reach."""
    ranked = np.sort(normal)[::-1]
    return float(np.nextafter(ranked[n_allowed], np.inf)) if n_allowed < len(ranked) else 0.0


def compare(sent: Sequence[Sent], peer: Flags, ours: Floats, threshold: float) -> list[Line]:
    """A line for the pool and for each set; sets without normal rows take the pool's threshold."""
    labels = np.array([one.row.is_attack for one in sent])
    names = np.array([one.row.dataset for one in sent])
    pool = ~np.isin(names, APART)

    def matched(mine: Flags) -> float:
        normal = mine & ~labels
        return threshold_with(ours[normal], int((peer & normal).sum()))

    def line(name: str, mine: Flags) -> Line:
        attacks, normal = mine & labels, mine & ~labels
        at = matched(mine if normal.any() else pool)
        return Line(
            name=name,
            attacks=int(attacks.sum()),
            normal=int(normal.sum()),
            peer_tpr=_share(peer[attacks]),
            peer_fpr=_share(peer[normal]),
            our_tpr=_share(ours[attacks] >= at),
            default_tpr=_share(ours[attacks] >= threshold),
            default_fpr=_share(ours[normal] >= threshold),
        )

    every = sorted(set(names.tolist()), key=lambda name: (name in APART, name))
    return [line(POOLED, pool), *(line(name, names == name) for name in every)]


def _share(flags: Flags) -> float | None:
    return float(flags.mean()) if len(flags) else None


def traffic(sent: Sequence[Sent], n_rows: int) -> dict[str, list[Sent]]:
    """What speed is measured with: a fair sample of the pool, and real browsing alone."""
    pool = [one for one in sent if one.row.dataset not in APART]
    pool.sort(key=lambda one: one.row.group)  # hashes: any stretch is a fair sample
    browsing = [one for one in pool if one.row.dataset == "wcp" and not one.row.is_attack]
    found = {"the pool": pool[:n_rows], "real browsing": browsing[:n_rows]}
    return {name: rows for name, rows in found.items() if rows}


def accuracy_table(lines: Sequence[Line]) -> str:
    """For a report, in Markdown."""
    out = [
        "| set | attacks / normal | peer: TPR at FPR | ours: TPR at that FPR "
        "| ours by default: TPR at FPR |",
        "|---|---|---|---|---|",
    ]
    out += [
        f"| {x.name} | {x.attacks:,} / {x.normal:,} | {_rates(x.peer_tpr, x.peer_fpr)} "
        f"| {_rate(x.our_tpr)} | {_rates(x.default_tpr, x.default_fpr)} |"
        for x in lines
    ]
    return "\n".join(out)


def _rate(value: float | None, decimals: int = 1) -> str:
    return "-" if value is None else f"{value:.{decimals}%}"


def _rates(tpr: float | None, fpr: float | None) -> str:
    return f"{_rate(tpr)} at {_rate(fpr, 2)}"


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for; tables go to the terminal as they come."""
    provide()
    sent, left_out = read(given.data, given.sets)
    say(f"Peer: {versions()}.")
    say(f"{len(sent):,} requests sent; not to be sent in HTTP: {left_out or 'none'}.")
    with tempfile.TemporaryDirectory() as folder:
        return {
            "peer": versions(),
            "left_out": left_out,
            "accuracy": measure_accuracy(given, sent, Path(folder)) if given.paranoia else {},
            "speed": measure_speed(given, sent) if given.rounds else {},
        }


def measure_accuracy(
    given: argparse.Namespace, sent: Sequence[Sent], folder: Path
) -> dict[str, list[dict[str, Any]]]:
    """At each level of paranoia, with all rules and without the one on content types."""
    detector = crs_speed.started(given.model)
    version, threshold = detector.info.version, detector.threshold
    ours = our_scores(detector, [one.request for one in sent])
    detector.close()
    found: dict[str, list[dict[str, Any]]] = {}

    def tell(name: str, flags: Flags) -> None:
        lines = compare(sent, flags, ours, threshold)
        found[name] = [asdict(line) for line in lines]
        say(f"\n{name}, ours {version}:\n\n{accuracy_table(lines)}")

    typed = np.flatnonzero([_has_type(one.request) for one in sent])
    for paranoia in given.paranoia:
        with Peer(folder / f"all-{paranoia}", paranoia) as peer:
            flags, n_by_nginx = blocked(peer, [one.wire for one in sent])
        tell(f"paranoia {paranoia} ({n_by_nginx:,} refused by nginx itself)", flags)
        # Left out, the rule changes nothing for requests without a Content-Type.
        with Peer(folder / f"without-{paranoia}", paranoia, (CONTENT_TYPES,)) as peer:
            flags[typed], _ = blocked(peer, [sent[i].wire for i in typed.tolist()])
        tell(f"paranoia {paranoia}, without rule {CONTENT_TYPES}", flags)
    return found


def _has_type(request: Request) -> bool:
    return any(name.lower() == "content-type" for name in request.headers)


def measure_speed(
    given: argparse.Namespace, sent: Sequence[Sent]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Each kind of traffic by itself."""
    found = {}
    for name, rows in traffic(sent, given.speed_rows).items():
        requests, wires = [one.request for one in rows], [one.wire for one in rows]
        say(f"\nSpeed on {len(rows):,} requests, {name} ({crs_speed.load_average()}):\n")
        speeds = crs_speed.side_by_side(requests, wires, given.model, given.rounds)
        say(crs_speed.table(speeds))
        found[name] = {way: asdict(speed) for way, speed in speeds.items()}
    return found


def say(text: str) -> None:
    """One more piece of the answer."""
    print(text, flush=True)  # noqa: T201 - a command's answer


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", nargs="*", default=(), help="only these (default: all)")
    parser.add_argument("--model", type=Path, help="of ours (default: the program's)")
    parser.add_argument("--paranoia", type=int, nargs="*", default=[1], choices=(1, 2, 3, 4))
    parser.add_argument("--rounds", type=int, default=3, help="of the speed; 0 for none")
    parser.add_argument("--speed-rows", type=int, default=8_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures go there, too")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # nginx must not outlive this
    try:
        report = run(given)
    except PeerMissingError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's answer
        return 2
    if given.json:
        given.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
