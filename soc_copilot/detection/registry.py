"""Which detectors there are: ours and third parties', found by entry point."""

import logging
from collections.abc import Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from soc_copilot.detection.protocol import (
    AbsentDetector,
    Detector,
    DetectorInfo,
    SettingValue,
)

logger = logging.getLogger(__name__)

GROUP: Final = "soc_copilot.detectors"
_CALLS: Final = ("start", "detect", "commit", "rollback", "restore", "close")


def load_detectors(
    settings: Mapping[str, SettingValue], points: Iterable[EntryPoint] | None = None
) -> list[Detector]:
    """Every detector that is installed, in the order of their names.

    A detector that is switched off (`detection.<name>.enabled` is False), fails to load or
    does not have a detector's shape is there as an `AbsentDetector` that says why.

    Args:
        settings: Values by key; those missing count as their default.
        points: The entry points to use; the installed ones when None.
    """
    found = entry_points(group=GROUP) if points is None else points
    detectors: dict[str, Detector] = {}
    for point in sorted(found, key=lambda p: (p.name, p.value)):
        if point.name in detectors:
            logger.warning("Two detectors have one name; the first is used. name=%s", point.name)
            continue
        detectors[point.name] = _load(point, settings)
    return list(detectors.values())


def _load(point: EntryPoint, settings: Mapping[str, SettingValue]) -> Detector:
    if settings.get(f"detection.{point.name}.enabled", True) is False:
        return AbsentDetector(
            point.name, _title(point.name), "Switched off in the settings.", disabled=True
        )
    try:
        detector = point.load()(settings)
        fault = _fault(detector, point.name)
    except (Exception, SystemExit) as error:
        logger.exception("Cannot load a detector. name=%s", point.name)
        fault = f"{type(error).__name__}: {error}"
    if fault:
        reason = (
            f'Cannot load the detector "{point.name}" from {point.value}: {fault}. '
            "Install it again, or switch it off in the settings."
        )
        return AbsentDetector(point.name, _title(point.name), reason, disabled=False)
    loaded: Detector = detector
    return loaded


def _fault(detector: object, name: str) -> str:
    """Why the object is not a detector of this name; empty when it is one."""
    missing = [call for call in _CALLS if not callable(getattr(detector, call, None))]
    if missing:
        return f"it has no {', '.join(missing)}"
    info = getattr(detector, "info", None)
    if not isinstance(info, DetectorInfo):
        return "its info is not a DetectorInfo"
    if info.name != name:
        return f'it calls itself "{info.name}"'
    if not 0.0 <= info.threshold <= 1.0:
        return f"its threshold {info.threshold} is outside [0, 1]"
    return ""


def _title(name: str) -> str:
    return name.replace("_", " ").replace("-", " ").capitalize()
