"""Rotated names are told from other logs, the oldest first."""

import os

import pytest

from soc_copilot.ingestion.siblings import is_rotation_name, siblings


@pytest.mark.parametrize(
    "name", ["app.log.1", "app.log.12.gz", "app.log-20260101", "app-2026-01-01.log", "app.log.old"]
)
def test_a_rotated_name_is_known(name):
    assert is_rotation_name(name, "app.log")


@pytest.mark.parametrize("name", ["app.log", "app.log.error", "apple.log", "app-web.log", "other"])
def test_another_log_is_not_taken_for_a_rotation(name):
    assert not is_rotation_name(name, "app.log")


def test_siblings_come_oldest_first_and_links_are_left_out(tmp_path):
    for n in (1, 2, 3):
        (tmp_path / f"app.log.{n}").touch()
        os.utime(tmp_path / f"app.log.{n}", (1_000, 1_000))
    (tmp_path / "app.log.4").symlink_to(tmp_path / "app.log.1")
    found = siblings(tmp_path / "app.log")
    assert [s.path.name for s in found] == ["app.log.3", "app.log.2", "app.log.1"]
    assert siblings(tmp_path / "none" / "app.log") == []
