from prometheus_client import CollectorRegistry, generate_latest

from soc_copilot.phishing.orchestrator import PartHealth
from soc_copilot.service.analyze_metrics import AnalyzeMetrics


def test_all_figures_of_the_pipeline_are_there() -> None:
    registry = CollectorRegistry()
    metrics = AnalyzeMetrics(registry)
    metrics.watch(
        lambda: {"queued": 3, "done": 7},
        lambda: [PartHealth("url", "1", "open"), PartHealth("visual", "", "missing")],
        lambda: 5,
    )
    metrics.answered("url", "phish", 0.003)
    metrics.seen("url", "ok", 0.002, 8)
    metrics.seen("url", "failed", 0.002, 1)
    metrics.looked(True)
    metrics.looked(False)
    text = generate_latest(registry).decode()
    for line in (
        'soc_copilot_analyses_total{content_type="url",prediction="phish"} 1.0',
        'soc_copilot_analysis_seconds_bucket{content_type="url",le="0.0025"} 0.0',
        'soc_copilot_analysis_seconds_bucket{content_type="url",le="0.005"} 1.0',
        'soc_copilot_inference_seconds_count{model="url"} 2.0',
        'soc_copilot_inference_failures_total{model="url"} 1.0',
        'soc_copilot_cache_lookups_total{result="hit"} 1.0',
        'soc_copilot_cache_lookups_total{result="miss"} 1.0',
        'soc_copilot_jobs{status="queued"} 3.0',
        'soc_copilot_jobs{status="running"} 0.0',
        'soc_copilot_jobs{status="done"} 7.0',
        "soc_copilot_websockets 5.0",
        'soc_copilot_model_loaded{model="url"} 1.0',
        'soc_copilot_model_loaded{model="visual"} 0.0',
        'soc_copilot_model_state{model="url",state="open"} 1.0',
        'soc_copilot_model_state{model="url",state="ok"} 0.0',
    ):
        assert line in text
