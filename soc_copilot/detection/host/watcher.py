"""The host detector in the pipeline: file activity scored, harm told in findings.

Beside it, commands that prepare harm or hide it (`starts`).
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soc_copilot.detection.host.carried import add_carried
from soc_copilot.detection.host.reading import from_batch
from soc_copilot.detection.host.rules import COMMAND_RULES, RULES
from soc_copilot.detection.host.starts import judge
from soc_copilot.detection.host.torn import completed, pack, unpack
from soc_copilot.detection.protocol import DetectorInfo, no_opinion
from soc_copilot.detection.weights import load_card
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections, Finding
from soc_copilot.domain.paths import bundled

if TYPE_CHECKING:
    from soc_copilot.detection.host.detector import HostScorer
    from soc_copilot.detection.host.memory import Arrays
    from soc_copilot.detection.host.telling import Told

logger = logging.getLogger(__name__)

NAME: Final = "host"
N_STREAMS: Final = 1_024  # chosen: hosts and users; the state is stored with every batch
N_FILES: Final = 1 << 15  # chosen: as above; some 2 MB stored when all are taken
_TOLD: Final = "told"
_CALLS: Final = "calls"


class HostWatcher:
    """Tells encryption, wiping and tampering from ordinary work by what becomes of files.

    Thread:
        One at a time.
    """

    def __init__(self, threshold: float | None = None, folder: Path | None = None) -> None:
        """Not started: no model is loaded yet.

        Args:
            threshold: Score of a threat; the model's own when None.
            folder: Of the model; the one shipped with the program when None.
        """
        self._threshold = threshold
        self._folder = folder or bundled("models") / NAME
        self._scorer: HostScorer | None = None
        self._told: Told | None = None
        self._calls = unpack(None)  # audit events whose files are still to come
        self._state: bytes | None = None  # as of the last batch that was stored
        self._pending: bytes | None = None

    @property
    def info(self) -> DetectorInfo:
        """What it is; threshold and version are known once it is started."""
        detector = self._scorer.detector if self._scorer else None
        rules = (*RULES, *COMMAND_RULES)
        return DetectorInfo(
            name=NAME,
            title="Host activity",
            version=detector.model.version if detector else "",
            threshold=detector.threshold if detector else 1.0,
            techniques=tuple(sorted({rule.technique for rule in rules if rule.technique})),
            wants=(c.ACTION,),
        )

    def start(self, device: str) -> None:
        """Load the model and score events of our own making, so that no batch waits for it.

        Raises:
            DetectorError: The model is missing, damaged or of another version.
        """
        load_card(self._folder)  # says at once when there is no model, before torch is loaded
        from soc_copilot.detection.host.detector import HostScorer, HybridThreatDetector
        from soc_copilot.detection.host.engine import warm_up

        detector = HybridThreatDetector(
            model=self._folder, device=device, threshold=self._threshold
        )
        warm_up(detector)
        self._scorer = HostScorer(detector, n_streams=N_STREAMS, n_files=N_FILES)
        self._take_up(None)

    def detect(self, batch: EventBatch) -> Detections:
        """Score every event that changed a file or ran a known command; NaN for the others."""
        self._pending = None
        commands = judge(batch)
        found = self._watch(batch)
        found.scores[commands.rows] = commands.scores
        return add_carried(batch, replace(found, findings=found.findings + commands.findings))

    def _watch(self, batch: EventBatch) -> Detections:
        """What is said of file activity."""
        events, calls = completed(batch.frame, self._calls)
        frame, places = from_batch(events)
        if frame.is_empty() and calls is self._calls:
            return no_opinion(NAME, batch.n_events)
        from soc_copilot.detection.host.blocks import checked
        from soc_copilot.detection.host.standings import Standings
        from soc_copilot.detection.host.telling import Told, tell

        scorer, told = self._loaded(), self._told or Told()
        rows = places.to_numpy()
        scores = np.full(batch.n_events, np.nan, np.float32)
        found: list[Finding] = []
        at = 0
        threshold, version = scorer.detector.threshold, scorer.detector.model.version
        standings = Standings(batch, threshold)
        for block in scorer.blocks(checked(frame)):
            own = rows[at : at + len(block.rows)]
            scores[own] = block.scores.score
            more, told = tell(batch, own, block, told, threshold, version)
            found += more
            standings.add(own, block, told.trees)
            at += len(own)
        self._told, self._calls = told, calls
        self._pending = scorer.save({_TOLD: told.pack(), _CALLS: pack(calls)})
        return Detections(NAME, scores, tuple(found), self._pending, streams=standings.told())

    def commit(self) -> None:
        """The batch is stored."""
        if self._pending is not None:
            self._state, self._pending = self._pending, None

    def rollback(self) -> None:
        """The batch is not stored: go back to the state before it.

        The names of files from before it are lost to explanations, as after a restart.
        """
        if self._pending is not None:
            self._pending = None
            self._take_up(self._state)

    def restore(self, state: bytes | None) -> None:
        """Take up a stored state, or the empty one.

        Raises:
            DetectorError: The bytes are damaged or were made with another model, or it is not
                started.
        """
        self._pending = None
        self._take_up(state)
        self._state = state

    def close(self) -> None:
        """Let go of the model."""
        self._scorer = None
        self._told = None

    def _loaded(self) -> "HostScorer":
        if self._scorer is None:
            raise DetectorError("The host detector is not started.")
        return self._scorer

    def _take_up(self, state: bytes | None) -> None:
        restored, arrays = self._loaded().restore(state)
        if state is not None and not restored.is_warm:
            raise DetectorError(restored.note)
        self._told, self._calls = _told_in(arrays), unpack(arrays.get(_CALLS))
        if state is not None:
            logger.info("The host detector goes on. note=%s", restored.note)


def _told_in(arrays: "Arrays") -> "Told | None":
    if _TOLD not in arrays:
        return None
    from soc_copilot.detection.host.telling import unpack

    return unpack(arrays[_TOLD])
