import dataclasses
from pathlib import Path

import pytest

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.source_options import BY_KEY, KINDS, LISTENERS, SourceOptions
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.pipeline.sources import PATH_OPTIONS, format_of, has_sender, kind_of


def row(kind: str, path: str = "x", **values: object) -> SourceRow:
    made = SourceRow(1, "x", kind, path, "", "auto", True, True, utc_now(), SourceOptions())
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]


def test_each_kind_has_a_format_that_exists() -> None:
    for kind in KINDS:
        assert format_of(row(kind)) in {"auto", *FORMAT_NAMES}
    assert {kind for kind in KINDS if format_of(row(kind)) == "auto"} == {
        *("file", "directory", "replay"),
    }


def test_a_format_that_was_chosen_stays() -> None:
    assert format_of(row("syslog-udp", format="json")) == "json"


def test_only_listeners_put_the_sender_before_the_line() -> None:
    assert {kind for kind in KINDS if has_sender(row(kind))} == LISTENERS


def test_what_a_path_is_tells_the_kind(tmp_path: Path) -> None:
    assert kind_of(tmp_path) == "directory"
    assert kind_of(tmp_path / "Security.EVTX") == "evtx"
    assert kind_of(tmp_path / "later.log") == "file"


@pytest.mark.parametrize("key", sorted(PATH_OPTIONS))
def test_options_that_are_paths_exist(key: str) -> None:
    assert "Path of" in BY_KEY[key][0].help or "PEM" in BY_KEY[key][0].help
