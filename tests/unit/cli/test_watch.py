import json
import socket
from pathlib import Path

import pytest

from soc_copilot.cli import main
from soc_copilot.governance.database import Governance
from soc_copilot.settings import SETTINGS

LINE = (
    '192.0.2.{} - - [20/Nov/2026:10:00:{:02} +0000] "GET /a/{}.html HTTP/1.1" 200 10 "-" "curl/8"\n'
)


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOC_COPILOT_HOME", str(tmp_path / "home"))
    # Detectors are not what is tested here, and loading torch takes longer than the rest.
    database = tmp_path / "governance.db"
    with Governance.open(database) as governance:
        for setting in SETTINGS:
            if setting.key.startswith("detection.") and setting.key.endswith(".enabled"):
                governance.settings.set(setting.key, value=False)
    return database


def write_log(path: Path, n_lines: int) -> Path:
    path.write_text("".join(LINE.format(i % 250, i % 60, i) for i in range(n_lines)))
    return path


def watch(database: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    capsys.readouterr()
    assert main(["watch", "--db", str(database), "--json", "--until-idle", "0.3", *words]) == 0
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    return report


def test_every_line_is_in_the_ledger_and_a_second_run_adds_none(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "access.log", 250)
    first = watch(database, capsys, "--from-start", str(log))
    assert first["lines"] == 250
    (ledger,) = first["ledger"]  # type: ignore[misc]
    assert (ledger["lines"], ledger["parsed"], ledger["left_bytes"]) == (250, 250, 0)
    assert watch(database, capsys, "--from-start", str(log))["lines"] == 0


def test_a_line_without_its_end_is_left_and_said_to_be(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "access.log", 3)
    with log.open("a") as file:
        file.write("192.0.2.9 - - [20/Nov")
    (ledger,) = watch(database, capsys, "--from-start", str(log))["ledger"]  # type: ignore[misc]
    assert (ledger["lines"], ledger["left_bytes"]) == (3, 21)
    assert main(["watch", "--db", str(database), "--until-idle", "0.3"]) == 0
    assert "without its line end" in capsys.readouterr().out


def test_nothing_to_watch_is_said_with_the_way_out(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", "--db", str(database), "--until-idle", "0.1"]) == 2
    assert "sources add" in capsys.readouterr().err


def test_a_bad_batch_interval_is_refused(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "access.log", 1)
    assert main(["watch", "--db", str(database), "--batch-interval", "0", str(log)]) == 2
    assert "at least 0.1" in capsys.readouterr().err


def test_a_known_source_keeps_its_position_whatever_is_asked(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "access.log", 10)
    assert watch(database, capsys, str(log))["lines"] == 0  # new: from its end
    with log.open("a") as file:
        file.write(LINE.format(1, 1, 1))
    assert watch(database, capsys, "--from-start", str(log))["lines"] == 1


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_listener_can_be_watched(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    address = f"127.0.0.1:{free_port()}"
    report = watch(database, capsys, "--listen", f"syslog-udp={address}")
    (ledger,) = report["ledger"]  # type: ignore[misc]
    assert (ledger["source"], ledger["lines"]) == (address, 0)
    watch(database, capsys, "--listen", f"syslog-udp={address}")  # known by now
    with pytest.raises(SystemExit):
        main(["watch", "--listen", "telepathy=127.0.0.1:1"])
    assert "syslog-tls" in capsys.readouterr().err


def test_a_configuration_is_stored_and_its_sources_are_read(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_log(tmp_path / "access.log", 5)
    config = tmp_path / "c.yaml"
    config.write_text(
        "settings: {ingestion.batch_interval_s: 0.2}\n"
        "sources: [{path: access.log, from_start: yes}, {path: other.log, enabled: no}]\n"
    )
    assert watch(database, capsys, "--config", str(config))["lines"] == 5
    config.write_text("sources:\n  - path: 5\n    of: x\n")
    assert main(["watch", "--db", str(database), "--config", str(config)]) == 2
    assert "line 3" in capsys.readouterr().err


def test_a_known_source_is_watched_by_its_number(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        log = write_log(tmp_path / f"{name}.log", 3)
        main(["sources", "add", "--db", str(database), "--from-start", str(log)])
    assert watch(database, capsys, "--source", "2")["lines"] == 3
    main(["sources", "disable", "--db", str(database), "1"])
    assert main(["watch", "--db", str(database), "--source", "1"]) == 2
    assert "sources enable 1" in capsys.readouterr().err
    assert main(["watch", "--db", str(database), "--source", "9"]) == 2


def test_a_partial_line_does_not_keep_it_from_being_idle(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = write_log(tmp_path / "access.log", 3)
    with log.open("a") as file:
        file.write("192.0.2.9 - - [20/Nov")
    main(["settings", "set", "--db", str(database), "ingestion.partial_after_s", "0.5"])
    report = watch(database, capsys, "--from-start", "--until-idle", "1.5", str(log))
    (ledger,) = report["ledger"]  # type: ignore[misc]
    assert (ledger["lines"], ledger["stored"], ledger["left_bytes"]) == (3, 3, 21)
    assert ledger["partial"] == 1
