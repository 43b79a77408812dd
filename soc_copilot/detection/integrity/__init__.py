"""The integrity detector: lines that are made to blind or to mislead whoever reads the log."""

from collections.abc import Mapping

from soc_copilot.detection.integrity.detector import IntegrityDetector
from soc_copilot.detection.protocol import SettingValue


def create(settings: Mapping[str, SettingValue]) -> IntegrityDetector:
    """The detector; its rules are in `rules` and no setting changes them."""
    return IntegrityDetector()
