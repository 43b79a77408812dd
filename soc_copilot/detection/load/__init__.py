"""The load detector: a regular series watched for manipulation, by forecasts of its next hours."""

from collections.abc import Mapping

from soc_copilot.detection.protocol import Detector, SettingValue


def create(settings: Mapping[str, SettingValue]) -> Detector:
    """The detector of series that come in; its model is loaded by `start`."""
    from soc_copilot.detection.load.live import LoadDetector  # late: the rest needs no pipeline

    return LoadDetector()
