import numpy as np

from soc_copilot.detection.host import heuristics
from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.features import N_FEATURES, Feature
from soc_copilot.detection.host.tracking import Tracker


def test_nothing_scores_nothing_and_enough_scores_half():
    features = np.zeros((3, N_FEATURES), np.float32)
    features[1, Feature.OVERWRITTEN] = np.log1p(heuristics.ENOUGH)
    features[1:, Feature.HARM_SHARE] = 1.0
    features[2, Feature.OVERWRITTEN] = np.log1p(50.0)
    scores = heuristics.score(features)
    assert scores[0] == 0.0
    assert abs(scores[1] - 0.5) < 0.01
    assert scores[2] > 0.98


def test_breadth_raises_and_company_lowers_it():
    features = np.zeros((3, N_FEATURES), np.float32)
    features[:, Feature.REPLACED] = np.log1p(4.0)
    features[:, Feature.HARM_SHARE] = (1.0, 1.0, 0.1)
    features[1, Feature.HARM_FOLDERS] = np.log1p(6.0)
    plain, broad, busy = heuristics.loss(features)
    assert busy < plain < broad


def test_it_rises_with_every_file_that_becomes_noise():
    events = [
        HostEvent("", n / 10, Operation.WRITE, f"d{n % 3}/f{n}.txt", size=9_000.0, entropy=7.953)
        for n in range(16)
    ]
    scores = heuristics.score(Tracker(2, 1 << 10).advance(from_events(events)))
    assert (np.diff(scores) > 0).all()
    assert scores[0] < 0.1
    assert scores[-1] > 0.9
