import dataclasses

import pytest

from soc_copilot.domain.web import WebStanding


def test_a_standing_of_harmless_requests_holds_a_number_alone() -> None:
    standing = WebStanding(7)
    assert (standing.n_threats, standing.classes, standing.requests) == (0, (), ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        standing.n_threats = 1  # type: ignore[misc]
