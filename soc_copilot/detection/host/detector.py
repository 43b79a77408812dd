"""Four parts that score features together, and what turns file activity into predictions.

`HybridThreatDetector` maps features to scores. `HostScorer` keeps the streams' memory and maps
events to predictions: each event is looked at once, when it arrives, with its stream's state.
"""

import copy
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from soc_copilot.detection.device import pick_device
from soc_copilot.detection.host import explain, heuristics
from soc_copilot.detection.host.activity import ActivityColumns, HostEvent, from_frame
from soc_copilot.detection.host.blocks import checked, columns_of, frame_of, sliced
from soc_copilot.detection.host.buffer import N_STREAMS, WINDOW, Prepared, Window, as_event
from soc_copilot.detection.host.deeds import Deeds
from soc_copilot.detection.host.features import FEATURES, N_FEATURES
from soc_copilot.detection.host.memory import Arrays, Hidden, Restored, StreamMemory
from soc_copilot.detection.host.model import CompiledNet, HostNet
from soc_copilot.detection.host.prediction import Predictions, Scores, ThreatPrediction, joined
from soc_copilot.detection.host.saved import HostModel, load
from soc_copilot.detection.host.tracking import N_FILES
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

FEATURE_NAMES: Final = tuple(told.name for told in FEATURES)
PART: Final = 16_384  # chosen: events worked off at a time, bounds memory
_CHUNK: Final = 4_096  # measured: of these; fewer hand-overs between threads cost less
_MOST: Final = 20.0  # chosen: no feature of ours goes beyond; what does is cut for the rule


class HybridThreatDetector:
    """Sequence model, boosted trees, isolation forest and documented rule, fused (`fusion`).

    Args:
        input_size: Features of an event; 30.
        model: A loaded one, or the folder of one; the one shipped with the program when None.
        device: "auto", "cpu", "cuda", or a torch device such as "cuda:0".
        threshold: Score from which an event is a threat; the model's own when None.

    Raises:
        DetectorError: Another number of features, a model that is missing or damaged, a device
            that is not there, or a threshold outside (0, 1].

    Thread:
        Any; it has no state of its own.
    """

    def __init__(
        self, input_size: int = N_FEATURES, model: HostModel | Path | None = None, *,
        device: str = "auto", threshold: float | None = None,
    ) -> None:  # fmt: skip
        if input_size != N_FEATURES:
            raise DetectorError(
                f"An event has {N_FEATURES} features, not {input_size}. Compute them with "
                "`soc_copilot.detection.host.tracking`."
            )
        if not isinstance(model, HostModel):
            model = load(model or default_folder(), FEATURE_NAMES)
        if threshold is not None and not 0.0 < threshold <= 1.0:
            raise DetectorError(f"A threshold of {threshold} is outside (0, 1]. Choose another.")
        self.model = model
        self.threshold = model.fusion.threshold if threshold is None else threshold
        self.device, self.device_name = _device(device)
        self._net = _OnCpu(model.net) if self.device == "cpu" else OnDevice(model.net, self.device)

    def score(self, features: Floats) -> Scores:
        """Score streams from their beginning.

        Args:
            features: float32, shape (n_events, 30), one stream; or (n_streams, n_events, 30).
                What is not a number counts as unknown.

        Returns:
            Arrays of shape (n_events,) or (n_streams, n_events).

        Raises:
            DetectorError: The features have another shape, or are no numbers.
        """
        rows, shape = _rows(features)
        streams = np.arange(len(rows)) // max(shape[-1], 1)
        n_streams = shape[0] if len(shape) > 1 else 1
        return self.advance(rows, streams, self.hidden(n_streams)).reshaped(*shape)

    def raw(self, features: Floats) -> Floats:
        """The fused logits, which `score` squeezes into (0, 1); shapes as there."""
        rows, shape = _rows(features)
        streams = np.arange(len(rows)) // max(shape[-1], 1)
        hidden = self.hidden(shape[0] if len(shape) > 1 else 1)
        logits = self.logits(rows, streams, hidden)
        forest, boosted = self.trees(rows).T
        fused = self.model.fusion.raw(logits, forest, heuristics.score(_tame(rows)), boosted)
        return fused.reshape(shape)

    def hidden(self, n_streams: int) -> Hidden:
        """The state of streams of which nothing was seen."""
        return Hidden(n_streams, self.model.net.shape, self.device)

    def advance(self, rows: Floats, streams: Rows, hidden: Hidden) -> Scores:
        """Score the next events of streams and carry their states on.

        Args:
            rows: Features, float32, C order, shape (n, 30), in order of arrival.
            streams: Row of each event's stream in `hidden`, int64, shape (n,).
            hidden: The streams' states; changed in place.

        Returns:
            Arrays of shape (n,). They do not depend on how events are put into calls
            (tolerance 1e-5).
        """
        return self.judge(rows, self.logits(rows, streams, hidden), self.trees(rows))

    def logits(self, rows: Floats, streams: Rows, hidden: Hidden) -> Floats:
        """What the sequence model says, as in `advance`."""
        return self._net.logits(rows, streams, hidden.values)

    def trees(self, rows: Floats) -> Floats:
        """What the forests say of each event, shape (n, 2).

        The isolation forest's score, (0, 1), and the boosted trees' logit.
        """
        return np.stack([self.model.forest.score(rows), self.model.boosted.logits(rows)], 1)

    def judge(self, rows: Floats, logits: Floats, trees: Floats) -> Scores:
        """Put the parts together; `trees` as `trees` gives it."""
        fusion = self.model.fusion
        forest, boosted = np.ascontiguousarray(trees.T)
        # Column by column in memory: NumPy takes another path over gaps, and rounds otherwise.
        rule = heuristics.score(np.asfortranarray(_tame(rows)))
        score = fusion.score(logits, forest, rule, boosted)
        is_threat = score >= np.float32(self.threshold)
        chance = fusion.chance(score)
        sure = np.where(is_threat, chance, np.float32(1) - chance)
        return Scores(score, is_threat, sure, _chance(logits), forest, rule, _chance(boosted))


