"""The service keeps to its own description, whatever the calls (schemathesis)."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode

from tests.unit.service.parts import PATIENCE_S, TOKEN, Service

HEADERS = {"Authorization": f"Bearer {TOKEN.decode()}"}
N_EXAMPLES = 15  # of each endpoint and mode
MIRROR = "/check/mirror"  # takes every method, though one is described

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning")


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service(host_events="yes", timeout_s=PATIENCE_S) as found:
        event = {"timestamp": 1.0, "operation": "write", "path": "/a"}
        while found.call("POST", "/predict", event)[0] == 503:
            pass  # the host model is being loaded
        yield found


@pytest.fixture(scope="module")
def described(service: Service) -> Any:
    return schemathesis.openapi.from_url(f"{service.server.url}/openapi.json", headers=HEADERS)


ENDPOINTS = [
    ("POST", "/check"), ("POST", "/check/batch"), ("GET", "/check/nginx"), ("POST", MIRROR),
    ("POST", "/predict"), ("GET", "/health"), ("GET", "/model/info"), ("GET", "/metrics"),
]  # fmt: skip


def test_every_endpoint_is_tried(described: Any) -> None:
    found = [result.ok() for result in described.get_all_operations()]
    assert {(one.method.upper(), one.path) for one in found} == set(ENDPOINTS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: str(mode.value))
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_every_call_is_answered_as_described(
    described: Any, method: str, path: str, mode: GenerationMode
) -> None:
    operation = described[path][method]
    left_out = [schemathesis.checks.unsupported_method] if path == MIRROR else []

    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    @hypothesis.settings(
        max_examples=N_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    def call(case: schemathesis.Case) -> None:
        case.call_and_validate(
            headers=HEADERS, timeout=PATIENCE_S, excluded_checks=left_out, allow_redirects=False
        )

    try:
        call()
    except hypothesis.errors.Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing can be wrong with a call without input
