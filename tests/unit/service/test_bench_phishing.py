import msgspec
import pytest

from soc_copilot.service.analyze_wire import AnalyzeCall
from soc_copilot.service.bench_phishing import bench_phishing, made_up


@pytest.mark.parametrize("kind", ["url", "text", "email", "mix"])
def test_contents_are_distinct_and_what_the_service_takes(kind: str) -> None:
    rows = made_up(kind, 500)
    assert len({row["content"] for row in rows}) == 500
    calls = [msgspec.convert(row, AnalyzeCall) for row in rows]
    kinds = {call.content_type for call in calls}
    assert kinds == ({"url", "text", "email"} if kind == "mix" else {kind})
    assert rows == made_up(kind, 500)


def test_everything_is_measured() -> None:
    found = bench_phishing(0.2, concurrent=(1, 2), clients=(2,))
    assert [(one.kind, one.load.concurrent) for one in found.load] == [
        (kind, n) for kind in ("url", "text", "email", "mix") for n in (1, 2)
    ]
    assert all(one.load.n_requests and not one.load.n_errors for one in found.load)
    assert all(one.cpu_ms > 0 for one in found.load)
    assert found.hit.load.n_errors == 0
    assert found.sockets[0].n_messages > 0
    assert found.to_json()["load"][0]["kind"] == "url"
