"""/analyze keeps to its own description, whatever the calls (schemathesis)."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode

from soc_copilot.domain.phishing import CONTENT_TYPES
from tests.unit.phishing.parts import FakePart
from tests.unit.service.analysis_parts import Analysing
from tests.unit.service.parts import TOKEN

HEADERS = {"Authorization": f"Bearer {TOKEN.decode()}"}
N_EXAMPLES = 15  # of each endpoint and mode

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")


@pytest.fixture(scope="module")
def service() -> Iterator[Analysing]:
    with Analysing([FakePart("a", CONTENT_TYPES)]) as found:
        yield found


@pytest.fixture(scope="module")
def described(service: Analysing) -> Any:
    return schemathesis.openapi.from_url(f"{service.server.url}/openapi.json", headers=HEADERS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(
    "path", ["/analyze", "/analyze/jobs", "/analyze/session", "/analyze/cancel"]
)
def test_calls_are_answered_as_described(described: Any, path: str, mode: GenerationMode) -> None:
    @hypothesis.settings(
        max_examples=N_EXAMPLES, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(described[path]["POST"].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(headers=HEADERS)

    check()
