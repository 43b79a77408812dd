"""The authentication detector: windowed rules over logins, sudo, su and accounts."""

from collections.abc import Mapping

from soc_copilot.detection.auth.detector import AuthDetector
from soc_copilot.detection.protocol import SettingValue


def create(settings: Mapping[str, SettingValue]) -> AuthDetector:
    """The detector; its thresholds are in `rules` and no setting changes them."""
    return AuthDetector()
