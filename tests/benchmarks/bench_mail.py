"""The e-mail path against SpamAssassin and rspamd, on the same messages.

    python -m tests.benchmarks.bench_mail --data FOLDER [--messages 400] [--rounds 1] [--json FILE]

Installs the peers where that is allowed (Debian's spamassassin, spamd and rspamd), runs them on
loopback with every test off that asks the network, and gives them and ours the same whole
messages: the phish of phishing_pot (no shipped weight ever saw it) and the harmless ones of
spamassassin, its hard_ham, csdmc2010 and notmuch, of the groups that no training saw. nazario
and enron are subject and body alone, no messages that a mail filter is made for: left out. Spam
is neither. At each peer's own threshold, ours is read where it flags no more harmless messages
than the peer does. Speed is that of the same pass over the messages, the peers' daemons with a
worker for each of two cores, ours in one thread.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.phishing.scorer import Models
from soc_copilot.detection.phishing.training.data import Row, read_all
from soc_copilot.detection.web.training.data import data_files
from soc_copilot.detection.web.training.metrics import roc_auc
from tests.benchmarks.bench_crs import threshold_with
from tests.benchmarks.mail_peers import (
    PEERS,
    WORKERS,
    Peer,
    PeerMissingError,
    Point,
    provide,
    running,
    versions,
)

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

# Sets of whole messages, headers and all.
WHOLE: Final = frozenset(
    {"phishing_pot", "spamassassin", "spamassassin-hard_ham", "csdmc2010", "notmuch-corpora"}
)
BATCH: Final = 64  # chosen: messages a call of ours
WARM_UP: Final = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One peer at one of its thresholds, and ours beside it.

    Attributes:
        peer: Its name.
        point: Which threshold.
        fpr: Share of harmless messages that the peer flags.
        peer_tpr: Share of phish that the peer finds.
        our_tpr: Share that ours finds, flagging no more harmless ones.
        peer_auc, our_auc: Ranking quality, whatever the threshold.
    """

    peer: str
    point: str
    fpr: float
    peer_tpr: float
    our_tpr: float
    peer_auc: float
    our_auc: float


@dataclass(frozen=True, slots=True)
class Speed:
    """One way of scoring: messages a second, and per second of processor time."""

    per_s: float
    per_cpu_s: float


def read(folder: Path, n_most: int) -> list[Row]:
    """Whole messages of held-out groups, phish and harmless ones; at most so many of each."""
    files = [file for file in data_files(folder) if file.name.startswith("email_")]
    by_label: dict[str, list[Row]] = {"phish": [], "benign": []}
    for row in read_all(files or data_files(folder)):
        if row.kind == "email" and row.is_validation and row.dataset in WHOLE:
            by_label.get(row.label, []).append(row)
    return [
        rows[i]
        for rows in by_label.values()
        for i in np.linspace(0, len(rows) - 1, min(len(rows), n_most)).astype(int).tolist()
    ]


def as_message(row: Row) -> bytes:
    """A row's message as it is sent."""
    return row.content.encode("utf-8", "replace")


def compare(
    name: str, points: Sequence[Point], peer: Floats, ours: Floats, is_phish: Flags
) -> list[Line]:
    """A line for each threshold of a peer."""
    lines = []
    for point in points:
        flagged = peer >= point.at
        at = threshold_with(ours[~is_phish], int((flagged & ~is_phish).sum()))
        lines.append(
            Line(
                peer=name,
                point=point.name,
                fpr=float(flagged[~is_phish].mean()),
                peer_tpr=float(flagged[is_phish].mean()),
                our_tpr=float((ours[is_phish] >= at).mean()),
                peer_auc=roc_auc(peer, is_phish),
                our_auc=roc_auc(ours, is_phish),
            )
        )
    return lines


