from typing import get_args, get_type_hints

from soc_copilot.service.analyze_schema import (
    DESCRIBED,
    AnalyzeEncodedRequest,
    AnalyzeRequest,
    JobsRequest,
    SessionRequest,
)
from soc_copilot.service.analyze_wire import AnalyzeCall, JobsCall, SessionCall


def test_what_is_described_is_what_is_read() -> None:
    assert set(JobsRequest.model_fields) == set(JobsCall.__struct_fields__)
    assert set(SessionRequest.model_fields) == set(SessionCall.__struct_fields__)
    for model in (AnalyzeRequest, AnalyzeEncodedRequest):
        assert set(model.model_fields) == set(AnalyzeCall.__struct_fields__)
    hints = get_type_hints(AnalyzeCall)
    for name in ("content_type", "priority"):
        assert get_args(AnalyzeRequest.model_fields[name].annotation) == get_args(hints[name])
    encodings = [
        get_args(model.model_fields["encoding"].annotation)[0]
        for model in (AnalyzeRequest, AnalyzeEncodedRequest)
    ]
    assert tuple(encodings) == get_args(hints["encoding"])


def test_every_endpoint_is_described() -> None:
    assert set(DESCRIBED) == {
        "root",
        "analyze",
        "analyze_jobs",
        "analyze_session",
        "analyze_cancel",
    }
