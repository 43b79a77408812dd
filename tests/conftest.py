"""What every test shares."""

from collections.abc import Iterator

import hypothesis
import pytest

from soc_copilot.governance import reserve

# How long an example takes depends on what else the machine does; a hang is pytest's to end.
hypothesis.settings.register_profile("project", deadline=None)
hypothesis.settings.load_profile("project")


@pytest.fixture(scope="session", autouse=True)
def _small_reserve() -> Iterator[None]:
    """Let the thousands of databases that tests make set little room aside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reserve, "RESERVE_BYTES", 64 * 1024)
        patch.setattr(reserve, "MARGIN_BYTES", 64 * 1024)
        yield
