import dataclasses
from pathlib import Path

import pytest

from soc_copilot.domain.clock import utc_now
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.records import Checkpoint
from soc_copilot.domain.source_options import BY_KEY, KINDS, LISTENERS, SourceOptions
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.ingestion.spooled import SpooledSource
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.pipeline.sources import (
    PATH_OPTIONS,
    Surroundings,
    attach,
    check_readable,
    format_of,
    has_sender,
    kind_of,
    make_source,
)
from soc_copilot.service.recording import ServiceProducer
from soc_copilot.settings import SETTINGS


def row(kind: str, path: str = "x", **values: object) -> SourceRow:
    made = SourceRow(1, "x", kind, path, "", "auto", True, True, utc_now(), SourceOptions())
    return dataclasses.replace(made, **values)  # type: ignore[arg-type]


def test_each_kind_has_a_format_that_exists() -> None:
    for kind in KINDS:
        assert format_of(row(kind)) in {"auto", *FORMAT_NAMES, "service", "mail"}
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


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    values = {setting.key: setting.default for setting in SETTINGS}
    return Surroundings(tmp_path / "spool", values, ReadLimits())


PLACES = dict.fromkeys(LISTENERS, "127.0.0.1:5514") | {"journald": "system"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_of_every_kind_can_be_read_and_set_back(
    kind: str, tmp_path: Path, around: Surroundings
) -> None:
    source = row(kind, PLACES.get(kind, str(tmp_path)), id=4, pattern="*.log", name="it")
    controller = IngestionController()
    attach(controller, source, (), around)
    (status,) = controller.statuses()
    assert (status.source_id, status.name) == (4, "it")
    controller.reset_source(4, (Checkpoint(4, 1, str(tmp_path), 0),))
    controller.remove_source(4)


@pytest.mark.parametrize(("own", "mib"), [(0, 77), (9, 9)])
def test_a_spool_is_as_large_as_its_source_says_or_else_the_setting(
    own: int, mib: int, around: Surroundings
) -> None:
    around = dataclasses.replace(around, settings={**around.settings, "ingestion.spool_mib": 77})
    options = SourceOptions({"spool_mib": own} if own else {})
    source = make_source(row("syslog-udp", "127.0.0.1:5514", options=options), (), around)
    assert source._max_bytes == mib << 20  # type: ignore[attr-defined]
    assert source.folder == around.spool_folder / "1"  # type: ignore[attr-defined]


@pytest.mark.parametrize("pattern", ["a(?i)b", r"x\z", "(?U)a+", r"\pL", "[[:alpha:]]"])
def test_a_pattern_may_use_all_that_is_understood(pattern: str) -> None:
    values = {"multiline": "start", "multiline_pattern": pattern}
    check_readable("file", SourceOptions.checked("file", values))


@pytest.mark.parametrize("pattern", ["([", "(?=x)", r"(a)\1", r"x\Z"])
def test_a_pattern_that_is_not_understood_is_refused(pattern: str) -> None:
    values = {"multiline": "continue", "multiline_pattern": pattern}
    options = SourceOptions.checked("directory", values)
    with pytest.raises(SourceError, match='"multiline_pattern" cannot be used'):
        check_readable("directory", options)


def test_only_sources_of_text_have_a_style() -> None:
    for kind in set(KINDS) - {"replay"}:
        check_readable(kind, SourceOptions())


def test_what_the_service_was_asked_is_read_only_where_it_runs(around: Surroundings) -> None:
    elsewhere = make_source(row("service", "service", id=3), (), around)
    assert elsewhere.poll(1 << 20) == []
    assert elsewhere.status().state == "waiting"
    assert "soc-copilot serve" in elsewhere.status().detail
    around = dataclasses.replace(around, producers={3: ServiceProducer("v1")})
    here = make_source(row("service", "service", id=3), (), around)
    assert isinstance(here, SpooledSource)
    here.poll(1 << 20)
    assert here.status().state == "listening"
    here.close()
