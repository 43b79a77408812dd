"""Scores URLs, e-mails and short texts for phishing; nothing is ever fetched."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from soc_copilot.domain.phishing import PHISH_SCORE

# What reads messages in a child process needs this package, and neither detectors nor Polars.
if TYPE_CHECKING:
    from soc_copilot.detection.protocol import Detector, SettingValue


def create(settings: "Mapping[str, SettingValue]") -> "Detector":
    """The phishing detector; its models are loaded by `start`.

    Args:
        settings: Values by key; `detection.phishing.threshold` is the one used.
    """
    from soc_copilot.detection.phishing.detector import PhishingDetector

    return PhishingDetector(float(settings.get("detection.phishing.threshold", PHISH_SCORE)))
