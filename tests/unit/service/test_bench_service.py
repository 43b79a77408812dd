import json
from pathlib import Path

import pytest

from soc_copilot.cli import main


@pytest.mark.slow
def test_the_command_tells_how_fast_the_whole_service_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text('{"path":"/a"}\n{"path":"/b"}\n')
    options = ["--seconds", "0.5", "--concurrent", "2", "--steady", "0.5", "--requests", str(path)]
    assert main(["bench", "service", *options, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (load,) = told["load"]
    assert load["concurrent"] == 2
    assert load["n_requests"] > 0
    assert load["n_errors"] == told["steady"]["n_errors"] == 0
    assert told["steady"]["rate_per_s"] == pytest.approx(0.8 * load["requests_per_s"])
    assert told["cpu_ms"] > 0
