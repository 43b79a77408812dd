from importlib.metadata import EntryPoint

from soc_copilot.detection.protocol import AbsentDetector
from soc_copilot.detection.registry import GROUP, load_detectors


def point(name, value):
    return EntryPoint(name, value, GROUP)


AUTH = point("auth", "soc_copilot.detection.auth:create")


def test_ours_are_installed_under_their_names():
    assert {d.info.name for d in load_detectors({})} >= {
        "auth",
        "host",
        "integrity",
        "load",
        "phishing",
        "web",
    }


def test_a_detector_loads_by_its_entry_point():
    (detector,) = load_detectors({}, [AUTH])
    assert detector.info.name == "auth"
    assert not isinstance(detector, AbsentDetector)


def test_a_switched_off_detector_is_present_as_disabled():
    (detector,) = load_detectors({"detection.auth.enabled": False}, [AUTH])
    assert isinstance(detector, AbsentDetector)
    assert detector.disabled


def test_a_broken_plug_in_is_contained_and_named():
    points = [
        point("gone", "no.such.module:create"),
        point("bare", "builtins:dict"),
        point("leaver", "sys:exit"),
        point("liar", "soc_copilot.detection.auth:create"),
        AUTH,
    ]
    loaded = {d.info.name: d for d in load_detectors({}, points)}
    assert isinstance(loaded["gone"], AbsentDetector)
    assert "ModuleNotFoundError" in loaded["gone"].reason
    assert "it has no start" in loaded["bare"].reason
    assert "SystemExit" in loaded["leaver"].reason
    assert 'calls itself "auth"' in loaded["liar"].reason
    assert not isinstance(loaded["auth"], AbsentDetector)


def test_of_two_with_one_name_the_first_is_used():
    assert len(load_detectors({}, [AUTH, AUTH])) == 1
