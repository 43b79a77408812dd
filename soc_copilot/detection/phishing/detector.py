"""The phishing detector: messages out of drop folders scored, verdicts of our service taken over.

What our own service analysed comes with its score and is not scored again: the service may have
seen more than the line holds, a picture of a page for one, and its answer was given.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from soc_copilot.detection.phishing.findings import Flagged, build_findings
from soc_copilot.detection.protocol import DetectorInfo
from soc_copilot.domain import columns as c
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch
from soc_copilot.domain.findings import Detections
from soc_copilot.domain.mail_lines import content_of_line
from soc_copilot.domain.phishing import PHISH_SCORE, Content, PartResult, Reason

if TYPE_CHECKING:
    from soc_copilot.detection.phishing.analysers import MailAnalyser, TextAnalyser

logger = logging.getLogger(__name__)

NAME: Final = "phishing"
TITLE: Final = "Phishing"
TECHNIQUES: Final = ("T1566", "T1566.001", "T1566.002", "T1566.003")
_AT_ONCE: Final = 64  # chosen: messages scored together, which bounds memory

Floats = npt.NDArray[np.float32]
Reasons = tuple[Reason, ...]


class PhishingDetector:
    """Scores messages and pages by the language models; remembers nothing.

    Args:
        threshold: Score from which a finding is made.
        parts: What scores e-mails and texts; the shipped models when None.

    Thread:
        One at a time.
    """

    def __init__(
        self,
        threshold: float = PHISH_SCORE,
        parts: "tuple[MailAnalyser, TextAnalyser] | None" = None,
    ) -> None:
        self._given = parts
        self._parts: tuple[MailAnalyser, TextAnalyser] | None = None
        self.info = DetectorInfo(
            name=NAME,
            title=TITLE,
            version="",
            threshold=threshold,
            techniques=TECHNIQUES,
            wants=(c.PHISH_KIND,),
            accelerated=False,
        )

    def start(self, device: str) -> None:
        """Load the models; they run on the CPU wherever others do.

        Raises:
            DetectorError: A model is missing or damaged.
        """
        from soc_copilot.detection.phishing.analysers import MailAnalyser, TextAnalyser

        mail, text = self._given or (MailAnalyser(), TextAnalyser())
        versions = dict.fromkeys("+".join((mail.version, text.version)).split("+"))
        self._parts = (mail, text)
        self.info = replace(self.info, version="+".join(versions))

    def detect(self, batch: EventBatch) -> Detections:
        """Score every event that holds a content; NaN for the others."""
        scores = np.full(batch.n_events, np.nan, np.float32)
        rows = np.flatnonzero(batch.frame[c.PHISH_KIND].is_not_null().to_numpy())
        if not len(rows):
            return Detections(NAME, scores)
        frame = batch.frame[rows.astype(np.uint32)]
        told = self._told(frame)
        fresh = np.flatnonzero(np.isnan(told))
        reasons: dict[int, Reasons] = {}
        if len(fresh):
            lines = frame[c.ORIGINAL].gather(fresh.astype(np.uint32)).to_list()
            for at, result in zip(fresh.tolist(), self._score(lines), strict=True):
                if result is not None and result.score is not None:
                    told[at] = result.score
                    reasons[at] = result.reasons
        scores[rows] = told
        hits = np.flatnonzero(self._is_phish(frame, told, fresh))
        if not len(hits):
            return Detections(NAME, scores)
        why = {i: reasons.get(at) for i, at in enumerate(hits.tolist())}
        flagged = Flagged(rows[hits], told[hits], why)
        findings = build_findings(
            batch, flagged, threshold=self.info.threshold, version=self.info.version
        )
        return Detections(NAME, scores, findings)

    def _is_phish(
        self, frame: pl.DataFrame, scores: Floats, fresh: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.bool_]:
        """What becomes alerts: by the threshold, and as our service answered."""
        is_phish = scores >= self.info.threshold  # NaN reaches nothing
        if len(fresh) < frame.height and c.PHISH_VERDICT in frame.columns:
            said = (frame[c.PHISH_VERDICT] == "phish").fill_null(value=False).to_numpy().copy()
            said[fresh] = is_phish[fresh]
            return said
        return is_phish

    @staticmethod
    def _told(frame: pl.DataFrame) -> Floats:
        """Scores that came with the contents, NaN where none did."""
        if c.PHISH_SCORE not in frame.columns:
            return np.full(frame.height, np.nan, np.float32)
        return frame[c.PHISH_SCORE].cast(pl.Float32).fill_null(np.nan).to_numpy().copy()

    def _score(self, lines: Sequence[str | None]) -> list[PartResult | None]:
        """What the models say of each line; None where it holds nothing they could read."""
        if self._parts is None:
            raise DetectorError("The phishing detector is not started.")
        mail, text = self._parts
        contents = [content_of_line(line or "") for line in lines]
        found: list[PartResult | None] = [None] * len(lines)
        for part, kind in ((mail, "email"), (text, "text")):
            at = [i for i, one in enumerate(contents) if one is not None and one.kind == kind]
            for start in range(0, len(at), _AT_ONCE):
                some = at[start : start + _AT_ONCE]
                picked = [one for i in some if (one := contents[i]) is not None]
                for i, result in zip(some, _analysed(part, picked), strict=True):
                    found[i] = result
        return found

    def commit(self) -> None:
        """Nothing to keep."""

    def rollback(self) -> None:
        """Nothing to forget."""

    def restore(self, state: bytes | None) -> None:
        """Nothing to take up."""

    def close(self) -> None:
        """Let go of the models."""
        self._parts = None


def _analysed(
    part: "MailAnalyser | TextAnalyser", contents: Sequence[Content]
) -> list[PartResult | None]:
    """Results of contents; one that breaks the model costs the others nothing.

    Raises:
        DetectorError: The model scores none of them.
    """
    try:
        return list(part.analyse_many(contents))
    except Exception:
        logger.exception("Messages cannot be scored together. n=%d", len(contents))
    found: list[PartResult | None] = []
    failure: Exception | None = None
    for content in contents:
        try:
            found.append(part.analyse(content))
        except Exception as error:
            logger.exception("A message cannot be scored.")
            failure = error
            found.append(None)
    if failure is not None and not any(found):
        raise DetectorError(f"No message can be scored ({type(failure).__name__}).") from failure
    return found
