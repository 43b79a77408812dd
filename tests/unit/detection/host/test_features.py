from soc_copilot.detection.host.features import FEATURES, N_FEATURES, Feature


def test_there_are_thirty_each_described_once():
    assert N_FEATURES == len(FEATURES) == 30
    assert [feature.name.lower() for feature in Feature] == [f.name for f in FEATURES]
    assert len({f.title for f in FEATURES}) == 30
    assert all(f.low < f.high and f.why.endswith(".") for f in FEATURES)
