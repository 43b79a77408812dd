import gc
import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import Actor
from soc_copilot.governance.database import Governance
from soc_copilot.phishing.loading import Loaded
from soc_copilot.service import running
from soc_copilot.service.config import make_config
from soc_copilot.service.running import RunningService, settle_memory, take_turns
from soc_copilot.settings import SETTINGS

ACTOR = Actor("ann", "cli")
PATIENCE_S = 60.0
QUIET = {  # the process that stores loads no model
    setting.key: False
    for setting in SETTINGS
    if setting.key.startswith("detection.") and setting.key.endswith(".enabled")
}


def test_a_disabled_source_keeps_the_service_from_answering(tmp_path: Path) -> None:
    db = tmp_path / "governance.db"
    with Governance.open(db, actor=ACTOR, home=tmp_path) as governance:
        source = governance.sources.add("service", "service")
        governance.sources.set_enabled(source.id, enabled=False)
    config = make_config({"port": 0, "host_events": "no"})
    service = RunningService(config, db, actor=ACTOR, home=tmp_path)
    with pytest.raises(SourceError, match=f"sources enable {source.id}"), service:
        pass
    assert not service.is_running


def test_what_is_not_open_stores_nothing_and_closes_quietly(tmp_path: Path) -> None:
    service = RunningService(make_config({}), tmp_path / "g.db", home=tmp_path)
    assert service.token_path == tmp_path / "keys" / "service.token"
    assert (service.url, service.halted, service.trouble) == ("", "", "")
    with pytest.raises(RuntimeError):
        service.run_batch(threading.Event())
    service.close()


def test_the_token_may_lie_elsewhere(tmp_path: Path) -> None:
    config = make_config({"token_file": str(tmp_path / "x.token")})
    assert RunningService(config, tmp_path / "g.db").token_path == tmp_path / "x.token"


@pytest.mark.slow
def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    db = tmp_path / "governance.db"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config = make_config({"port": taken.getsockname()[1], "host_events": "no"})
        with (
            pytest.raises(SourceError, match="Cannot listen"),
            RunningService(config, db, actor=ACTOR, home=tmp_path),
        ):
            pass
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {
        "service",
        "kill-switch",
        "spool-sync",
        "service-recording",
        "service-store",
    }
    # The same place can be used again at once.
    config = make_config({"port": 0, "host_events": "no"})
    with RunningService(config, db, actor=ACTOR, settings=QUIET, home=tmp_path) as service:
        assert service.is_running
        assert service.model_version.startswith("web-")
        assert service.storing is not None
        assert service.storing.pid not in {0, os.getpid()}
        with pytest.raises(RuntimeError):  # another process has it
            _ = service.session
        assert service.run_batch(threading.Event()) is None
        assert service.trouble == ""
    with Governance.open(db, actor=ACTOR, home=tmp_path) as governance:
        actions = [row.action for row in governance.audit.rows()]
        assert actions.count("service.started") == actions.count("service.stopped") == 1


def test_what_is_loaded_is_not_looked_through_again() -> None:
    before = gc.get_freeze_count()
    try:
        settle_memory()
        assert gc.get_freeze_count() > before
        assert len(gc.get_objects(generation=2)) < gc.get_freeze_count()
    finally:
        gc.unfreeze()


def test_threads_take_turns_sooner():
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        take_turns()
        assert sys.getswitchinterval() < 0.002
    finally:
        sys.setswitchinterval(before)


@pytest.mark.slow
def test_a_phishing_model_that_is_missing_is_told_on_the_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Loaded((), (("url", "No such file."),))
    monkeypatch.setattr(running, "load_parts", lambda brands: found)
    db = tmp_path / "governance.db"
    config = make_config({"port": 0, "host_events": "no"})
    end = time.monotonic() + PATIENCE_S
    with (
        RunningService(config, db, actor=ACTOR, settings=QUIET, home=tmp_path) as service,
        Governance.open(db, actor=ACTOR, home=tmp_path) as governance,
    ):
        assert service.analysis is not None
        assert service.analysis.health()[0].state == "missing"
        told: list[str] = []
        while not told:
            assert time.monotonic() < end
            service.run_batch(threading.Event())
            told = [row.event.message for row in governance.sources.events()]
    assert told == ["The model url is not loaded. No such file."]


def test_the_phishing_models_may_be_left_out(tmp_path: Path) -> None:
    config = make_config({"phishing.enabled": "no"})
    service = RunningService(config, tmp_path / "g.db", home=tmp_path)
    assert service._phishing() is None
