import json
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.service.bench import LoadPlan, drive, drive_apart, made_up
from soc_copilot.service.wire import read_check, read_json
from tests.unit.service.parts import PATIENCE_S, TOKEN, Service


def test_made_up_requests_are_distinct_and_taken() -> None:
    rows = made_up(500)
    assert rows == made_up(500)
    assert len({json.dumps(row) for row in rows}) == 500
    for row in rows:
        read_check(read_json(json.dumps(row).encode()))


def test_answers_are_counted_here_and_in_a_process_apart(tmp_path: Path) -> None:
    bodies = [json.dumps(row).encode() for row in made_up(50)]
    path = tmp_path / "requests.jsonl"
    path.write_bytes(b"\n".join(bodies))
    with Service() as service:
        plan = LoadPlan(service.server.port, TOKEN.decode(), 3, 0.3)
        here = drive(plan, bodies)
        apart = drive_apart(plan, path)
        began = time.perf_counter()
        paced = drive(replace(plan, rate_per_s=50.0), bodies)
        took_s = time.perf_counter() - began
    # Each connection sends its first at once; however slow the machine, not one comes too early.
    assert paced.n_requests <= 50.0 * took_s + plan.concurrent
    for found in (here, apart, paced):
        assert found.n_errors == 0
        assert found.n_requests > 0
        assert 0 < found.p50_ms <= found.p99_ms


def test_refusals_are_errors_and_clients_that_fail_are_told(tmp_path: Path) -> None:
    with Service() as service:
        plan = LoadPlan(service.server.port, "wrong", 2, 0.2)
        found = drive(plan, [b"{}"])
        assert found.n_errors >= found.n_requests > 0
        with pytest.raises(SourceError, match="clients failed"):
            drive_apart(plan, tmp_path / "none")


def test_a_service_that_answers_late_is_measured_all_the_same() -> None:
    service = Service()
    service.scorer.gate.clear()
    with service:
        plan = LoadPlan(service.server.port, TOKEN.decode(), 1, 0.05)

        def release() -> None:
            service.scorer.entered.wait(PATIENCE_S)
            service.scorer.gate.wait(0.5)  # longer than warming up and measuring
            service.scorer.gate.set()

        releasing = threading.Thread(target=release)
        releasing.start()
        found = drive(plan, [b'{"path":"/"}'])
        releasing.join()
    assert found.n_requests > 0
    assert found.n_errors == 0
    assert found.p50_ms > 0


def test_a_service_that_is_gone_is_told() -> None:
    with Service() as service:
        plan = LoadPlan(service.server.port, TOKEN.decode(), 1, 0.05)
    with pytest.raises(ConnectionError):
        drive(plan, [b"{}"])
