from datetime import UTC, datetime

import pytest

from soc_copilot.domain.streams import StreamScore


@pytest.mark.parametrize(("score", "is_threat"), [(0.79, False), (0.8, True), (1.0, True)])
def test_a_stream_is_a_threat_from_its_threshold_on(score: float, is_threat: bool) -> None:
    at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    judged = StreamScore("host", "3/web-1/root", 3, "web-1", at, score, 0.8, 5)
    assert judged.is_threat is is_threat
