import numpy as np
import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation
from soc_copilot.detection.host.deeds import Deed
from soc_copilot.detection.host.detector import HostScorer, HybridThreatDetector
from soc_copilot.detection.host.explain import MAX_REASONS, explain, reasons, short, words
from soc_copilot.detection.host.features import Feature
from soc_copilot.detection.host.prediction import Components
from tests.unit.detection.host.making import BEGAN_S, attack, model, work

QUIET = Components(0.2, 0.45, 0.1, 0.1)


@pytest.fixture(scope="module")
def detector():
    return HybridThreatDetector(model=model(), device="cpu")


def _window(detector, events):
    scorer = HostScorer(detector, n_streams=4, n_files=1_024)
    for event in events:
        scorer.process_one(event)
    return scorer.memory.windows.buffer(events[0].stream)


def _words(detector, events, components=QUIET):
    window = _window(detector, events).window()
    return words(window.features[-1], components, window)


def test_files_overwritten_are_counted_with_folders_formats_and_names(detector):
    found = _words(detector, attack(14))
    assert found[0] == (
        "14 files that were there hold unreadable content now, in 5 folders and 4 formats "
        "(last: /srv/docs/3/file13.docx, /srv/docs/2/file12.txt)."
    )
    assert any("were lost within 10 s." in text for text in found)
    assert len(found) <= MAX_REASONS


def test_more_files_than_the_window_shows_are_at_least_so_many(detector):
    found = _words(detector, attack(150, step_s=0.01))[0]
    number = int(found.removeprefix("At least ").split()[0])
    assert found.startswith("At least ")
    assert 64 < number <= 150


def test_a_new_extension_is_named(detector):
    events = []
    for i, event in enumerate(attack(8)):
        events += [
            event,
            HostEvent(
                f"r{i}", event.timestamp + 0.01, Operation.RENAME, event.path,
                f"{event.path}.lockd", event.size, entropy=event.entropy, stream=event.stream,
            ),
        ]  # fmt: skip
    found = _words(detector, events)
    assert "Files of 4 formats now end in one new extension (.lockd)." in found


def test_sensitive_places_are_named(detector):
    paths = ("/var/log/auth.log", "/var/log/audit.log", "/var/log/wtmp")
    events = [
        HostEvent(str(i), BEGAN_S + i, Operation.DELETE, path, stream="s")
        for i, path in enumerate(paths)
    ]
    found = _words(detector, events)
    assert "3 files that were there were deleted without a copy" in " ".join(found)
    assert any("sensitive place" in text and "/var/log/wtmp" in text for text in found)


def test_the_parts_speak_for_themselves_when_counters_are_silent(detector):
    window = _window(detector, work(1)).window()
    nothing = np.zeros(30, np.float32)
    assert words(nothing, QUIET, window) == (
        "The order of events is like that of attacks (sequence model: 0.20).",
    )
    found = words(nothing, Components(0.97, 0.7, 0.0, 0.9), window)
    assert "sequence model: 0.97" in found[0]
    assert "isolation forest: 0.70" in found[1]


def test_notes_and_slow_harm_are_told(detector):
    row = np.zeros(30, np.float32)
    row[Feature.NOTES] = np.log1p(6)
    row[Feature.HARM_SLOW] = np.log1p(9)
    row[Feature.HARM_SHARE] = 0.8
    window = _window(detector, work(1)).window()
    found = words(row, QUIET, window)
    assert "The same small file was put into 6 folders." in found
    assert "At least 9 files were lost in the last half hour." in found
    assert "80% of the files touched in the last minutes were lost." in found


def test_reasons_come_strongest_first(detector):
    window = _window(detector, attack(20)).window()
    found = reasons(window.features[-1], Components(0.99, 0.8, 0.99, 0.9), window)
    weights = [reason.weight for reason in found]
    assert weights == sorted(weights, reverse=True)
    assert found[0].feature == "overwritten"


def test_what_drove_a_score_is_the_attack_and_its_counters(detector):
    events = [*work(30, seed=4), *attack(10, began_s=60)]
    found = explain(detector, _window(detector, events))
    assert {effect.event.event_id for effect in found.events[:5]} <= {f"ea{i}" for i in range(10)}
    assert found.events[0].deed is Deed.OVERWRITTEN
    assert sum(effect.share for effect in found.events) <= 1 + 1e-6
    strongest = [effect.name for effect in found.features[:6]]
    # Which of them, the model decides; this one was not trained.
    assert len({name for name in strongest if name.startswith(("harm", "over", "ext"))}) >= 3
    assert sum(effect.effect for effect in found.features) > 0
    assert found.reasons


def test_an_empty_window_explains_nothing(detector):
    scorer = HostScorer(detector, n_streams=2, n_files=1_024)
    found = explain(detector, scorer.memory.windows.at(0))
    assert (found.reasons, found.features, found.events) == ((), (), ())


def test_long_paths_are_shown_by_their_end():
    assert short("/a/b.txt") == "/a/b.txt"
    assert short("x" * 500 + "/b.txt").endswith("/b.txt")
    assert len(short("x" * 500)) == 80
