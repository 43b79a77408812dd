"""The web detector as the service calls it, and its verdicts as the service tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from soc_copilot.detection.device import pick_device
from soc_copilot.detection.web.classes import CLASSES
from soc_copilot.detection.web.detector import Verdict, WebDetector
from soc_copilot.detection.web.request import Request
from soc_copilot.domain.errors import PolicyError
from soc_copilot.service.config import ServiceConfig
from soc_copilot.service.wire import Checked

_KINDS: Final = {kind.name: kind for kind in CLASSES}
_DIGITS: Final = 6  # chosen: decimals of scores
_MARKED_CHARS: Final = 200  # chosen: of one marked part in an answer
# One of each kind: what is compiled or loaded at first use is there before anybody calls.
_WARM: Final = (
    Checked(Request(path="/", query="q=warm+up")),
    Checked(Request(path="/", query="q=1'+union+select+password+from+users--")),
)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is loaded; what `/model/info` tells."""

    version: str
    budget: str
    threshold: float
    device: str

    @property
    def shown_threshold(self) -> float:
        """The threshold with as many decimals as scores are told with."""
        return round(self.threshold, _DIGITS)


class WebScorer:
    """One loaded web detector.

    Thread:
        One at a time.
    """

    def __init__(self, detector: WebDetector, info: ModelInfo) -> None:
        self._detector = detector
        self._own_threshold = detector.threshold
        self.info = info

    @classmethod
    def load(cls, config: ServiceConfig) -> "WebScorer":
        """Load the model that the configuration names; the first request is scored at once.

        Raises:
            DetectorError: It cannot be loaded, or the device is not there.
            PolicyError: The configuration asks for what this model cannot do.
        """
        _refuse_unknown(config)
        device, _ = pick_device(config.device)
        detector = WebDetector(config.budget, Path(config.model) if config.model else None)
        detector.start(device)
        threshold = config.threshold or detector.threshold
        if threshold < detector.threshold:
            raise PolicyError(
                f'"threshold" is {threshold:g}, below the {detector.threshold:g} of the budget '
                f"{config.budget}. Choose a larger budget, or a threshold above that."
            )
        info = ModelInfo(detector.info.version, config.budget, threshold, device)
        scorer = cls(detector, info)
        scorer.score(_WARM)
        return scorer

    def score(self, requests: Sequence[Checked]) -> list[Verdict]:
        """One verdict each, in order."""
        verdicts = self._detector.score_requests([checked.request for checked in requests])
        if self.info.threshold == self._own_threshold:
            return verdicts
        return [
            Verdict(v.score, is_threat=False, kind="", reasons=())
            if v.is_threat and v.score < self.info.threshold
            else v
            for v in verdicts
        ]

    def close(self) -> None:
        """Let go of the model."""
        self._detector.close()


def _refuse_unknown(config: ServiceConfig) -> None:
    if config.inference.quantization == "int8" or config.inference.compiled == "true":
        raise PolicyError(
            "The web model has one form of its own; set inference.quantization and "
            "inference.compiled to auto."
        )


def told(verdict: Verdict, info: ModelInfo) -> dict[str, Any]:
    """A verdict as answers tell it."""
    kind = _KINDS.get(verdict.kind)
    return {
        "score": round(verdict.score, _DIGITS),
        "threshold": info.shown_threshold,
        "is_threat": verdict.is_threat,
        "confidence": round(verdict.confidence, _DIGITS),
        "attack_class": verdict.kind or None,
        "attack_title": kind.title if kind else None,
        "techniques": [name for name in (verdict.technique, verdict.capec) if name],
        "part": verdict.part or None,
        "marked": [verdict.text[start:end][:_MARKED_CHARS] for start, end in verdict.marked],
        "decoding": list(verdict.decoding),
        "reasons": list(verdict.reasons),
        "model_version": info.version,
    }
