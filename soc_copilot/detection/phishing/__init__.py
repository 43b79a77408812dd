"""Scores URLs, e-mails and short texts for phishing; nothing is ever fetched."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from soc_copilot.domain.phishing import PHISH_SCORE, Analyser

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


def create_url() -> Analyser:
    """The part for URLs; its model is loaded when it is first asked."""
    from soc_copilot.detection.phishing.analysers import UrlAnalyser

    return UrlAnalyser()


def create_email() -> Analyser:
    """The part for e-mails."""
    from soc_copilot.detection.phishing.analysers import MailAnalyser

    return MailAnalyser()


def create_text() -> Analyser:
    """The part for short texts and the text of saved pages."""
    from soc_copilot.detection.phishing.analysers import TextAnalyser

    return TextAnalyser()
