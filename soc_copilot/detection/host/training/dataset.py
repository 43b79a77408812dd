"""Feature sequences with targets: what the parts learn from and are judged on."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.activity import from_frame
from soc_copilot.detection.host.tracking import Tracker
from soc_copilot.detection.host.training.mixing import varied
from soc_copilot.detection.host.training.traces import Trace, labels

Floats = npt.NDArray[np.float32]

_FILES: Final = 1 << 16  # of the tracker's table: more than a recording touches
_STREAMS: Final = 8


@dataclass(frozen=True, slots=True)
class Sequence30:
    """One recording as the parts see it.

    Attributes:
        trace: What it was made from; variants keep no events of it.
        time: Of each event, seconds.
        rows: Features, float32, shape (n_events, 30).
        target: 1 where harm is being done, shape (n_events,).
        weight: How much an event counts in training, [0, 1], shape (n_events,).
    """

    trace: Trace
    time: npt.NDArray[np.float64]
    rows: Floats
    target: Floats
    weight: Floats


def sequence(trace: Trace) -> Sequence30:
    """Features and targets of a recording, as one stream that starts cold."""
    tracker = Tracker(_STREAMS, _FILES)
    rows = tracker.advance(from_frame(trace.frame))
    return Sequence30(trace, trace.time, rows, *labels(trace))


def sequences(traces: Iterable[Trace]) -> list[Sequence30]:
    """Of several recordings."""
    return [sequence(trace) for trace in traces]


def variants(traces: Sequence[Trace], n_each: int, seed: int) -> list[Sequence30]:
    """Varied forms of recordings, `n_each` of every one; company is drawn from the same ones."""
    rng = np.random.default_rng(seed)
    ordinary = [trace for trace in traces if not trace.is_attack]
    made = (varied(trace, ordinary, rng) for _ in range(n_each) for trace in traces)
    return [_light(sequence(trace)) for trace in made]


def _light(s: Sequence30) -> Sequence30:
    """Without the events themselves: they are not needed again, and there are many."""
    return replace(s, trace=replace(s.trace, frame=s.trace.frame.clear()))


def balanced(found: Sequence[Sequence30]) -> list[Floats]:
    """Weights of all events: long recordings count more, but not by their length.

    Attacks' harm and all ordinary events together count the same; the mean weight is 1.
    """
    raw = [s.weight / np.sqrt(max(float(s.weight.sum()), 1.0)) for s in found]
    harm = sum(float(w[s.target > 0].sum()) for s, w in zip(found, raw, strict=True))
    work = sum(float(w[s.target == 0].sum()) for s, w in zip(found, raw, strict=True))
    n = sum(len(w) for w in raw)
    to_harm, to_work = n / max(2 * harm, 1e-9), n / max(2 * work, 1e-9)
    return [
        (w * np.where(s.target > 0, to_harm, to_work)).astype(np.float32)
        for s, w in zip(found, raw, strict=True)
    ]