def _chance(logits: Floats) -> Floats:
    return (1 / (1 + np.exp(-np.clip(logits, -_MOST, _MOST)))).astype(np.float32)


class _OnCpu:
    """The sequence model in machine code."""

    def __init__(self, net: HostNet) -> None:
        self._net = CompiledNet(net)

    def logits(self, rows: Floats, streams: Rows, values: Any) -> Floats:
        return self._net.advance(np.ascontiguousarray(rows), streams, values)


class OnDevice:
    """The sequence model on a torch device: one call for a whole block of events."""

    def __init__(self, net: HostNet, device: str) -> None:
        self._net = copy.deepcopy(net).to(device).eval()
        self._device = device

    @torch.inference_mode()
    def logits(self, rows: Floats, streams: Rows, values: Any) -> Floats:
        """As `HybridThreatDetector.logits`; `values` is a tensor on the device."""
        if not len(rows):
            return np.zeros(0, np.float32)
        order = np.argsort(streams, kind="stable")
        ordered = streams[order]
        first = np.flatnonzero(np.diff(ordered, prepend=-1))
        lengths = np.diff(first, append=len(order))

        def there(array: npt.NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(array).to(self._device)

        own = there(ordered[first])
        found, after = self._net.packed(there(rows[order]), there(lengths), values[own])
        values[own] = after
        logits = np.empty(len(rows), np.float32)
        logits[order] = found.cpu().numpy()
        return logits


class HostScorer:
    """Events in, predictions out; remembers streams and files.

    Args:
        detector: Scores features; may be shared.
        n_streams: Streams known at a time; those idle for longest make room.
        n_files: Files known at a time, a power of two.
        window: Events of each stream that are kept for explanations.

    Thread:
        One at a time.
    """

    def __init__(
        self, detector: HybridThreatDetector, *, n_streams: int = N_STREAMS,
        n_files: int = N_FILES, window: int = WINDOW,
    ) -> None:  # fmt: skip
        self.detector = detector
        self._sizes = n_streams, n_files, window
        self.memory = self._new_memory()
        self._helper: ThreadPoolExecutor | None = None
        if detector.device == "cpu" and _n_cores() > 1:
            self._helper = ThreadPoolExecutor(1, "host-scorer")  # its thread starts when needed

    @classmethod
    def load(
        cls, folder: Path | None = None, *, device: str = "auto", threshold: float | None = None
    ) -> "HostScorer":
        """A scorer with the model in a folder, the one shipped with the program when None.

        Raises:
            DetectorError: As `HybridThreatDetector`.
        """
        return cls(HybridThreatDetector(model=folder, device=device, threshold=threshold))

    def score_frame(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score the next events.

        Args:
            frame: Canonical (`reading.SCHEMA`), in order of arrival.

        Returns:
            Columns as `Predictions.to_frame`, a row for each event, in their order.

        Raises:
            DetectorError: As `process`.
        """
        return self.process(frame).to_frame()

    def process(self, events: Sequence[HostEvent] | pl.DataFrame) -> Predictions:
        """Score the next events.

        Raises:
            DetectorError: An event has no time, an unknown operation or lacks a column; then
                none of them was scored.
        """
        began_s = time.perf_counter()
        frame = checked(events if isinstance(events, pl.DataFrame) else frame_of(events))
        blocks = list(self.blocks(frame))
        scores = joined([block.scores for block in blocks]) if blocks else _NOTHING
        starts = np.cumsum([0, *(len(block.rows) for block in blocks)])

        def reasons(row: int) -> tuple[str, ...]:
            which = int(np.searchsorted(starts, row, side="right")) - 1
            return blocks[which].reasons(row - int(starts[which]))

        latency_ms = (time.perf_counter() - began_s) * 1e3
        times = frame["time"].to_numpy()
        return Predictions(frame["event_id"], times, scores, latency_ms, reasons)

    def blocks(self, frame: pl.DataFrame) -> Iterator["Block"]:
        """Score the next events, block by block; each is remembered before the next begins.

        Args:
            frame: Canonical, without nulls; `blocks.checked` makes it so.
        """
        columns = from_frame(frame)
        at = 0
        while at < len(columns):
            block = self._block(frame, columns, at)
            at += len(block.rows)
            yield block

    def process_one(self, event: HostEvent) -> ThreatPrediction:
        """Score the next event.

        Raises:
            DetectorError: It has no time, an unknown operation or a field of the wrong type.
        """
        began_s = time.perf_counter()
        event, columns = columns_of(event)
        memory = self.memory
        rows = memory.seat(columns.stream, lambda _: (event.stream,))
        features = memory.tracker.advance(columns, rows)
        scores = self.detector.advance(features, rows, memory.hidden)
        deeds = memory.ledger.advance(features, rows)
        row, score = int(rows[0]), float(scores.score[0])
        memory.windows.push(
            row, event, features[0], score, int(deeds.kinds[0]), float(deeds.weights[0])
        )
        is_threat = bool(scores.is_threat[0])
        parts = scores.components(0)
        reasons: tuple[str, ...] = ()
        if is_threat:
            reasons = explain.words(features[0], parts, memory.windows.at(row).window())
        return ThreatPrediction(
            event.event_id, float(event.timestamp), score, is_threat,
            float(scores.confidence[0]), (time.perf_counter() - began_s) * 1e3, parts, reasons,
        )  # fmt: skip

    def save(self, more: Arrays | None = None) -> bytes:
        """What is remembered, but for the windows, as packed bytes.

        Args:
            more: What else to keep with it; `restore` gives it back.
        """
        return self.memory.save(self.detector.model.version, more)

    def restore(self, state: bytes | None) -> tuple[Restored, Arrays]:
        """Take up what `save` gave; None forgets everything.

        Returns:
            Whether it goes on or starts cold, and the arrays in the state.

        Raises:
            DetectorError: The bytes are damaged or of another size; then nothing changed.
        """
        fresh = self._new_memory()
        if state is None:
            self.memory = fresh
            return Restored(is_warm=False, note="It starts cold: nothing was kept."), {}
        found = fresh.load(state, self.detector.model.version)
        self.memory = fresh
        return found

    def _new_memory(self) -> StreamMemory:
        n_streams, n_files, window = self._sizes
        shape = self.detector.model.net.shape
        return StreamMemory(shape, self.detector.device, n_streams, n_files, window)

    def _block(self, frame: pl.DataFrame, columns: ActivityColumns, at: int) -> "Block":
        """Score as many of the events from `at` on as have room."""
        end = min(at + PART, len(columns))
        memory = self.memory

        def names(fresh: Rows) -> list[str]:
            return frame["stream"].gather((fresh + at).astype(np.uint32)).to_list()

        rows = memory.seat(columns.stream[at:end], names)
        end = at + len(rows)
        part = frame[at:end]
        features, scores, ready = self._score(sliced(columns, at, end), rows, part)
        deeds = memory.ledger.advance(features, rows)
        before = {
            row: memory.windows.at(row).window()
            for row in np.unique(rows[scores.is_threat]).tolist()
        }
        memory.windows.extend(ready, features, scores.score, deeds)
        return Block(part, rows, features, scores, deeds, before, self._sizes[2])

    def _score(
        self, columns: ActivityColumns, rows: Rows, part: pl.DataFrame
    ) -> tuple[Floats, Scores, Prepared]:
        """Features, scores, and events for the windows; on two threads, when that pays."""
        memory, detector, n = self.memory, self.detector, len(rows)
        if self._helper is None or n <= _CHUNK:
            features = memory.tracker.advance(columns, rows)
            scores = detector.advance(features, rows, memory.hidden)
            return features, scores, memory.windows.prepare(rows, part)
        features, trees = np.empty((n, N_FEATURES), np.float32), np.empty((n, 2), np.float32)
        waiting, to_walk = [], deque[tuple[int, int]]()

        def walk() -> None:  # whichever thread has time
            while to_walk:
                try:
                    a, b = to_walk.popleft()
                except IndexError:
                    return
                trees[a:b] = detector.trees(features[a:b])

        for a in range(0, n, _CHUNK):
            b = min(a + _CHUNK, n)
            features[a:b] = memory.tracker.advance(sliced(columns, a, b), rows[a:b])
            waiting.append(
                self._helper.submit(detector.logits, features[a:b], rows[a:b], memory.hidden)
            )
            to_walk.append((a, b))
        walked = self._helper.submit(walk)
        ready = memory.windows.prepare(rows, part)
        walk()
        logits = np.concatenate([found.result() for found in waiting])
        walked.result()
        return features, detector.judge(features, logits, trees), ready


class Block:
    """Events scored together, and what tells why.

    Attributes:
        frame: The events.
        rows: Row of each event's stream.
        features: Shape (n, 30).
        scores: Of each.
        deeds: What they did.
    """

    def __init__(
        self, frame: pl.DataFrame, rows: Rows, features: Floats, scores: Scores, deeds: Deeds,
        before: dict[int, Window], size: int,
    ) -> None:  # fmt: skip
        self.frame = frame
        self.rows = rows
        self.features = features
        self.scores = scores
        self.deeds = deeds
        self._before = before
        self._paths: list[str] | None = None
        self._size = size

    def reasons(self, at: int) -> tuple[str, ...]:
        """Why an event is a threat."""
        return explain.words(self.features[at], self.scores.components(at), self.window(at))

    def window(self, at: int) -> Window:
        """The stream's events up to one that is a threat."""
        own = np.flatnonzero(self.rows[: at + 1] == self.rows[at])[-self._size :]
        before = self._before[int(self.rows[at])]
        n_before = min(len(before), self._size - len(own))
        first = len(before) - n_before
        deeds, scores = self.deeds, self.scores.score

        def path_of(place: int) -> str:
            if place < n_before:
                return before.path_of(first + place)
            return self._path_list()[int(own[place - n_before])]

        def event_of(place: int) -> HostEvent:
            if place < n_before:
                return before.event_of(first + place)
            return as_event(self.frame.row(int(own[place - n_before])))

        return Window(
            np.concatenate([before.features[first:], self.features[own]]),
            np.concatenate([before.scores[first:], scores[own]]),
            np.concatenate([before.deeds[first:], deeds.kinds[own]]),
            np.concatenate([before.weights[first:], deeds.weights[own]]),
            path_of,
            event_of,
        )

    def _path_list(self) -> list[str]:
        """Where each event's file was after it; made when first asked for."""
        if self._paths is None:
            is_moved = pl.col("target").str.len_bytes() > 0
            after = pl.when(is_moved).then("target").otherwise("path")
            self._paths = self.frame.select(after.alias("path"))["path"].to_list()
        return self._paths


_NONE: Final = np.zeros(0, np.float32)
_NOTHING: Final = Scores(_NONE, np.zeros(0, np.bool_), _NONE, _NONE, _NONE, _NONE, _NONE)


def default_folder() -> Path:
    """Of the model that is shipped with the program."""
    return bundled("models") / "host"


def _device(wanted: str) -> tuple[str, str]:
    return (wanted, wanted) if wanted.startswith("cuda:") else pick_device(wanted)


def _rows(features: Floats) -> tuple[Floats, tuple[int, ...]]:
    """Features as a table, and the shape that the scores shall have."""
    try:
        found = np.asarray(features, np.float32)
    except (TypeError, ValueError) as error:
        raise DetectorError(f"The features are no table of numbers ({error}).") from error
    if found.ndim not in {2, 3} or found.shape[-1] != N_FEATURES:
        raise DetectorError(
            f"The features have the shape {found.shape}; it takes (events, {N_FEATURES}) or "
            f"(streams, events, {N_FEATURES})."
        )
    return np.ascontiguousarray(found.reshape(-1, N_FEATURES)), found.shape[:-1]


def _tame(rows: Floats) -> Floats:
    """Rows that the rule can count with: 0 for what is no number, nothing without bounds."""
    if bool((np.abs(rows) <= _MOST).all()):
        return rows
    return np.clip(np.nan_to_num(rows, nan=0.0), -_MOST, _MOST)


def _n_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
