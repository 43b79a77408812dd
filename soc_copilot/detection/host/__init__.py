"""The host detector: what programs do to files, told from what destroys them."""

from collections.abc import Mapping

from soc_copilot.detection.host.carried import HostVerdicts
from soc_copilot.detection.host.watcher import HostWatcher
from soc_copilot.detection.protocol import SettingValue


def create(settings: Mapping[str, SettingValue]) -> HostWatcher | HostVerdicts:
    """The host detector; its model is loaded by `start`.

    Args:
        settings: Values by key; `detection.host.threshold` is the one used, 0 being the model's
            own. With `detection.host.carried`, which no person sets, nothing is scored: verdicts
            are taken over alone.
    """
    if settings.get("detection.host.carried", False):
        return HostVerdicts()
    threshold = float(settings.get("detection.host.threshold", 0.0))
    return HostWatcher(threshold if threshold > 0 else None)
