import os
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.source_options import KINDS
from soc_copilot.governance.source_places import name_of, place_of, rivals_of


@pytest.mark.parametrize(
    ("kind", "path", "place", "name"),
    [
        ("syslog-udp", "5514", "127.0.0.1:5514", "Syslog over UDP 127.0.0.1:5514"),
        ("syslog-tls", "[0::1]:6514", "[::1]:6514", "Syslog over TLS [::1]:6514"),
        ("journald", "", "system", "System journal"),
        ("journald", "system", "system", "System journal"),
        ("journald", "/var/log/journal", "/var/log/journal", "journal"),
        ("evtx", "/x/../y.evtx", "/y.evtx", "y.evtx"),
        ("file", "/", "/", "/"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="paths as POSIX writes them")
def test_a_place_is_written_in_one_way(kind: str, path: str, place: str, name: str) -> None:
    assert place_of(kind, path) == place
    assert name_of(kind, place) == name


def test_a_live_channel_is_no_path() -> None:
    assert place_of("evtx", "channel:Security") == "channel:Security"
    name = "channel:Microsoft-Windows-Sysmon/Operational"
    assert place_of("evtx", name) == name


def test_file_activity_takes_several_folders_each_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = os.pathsep.join(("a", str(tmp_path / "b"), str(tmp_path / "a"), ""))
    assert place_of("activity", given) == f"{tmp_path / 'a'}{os.pathsep}{tmp_path / 'b'}"


@pytest.mark.parametrize(
    ("kind", "path"),
    [("socket", "/x"), ("file", ""), ("activity", ""), ("evtx", ""), ("json-tcp", "/x")],
)
def test_what_names_nothing_is_refused(kind: str, path: str) -> None:
    with pytest.raises(SourceError):
        place_of(kind, path)


def test_kinds_that_read_the_same_are_rivals_of_each_other() -> None:
    for kind in KINDS:
        assert kind in rivals_of(kind)
        assert all(kind in rivals_of(other) for other in rivals_of(kind))
    assert "syslog-tcp" in rivals_of("json-tcp")  # one port
    assert "syslog-udp" not in rivals_of("syslog-tcp")  # two ports of one number
