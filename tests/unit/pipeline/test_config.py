from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.governance import Actor
from soc_copilot.domain.source_options import SourceOptions
from soc_copilot.governance.database import Governance
from soc_copilot.pipeline.config import (
    MAX_BYTES,
    Config,
    ConfiguredSource,
    apply_config,
    export_config,
    load_config,
)

ACTOR = Actor("ana", "cli")


@pytest.fixture
def governance(tmp_path: Path) -> Iterator[Governance]:
    it = Governance.open(tmp_path / "g.db", actor=ACTOR, home=tmp_path)
    yield it
    it.close()


def load(tmp_path: Path, text: str | bytes) -> Config:
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config(file)


def refusal(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(PolicyError) as caught:
        load(tmp_path, text)
    words = str(caught.value)
    assert words.startswith(str(tmp_path / "config.yaml"))
    return words.removeprefix(str(tmp_path / "config.yaml"))


FULL = """
settings:
  ingestion.batch_interval_s: 0.5
  ingestion.max_size: 2000
  detection.web.enabled: no
sources:
  - path: logs/auth.log
    name: logins
    format: syslog
    from_start: yes
    options:
      encoding: latin-1
      multiline: off
  - kind: directory
    path: /srv/nginx
    pattern: "*.txt"
    enabled: false
  - kind: syslog-tls
    address: 127.0.0.1:6514
    options: {tls_certificate: pem/chain.pem, tls_key: /k.pem, max_connections: 9}
  - kind: journald
"""


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    config = load(tmp_path, FULL)
    assert config.settings == {
        "ingestion.batch_interval_s": 0.5,
        "ingestion.max_size": 2000,
        "detection.web.enabled": False,
    }
    log, folder, listener, journal = config.sources
    assert log == ConfiguredSource(
        kind="file",
        path=str(tmp_path / "logs" / "auth.log"),
        name="logins",
        format="syslog",
        from_start=True,
        options=SourceOptions({"encoding": "latin-1", "multiline": "off"}),
        line=7,
    )
    assert (folder.path, folder.pattern, folder.enabled) == ("/srv/nginx", "*.txt", False)
    assert (listener.kind, listener.path) == ("syslog-tls", "127.0.0.1:6514")
    assert listener.options.changed == {
        "tls_certificate": str(tmp_path / "pem" / "chain.pem"),
        "tls_key": "/k.pem",
        "max_connections": 9,
    }
    assert (journal.kind, journal.path) == ("journald", "system")


def test_nothing_said_is_nothing_changed(tmp_path: Path) -> None:
    assert load(tmp_path, "") == load(tmp_path, "# only words\n") == Config()


def test_the_kind_of_a_path_is_told_from_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    config = load(tmp_path, "sources: [{path: logs}, {path: a.EVTX}, {path: b.log}]")
    assert [source.kind for source in config.sources] == ["directory", "evtx", "file"]
    assert config.sources[0].pattern == "*.log"


def test_what_stands_in_the_place_of_a_path_is_left_as_it_is(tmp_path: Path) -> None:
    text = "sources: [{kind: journald, path: system}, {kind: evtx, path: 'channel:Security'}]"
    assert [s.path for s in load(tmp_path, text).sources] == ["system", "channel:Security"]


def test_variables_of_the_environment_are_not_put_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "/elsewhere")
    (source,) = load(tmp_path, "sources: [{path: $SECRET/a.log}]").sources
    assert source.path == str(tmp_path / "$SECRET" / "a.log")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("soures: []", 1, ['no key "soures"', 'Did you mean "sources"?', "settings, sources"]),
        ("settings:\n  ingestion.max_siz: 5", 2, ['"ingestion.max_siz"', "ingestion.max_size"]),
        ("settings:\n  ingestion.max_size: 5", 2, ["at least 100", "found 5"]),
        ("settings:\n  ingestion.max_size: 1.5", 2, ["a whole number", '"1.5"']),
        ("settings:\n  ingestion.max_size: '500'", 2, ["takes no text", "500"]),
        ("settings:\n  ingestion.max_size: [500]", 2, ["one value", "a list"]),
        ("settings:\n  ingestion.max_size:", 2, ["one value", "nothing"]),
        ("settings:\n  archive.enabled: maybe", 2, ["true or false", '"maybe"']),
        ("settings:\n  ui.theme: pink", 2, ["system, dark, light", "pink"]),
        ("settings:\n  ui.theme: dark\n  ui.theme: dark", 3, ["twice", "line 2"]),
        ("settings: 5", 1, ["keys with values", '"5"']),
        ("- settings", 1, ["the file", "a list"]),
        ("sources: {path: x}", 1, ["a list", "keys with values"]),
        ("sources:\n  - x.log", 2, ["a source", '"x.log"']),
        ("sources:\n  - path: x\n    colour: red", 3, ["colour", "from_start"]),
        ("sources:\n  - kind: telepathy\n    path: x", 2, ["telepathy", "syslog-udp"]),
        ("sources:\n  - kind: replay\n    path: x", 2, ["replay"]),
        ("sources:\n  - name: x", 2, ['no "kind"', "syslog-tcp"]),
        ("sources:\n  - kind: file", 2, ['needs "path"', "/var/log/auth.log"]),
        ("sources:\n  - kind: syslog-udp", 2, ['needs "address"', "127.0.0.1:5514"]),
        ("sources:\n  - kind: syslog-udp\n    path: x", 3, ['no "path"', '"address"']),
        ("sources:\n  - kind: syslog-udp\n    address: 127.0.0.1", 3, ["address"]),
        ("sources:\n  - kind: syslog-udp\n    address: 127.0.0.1:99999", 3, ["65535", "99999"]),
        ("sources:\n  - kind: file\n    path: x\n    pattern: '*'", 4, ["for folders", "file"]),
        ("sources:\n  - path: x\n    format: klingon", 3, ["klingon", "syslog"]),
        ("sources:\n  - path: x\n    from_start: sometimes", 3, ["true or false", "sometimes"]),
        ("sources:\n  - path: x\n    options:\n      recursive: yes", 4, ["recursive", "encoding"]),
        ("sources:\n  - path: x\n    options:\n      encoding: klingon", 4, ["klingon", "utf-8"]),
        ("sources:\n  - path: x\n    options:\n      multiline: start", 4, ["multiline_pattern"]),
        (
            "sources:\n  - path: x\n    options: {multiline: start, multiline_pattern: '(?=x)'}",
            *(3, ["multiline_pattern", "RE2", "(?=x)"]),
        ),
        ("sources:\n  - path: x\n    options: {encoding: utf-7}", 3, ["utf-7"]),
        ("sources:\n  - path: a.evtx\n    from_start: false", 3, ["evtx", "from its start"]),
        ("sources:\n  - path: x\n  - path: x", 3, ["twice", "line 2"]),
        ("sources:\n  - path: [x]", 2, ["one value", "a list"]),
        ("settings:\n  [1]: 2", 2, ["a key is a word"]),
        ("settings: {a: b", 1, ["no YAML"]),
        ("settings:\n\t- x", 2, ["no YAML"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    said = refusal(tmp_path, text)
    assert said.startswith(f", line {line}: ")
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    "text",
    [
        b"\xff\xfe\x00",
        b"settings: \x00",
        b"[" * 5_000,
        b"&a [*a]",
        b"settings: !!python/object/apply:os.system [id]",
        b"a: &a [x]\nsources: [*a, *a]",
        b"--- {}\n--- {}",
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, text: bytes) -> None:
    refusal(tmp_path, text)


def test_a_tag_makes_no_object(tmp_path: Path) -> None:
    said = refusal(tmp_path, "settings:\n  ui.theme: !!python/name:os.system dark red")
    assert "dark red" in said


def test_a_file_that_is_missing_or_far_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="Cannot read the configuration"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(PolicyError, match="it is no configuration"):
        load_config(tmp_path / "big.yaml")


def test_applying_stores_settings_and_sources_and_a_second_time_changes_nothing(
    tmp_path: Path, governance: Governance
) -> None:
    config = load(tmp_path, FULL)
    applied = apply_config(governance, config)
    assert set(applied.settings) == set(config.settings)
    assert len(applied.added) == len(applied.sources) == 4
    assert applied.changed == ()
    assert governance.settings.get("ingestion.max_size") == 2000
    rows = governance.sources.list()
    assert rows == applied.sources
    assert [row.enabled for row in rows] == [True, False, True, True]
    assert rows[0].options.text("encoding") == "latin-1"
    again = apply_config(governance, config)
    assert (again.settings, again.added, again.changed) == ((), (), ())
    assert again.sources == rows


def test_a_known_source_is_brought_to_what_the_file_says(
    tmp_path: Path, governance: Governance
) -> None:
    apply_config(governance, load(tmp_path, "sources: [{path: a.log}, {path: b.log}]"))
    applied = apply_config(
        governance,
        load(
            tmp_path,
            "sources: [{path: b.log, format: json, enabled: no, options: {max_size: 500}}]",
        ),
    )
    assert applied.changed == (2,)
    first, second = governance.sources.list()
    assert (first.format, first.enabled) == ("auto", True)
    assert (second.format, second.enabled, second.options.get("max_size")) == ("json", False, 500)


def test_a_source_of_another_kind_stops_everything(tmp_path: Path, governance: Governance) -> None:
    governance.sources.add("file", tmp_path / "a.evtx")
    config = load(tmp_path, "settings: {ui.theme: dark}\nsources: [{path: a.evtx}]")
    with pytest.raises(PolicyError, match="source 1 already, of kind file, not evtx"):
        apply_config(governance, config)
    assert governance.settings.get("ui.theme") == "system"


def test_what_is_exported_is_what_is_read(tmp_path: Path, governance: Governance) -> None:
    config = load(tmp_path, FULL)
    apply_config(governance, config)
    odd = tmp_path / "näme: [#'\"\n\u202e.log"
    governance.sources.add("file", odd, name=" - !x", from_start=True)
    governance.settings.set("archive.retention_days", 7)
    text = export_config(governance)
    read = load(tmp_path, text)
    assert read.settings == {**config.settings, "archive.retention_days": 7}

    def told(source: Any) -> tuple[object, ...]:
        return (
            *(source.kind, source.path, source.name, source.pattern, source.format),
            *(source.from_start, source.enabled, source.options),
        )

    assert [told(source) for source in read.sources] == [
        told(row) for row in governance.sources.list()
    ]
    assert yaml.safe_load(text)["sources"][-1]["path"] == str(odd)


def test_an_empty_database_exports_an_empty_file(tmp_path: Path, governance: Governance) -> None:
    assert load(tmp_path, export_config(governance)) == Config()


def test_a_replay_is_not_exported(tmp_path: Path, governance: Governance) -> None:
    governance.sources.add("replay", tmp_path / "spool.log")
    assert "spool.log" not in export_config(governance)
