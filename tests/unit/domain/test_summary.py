from dataclasses import FrozenInstanceError

import pytest

from soc_copilot.domain.summary import DetectorHealth


def test_health_is_frozen_so_that_threads_may_share_it() -> None:
    health = DetectorHealth("web", "Web", "1", "ok")
    with pytest.raises(FrozenInstanceError):
        health.state = "open"  # type: ignore[misc]
