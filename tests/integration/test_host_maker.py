"""The maker of recordings writes what trainers read: a trace, and a line that says what it is."""

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.tools.host import maker
from tests.tools.host.attacks import ATTACKS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="recording needs Linux")


def index(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / maker.INDEX).read_text().splitlines()]


def rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_an_attack_is_recorded_with_its_harm(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path / "out"), "--n", "2", "--seed", "5", "--workers", "2"]
    words += ["--programs", "empty,rename_then", "--max-seconds", "3"]
    maker.main(words)

    lines = index(tmp_path / "out")
    assert {line["program"] for line in lines} == {"empty", "rename_then"}
    for line in lines:
        found = rows(tmp_path / "out" / line["file"])
        assert list(found[0]) == ["t", "event", "path", "size", "entropy4k"]
        assert len(found) == line["events"]
        assert line["label"] == "attack"
        assert line["began_s"] <= line["harmed"][0][0] <= line["ended_s"] <= line["seconds"]
        touched = {row["path"] for row in found}
        assert all(path in touched for _, path in line["harmed"])

    maker.main(words)  # all of it is there already
    assert index(tmp_path / "out") == lines


@pytest.mark.slow
def test_a_person_alone_is_ordinary(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path), "--n", "1", "--seed", "1", "--only", "company"]
    maker.main([*words, "--max-seconds", "6"])
    for line in index(tmp_path):
        assert (line["label"], line["family"]) == ("benign", "company")
        assert (line["began_s"], line["harmed"]) == (None, [])


def test_any_first_part_is_balanced() -> None:
    programs = maker.programs_of("")
    drawn = list(maker.jobs(programs, 2 * len(programs), 3, 20.0))
    assert len({job.file for job in drawn}) == len(drawn)
    for part in (40, len(programs), len(drawn)):
        attacks = sum(job.label == "attack" for job in drawn[:part])
        expected = part * sum(label == "attack" for label, _ in programs) / len(programs)
        assert abs(attacks - expected) <= 3
    assert len({job.program for job in drawn[: len(programs)]}) == len(programs)
    assert [job.file for job in maker.jobs(programs, 9, 3, 20.0)] == [j.file for j in drawn[:9]]


def test_no_attack_is_named_as_ordinary_work_is() -> None:
    programs = maker.programs_of("")
    assert len({program.name for _, program in programs}) == len(programs)
    attacks = {program.family for label, program in programs if label == "attack"}
    assert attacks.isdisjoint(program.family for label, program in programs if label == "benign")


def test_programs_are_chosen_by_name_or_family() -> None:
    names = {attack.name for attack in ATTACKS if attack.family == "partial"}
    assert {program.name for _, program in maker.programs_of("attacks", ["partial"])} == names
    assert {label for label, _ in maker.programs_of("ordinary")} == {"benign"}
