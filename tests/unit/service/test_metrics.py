from soc_copilot.detection.web.detector import Verdict
from soc_copilot.service.metrics import Metrics


def test_what_happened_is_counted_and_told() -> None:
    metrics = Metrics()
    metrics.watch("waiting_requests", "Waiting.", lambda: 3)
    metrics.answered("check", 200, 0.003)
    metrics.answered("check", 200, 0.003)
    metrics.answered("check", 429, 0.0001)
    threat = Verdict(0.99, is_threat=True, kind="sqli", reasons=())
    metrics.scored([threat, Verdict(0.1, is_threat=False, kind="", reasons=())], 0.002)
    lines = metrics.text().decode().splitlines()
    assert 'soc_copilot_calls_total{endpoint="check",status="200"} 2.0' in lines
    assert 'soc_copilot_calls_total{endpoint="check",status="429"} 1.0' in lines
    assert 'soc_copilot_call_seconds_bucket{endpoint="check",le="0.004"} 3.0' in lines
    assert 'soc_copilot_verdicts_total{attack_class="sqli",verdict="threat"} 1.0' in lines
    assert 'soc_copilot_verdicts_total{attack_class="",verdict="pass"} 1.0' in lines
    assert "soc_copilot_batch_requests_sum 2.0" in lines
    assert "soc_copilot_waiting_requests 3.0" in lines


def test_two_services_count_apart() -> None:
    one, other = Metrics(), Metrics()
    one.answered("check", 200, 0.1)
    assert b'endpoint="check"' not in other.text()
