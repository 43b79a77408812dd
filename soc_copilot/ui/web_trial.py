"""One request scored on an analyst's wish, and what the model's card says of its presets. No Qt."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

if TYPE_CHECKING:
    from soc_copilot.detection.web.detector import Verdict, WebDetector
    from soc_copilot.detection.web.request import Request

BUDGET_KEY: Final = "detection.web.budget"
BUDGETS: Final = ("0.1%", "0.5%", "1%")


@dataclass(frozen=True, slots=True)
class Preset:
    """A threshold to choose.

    Attributes:
        budget: Its name, the share of harmless requests that it may flag: "0.1%".
        threshold: Score from which a request is a threat.
        fpr: Share of the harmless validation requests that reach it, None when not measured.
        tpr: Share of the attacks there that reach it, None when not measured.
    """

    budget: str
    threshold: float
    fpr: float | None = None
    tpr: float | None = None


@dataclass(frozen=True, slots=True)
class Presets:
    """What the card says.

    Attributes:
        version: Of the model.
        n_harmless: Harmless validation requests that the shares were measured on.
        presets: By budget.
    """

    version: str
    n_harmless: int
    presets: dict[str, Preset]


@dataclass(frozen=True, slots=True)
class Tried:
    """A pasted request and its verdict.

    Attributes:
        request: As it was read.
        verdict: The detector's.
        title: The class for people, "" when it is no threat.
        threshold: In force.
        budget: The preset in force.
    """

    request: "Request"
    verdict: "Verdict"
    title: str
    threshold: float
    budget: str


def read_presets(folder: Path | None = None) -> Presets:
    """Read the model card; for a job.

    Raises:
        DetectorError: It cannot be read.
    """
    path = (folder or bundled("models") / "web") / "card.json"
    try:
        card = json.loads(path.read_text("utf-8"))
        pooled = card["figures"]["pooled"]
        measured: dict[str, Any] = {
            "0.1%": {"fpr": pooled.get("fpr_here"), "tpr": pooled.get("tpr_here")},
            **card.get("presets", {}),
        }
        found = {
            str(name): Preset(
                str(name),
                float(threshold),
                measured.get(name, {}).get("fpr"),
                measured.get(name, {}).get("tpr"),
            )
            for name, threshold in card["thresholds"].items()
        }
        return Presets(str(card["version"]), int(pooled["rows"] - pooled["attacks"]), found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DetectorError(
            f'Cannot read the web model\'s card "{path.name}": {type(error).__name__}. '
            "Install the program again."
        ) from error


class Trial:
    """Scores pasted requests with the detector's own code; its model is loaded once a preset.

    Thread:
        One, never the GUI thread: `JobRunner.submit_model` gives it.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._budget = ""
        self._detector: WebDetector | None = None

    def score(self, text: str, budget: str) -> Tried:
        """Read a pasted text and score it.

        Raises:
            ParseError: It is no request; the message says what is missing.
            DetectorError: The model is missing or damaged.
        """
        from soc_copilot.detection.web.classes import CLASSES
        from soc_copilot.detection.web.pasted import parse_pasted

        request = parse_pasted(text)
        detector = self._started(budget)
        (verdict,) = detector.score_requests([request])
        title = next((kind.title for kind in CLASSES if kind.name == verdict.kind), "")
        return Tried(request, verdict, title, detector.threshold, budget)

    def _started(self, budget: str) -> "WebDetector":
        from soc_copilot.detection.web.detector import WebDetector

        if self._detector is None or self._budget != budget:
            detector = WebDetector(budget, self._folder)
            detector.start("cpu")
            self._detector, self._budget = detector, budget
        return self._detector
