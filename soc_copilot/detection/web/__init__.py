"""Scores HTTP requests, from access logs or whole, for attacks."""

from collections.abc import Mapping

from soc_copilot.detection.protocol import SettingValue
from soc_copilot.detection.web.detector import WebDetector


def create(settings: Mapping[str, SettingValue]) -> WebDetector:
    """The web detector; its model is loaded by `start`.

    Args:
        settings: Values by key; `detection.web.budget` is the one used.
    """
    return WebDetector(budget=str(settings.get("detection.web.budget", "0.1%")))