def peer_scores(peer: Peer, messages: Sequence[bytes]) -> Floats:
    """A peer's scores, in order, as many at once as it has workers."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return np.array(list(pool.map(peer.check, messages)))


def our_scores(contents: Sequence[str], at_once: int = BATCH) -> Floats:
    """Our scores, in order, by models that have met nothing yet."""
    models = Models()
    found = [
        models.scores("email", contents[i : i + at_once]) for i in range(0, len(contents), at_once)
    ]
    return np.concatenate(found)


def measured(
    work: Callable[[], Floats], cpu_s: Callable[[], float], rounds: int
) -> tuple[Floats, Speed]:
    """What some work gives for each message, and how fast it is: medians over the rounds."""
    found: list[Speed] = []
    out = np.empty(0)
    for _ in range(rounds):
        began, cpu_began = time.perf_counter(), cpu_s()
        out = work()
        took_s, cpu_took_s = time.perf_counter() - began, cpu_s() - cpu_began
        found.append(Speed(len(out) / took_s, len(out) / max(cpu_took_s, 0.01)))
    by_clock = statistics.median(one.per_s for one in found)
    return out, Speed(by_clock, statistics.median(one.per_cpu_s for one in found))


def accuracy_table(lines: Sequence[Line]) -> str:
    """For a report, in Markdown."""
    out = [
        "| peer, its threshold | harmless flagged | phish found: peer | ours at that rate "
        "| AUC: peer | ours |",
        "|---|---|---|---|---|---|",
    ]
    out += [
        f"| {x.peer}, {x.point} | {x.fpr:.1%} | {x.peer_tpr:.1%} | {x.our_tpr:.1%} "
        f"| {x.peer_auc:.3f} | {x.our_auc:.3f} |"
        for x in lines
    ]
    return "\n".join(out)


def speed_table(speeds: dict[str, Speed]) -> str:
    """For a report, in Markdown."""
    out = ["| | messages/s | per second of processor time |", "|---|---|---|"]
    out += [f"| {name} | {x.per_s:,.0f} | {x.per_cpu_s:,.0f} |" for name, x in speeds.items()]
    return "\n".join(out)


def run(given: argparse.Namespace) -> dict[str, Any]:
    """Everything that was asked for; tables go to the terminal as they come."""
    provide()
    rows = read(given.data, given.messages)
    is_phish = np.array([row.label == "phish" for row in rows], bool)
    if not is_phish.any() or is_phish.all():
        raise SystemExit("There are no whole messages of both labels in that folder.")
    messages = [as_message(row) for row in rows]
    contents = [row.content for row in rows]
    say(f"Peers: {versions()}. Load {os.getloadavg()[0]:.1f}.")
    say(f"{int(is_phish.sum()):,} phish, {int((~is_phish).sum()):,} harmless messages.")
    lines: list[Line] = []
    speeds: dict[str, Speed] = {}
    ours = our_scores(contents)
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)  # the daemons drop their rights
        for kind in PEERS:
            with running(kind, Path(name)) as peer:
                peer_scores(peer, messages[:WARM_UP])
                scores, speed = measured(
                    lambda p=peer: peer_scores(p, messages),  # type: ignore[misc]
                    peer.cpu_s,
                    given.rounds,
                )
            lines += compare(kind.name, kind.points, scores, ours, is_phish)
            speeds[f"{kind.name}, {WORKERS} workers"] = speed
            say(f"{kind.name}: {speed.per_s:.1f} messages/s.")
    for way, at_once in {f"ours, {BATCH} at once": BATCH, "ours, one by one": 1}.items():
        _, speeds[way] = measured(
            lambda k=at_once: our_scores(contents, k),  # type: ignore[misc]
            time.process_time,
            given.rounds,
        )
    say(f"\n{accuracy_table(lines)}\n\n{speed_table(speeds)}\n\nLoad {os.getloadavg()[0]:.1f}.")
    return {
        "peers": versions(),
        "accuracy": [asdict(line) for line in lines],
        "speed": {way: asdict(speed) for way, speed in speeds.items()},
    }


def say(text: str) -> None:
    """One more piece of the answer."""
    print(text, flush=True)  # noqa: T201 - a command's answer


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--rounds", type=int, default=1, help="of the speed; medians are shown")
    parser.add_argument(
        "--messages", type=int, default=400, help="of each label at most, spread over all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="figures go there, too")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # daemons must not outlive this
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
