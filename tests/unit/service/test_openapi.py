import asyncio
from typing import Any

from soc_copilot.service import events
from soc_copilot.service.front import make_routes
from soc_copilot.service.openapi import BatchRequest, CheckRequest, Event
from soc_copilot.service.wire import _KEYS
from tests.unit.service.parts import Service


def description(service: Service) -> Any:
    return service.call("GET", "/openapi.json")[2]


def test_every_endpoint_is_described_with_its_token_and_refusals() -> None:
    with Service() as service:
        found = description(service)
        paths = found["paths"]
        assert set(paths) == set(make_routes(_no_endpoints()))
        check = paths["/check"]["post"]
        assert check["security"] == [{"bearer": []}]
        assert {"200", "401", "413", "415", "421", "422", "429", "503", "504"} <= set(
            check["responses"]
        )
        assert "security" not in paths["/health"]["get"]
        schema = check["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/CheckRequest"}
        assert found["components"]["schemas"]["CheckRequest"]["additionalProperties"] is False
        # Scripts from elsewhere are loaded by no page of ours.
        assert service.call("GET", "/docs")[0] == 404


def _no_endpoints() -> Any:
    class Nothing:
        def __getattr__(self, name: str) -> Any:
            return asyncio.sleep

    return Nothing()


def test_the_description_names_what_is_read() -> None:
    assert set(CheckRequest.model_fields) == set(_KEYS)
    assert set(BatchRequest.model_fields) == {"requests"}
    assert set(Event.model_fields) == set(_event_keys())


def _event_keys() -> tuple[str, ...]:
    return events._KEYS


def test_answers_through_the_framework_are_those_of_the_endpoint() -> None:
    with Service() as service:
        status, headers, answer = service.call(
            "POST", "/check/batch", {"requests": [{"path": "/attack"}, {"pth": 1}]}
        )
        assert (status, answer["error"]["code"]) == (422, "bad_request")
        assert headers["cache-control"] == "no-store"
        assert headers["content-type"] == "application/json"
        text = service.call("GET", "/metrics")[2].decode()
        assert 'soc_copilot_calls_total{endpoint="check_batch",status="422"} 1.0' in text
