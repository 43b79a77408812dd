"""A small model, and events of ordinary work and of an attack."""

import math
from functools import cache

import numpy as np
import torch
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest

from soc_copilot.detection.host import boosted, forest
from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.detector import FEATURE_NAMES
from soc_copilot.detection.host.fusion import Fusion
from soc_copilot.detection.host.model import HostNet, Shape
from soc_copilot.detection.host.saved import HostModel

TOLERANCE = 1e-5
BEGAN_S = 1_790_000_000.0


@cache
def model():
    """One that was not trained: the rule decides, the other parts have their say."""
    rows = np.random.default_rng(0).normal(size=(400, 30)).astype(np.float32)
    isolating = forest.from_sklearn(IsolationForest(n_estimators=10, random_state=0).fit(rows))
    trained = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(rows, rows[:, 5] > 0)
    torch.manual_seed(3)
    net = HostNet(Shape()).eval()
    for parameter in net.parameters():
        parameter.data *= 2  # gates that open and close, as trained ones do
    fusion = Fusion(-0.5, (0.3, 0.1, 1.0, 0.05), (0.0, 0.5, 1.0), (0.01, 0.5, 0.99), 0.5)
    return HostModel(
        net, isolating, boosted.from_sklearn(trained), fusion, "host-test", FEATURE_NAMES
    )


def write(
    number, path, at_s, *, entropy=4.5, size=6_000.0, before=math.nan, stream="web01", **more
):
    """A file was written."""
    return HostEvent(
        f"e{number}", BEGAN_S + at_s, Operation.WRITE, path, "", size, size, entropy, before,
        stream=stream, **more,
    )  # fmt: skip


def attack(n=30, stream="web01", began_s=0.0, step_s=0.1, folder="/srv/docs"):
    """Files that were there, of four formats in five folders, become noise in place."""
    formats = ("txt", "docx", "csv", "py")
    return [
        write(
            f"a{i}", f"{folder}/{i % 5}/file{i}.{formats[i % 4]}", began_s + i * step_s,
            entropy=7.95, before=4.6, stream=stream,
        )
        for i in range(n)
    ]  # fmt: skip


def work(n=30, stream="web01", began_s=0.0, seed=0):
    """A mix of everything that happens to files, from a few programs."""
    rng = np.random.default_rng(seed)
    operations = list(Operation)
    events = []
    for i in range(n):
        began_s += float(rng.exponential(0.5))
        kind = operations[int(rng.integers(6))]
        name = f"/home/ann/p{rng.integers(4)}/f{rng.integers(20)}"
        extension = ("txt", "c", "zip", "jpg", "log")[int(rng.integers(5))]
        entropy = float(rng.choice([4.5, 7.97, math.nan, 0.1]))
        events.append(
            HostEvent(
                f"w{i}", BEGAN_S + began_s, kind, f"{name}.{extension}",
                f"{name}.locked" if kind is Operation.RENAME else "",
                float(rng.choice([0.0, 900.0, 60_000.0, math.nan])), 5_000.0, entropy, 4.4,
                bool(rng.random() < 0.1), stream, "ann", f"prog{rng.integers(3)}",
            )
        )  # fmt: skip
    return events


def mixed(n=60, streams=("web01", "web02", "ünï/3"), seed=1):
    """Work of several streams, one beside the other, and an attack in the first of them."""
    events = [
        event
        for i, stream in enumerate(streams)
        for event in work(n // len(streams), stream, seed=seed + i)
    ]
    events += attack(12, streams[0], 2.0)
    events.sort(key=lambda event: event.timestamp)
    return events
