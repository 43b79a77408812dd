from typing import get_args, get_type_hints

from soc_copilot.service.analyze_schema import DESCRIBED, AnalyzeRequest, JobsRequest
from soc_copilot.service.analyze_wire import AnalyzeCall, JobsCall


def test_what_is_described_is_what_is_read() -> None:
    assert set(AnalyzeRequest.model_fields) == set(AnalyzeCall.__struct_fields__)
    assert set(JobsRequest.model_fields) == set(JobsCall.__struct_fields__)
    for name, hint in get_type_hints(AnalyzeCall).items():
        if get_args(hint):
            assert get_args(AnalyzeRequest.model_fields[name].annotation) == get_args(hint)


def test_every_endpoint_is_described() -> None:
    assert set(DESCRIBED) == {"analyze", "analyze_jobs", "analyze_cancel"}
