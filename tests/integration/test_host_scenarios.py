"""Programs for recordings do their work, end when told, and touch nothing outside their place."""

import inspect
import os
import random
import sys
import threading
import time
from pathlib import Path

import pytest

from soc_copilot.ingestion.recording import measure
from tests.tools.host import company, trees
from tests.tools.host.ordinary import ORDINARY
from tests.tools.host.scenario import EndedError, Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="recordings are Linux' own")

_SAMPLE = 40  # chosen: about 15 s on 2 slow cores; all of them take four times as long


def chance(seed):
    return random.Random(seed)  # noqa: S311  # repeatable, for programs that are made up


CHOSEN = chance(2).sample(ORDINARY, _SAMPLE)


def stand(folder):
    """How everything below a folder stands; the time of change shows what came back, too."""
    found = {}
    for parent, folders, names in os.walk(folder):
        for name in (".", *folders, *names):
            path = Path(parent, name)
            stat = path.lstat()
            found[path] = (stat.st_ino, stat.st_size, stat.st_mode, stat.st_ctime_ns)
    return found


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name in ("tree", "scratch", "outside", "outside/home"):
        (tmp_path / name).mkdir()
    (tmp_path / "outside" / "mark.txt").write_text("untouched")
    monkeypatch.chdir(tmp_path / "outside")
    monkeypatch.setenv("HOME", str(tmp_path / "outside" / "home"))
    return Place(tmp_path / "tree", chance(1), tmp_path / "scratch", pace=0.0)


def test_programs_are_many_and_say_what_they_are():
    assert len(ORDINARY) >= 70
    assert len({program.name for program in ORDINARY}) == len(ORDINARY)
    assert len({program.family for program in ORDINARY}) >= 40
    assert {program.tree for program in ORDINARY} <= {"", *trees.KINDS}


@pytest.mark.parametrize("program", CHOSEN, ids=lambda program: program.name)
def test_a_program_works_in_its_place_only(program, place):
    if not program.is_there:
        pytest.skip("not installed")
    trees.make(program.tree or "mixed", place.root, place.rng, 20)
    outside, before = stand(place.root.parent / "outside"), stand(place.root)
    inspect.unwrap(program.run)(place)
    assert stand(place.root) != before
    assert stand(place.root.parent / "outside") == outside
    assert {path.name for path in place.root.parent.iterdir()} == {"tree", "scratch", "outside"}


def test_programs_end_when_the_time_is_over(place):
    trees.make("mixed", place.root, place.rng, 30)
    place.is_over.set()
    began = time.monotonic()
    ended = 0
    for program in CHOSEN[:12]:
        try:
            program.run(place)
        except EndedError:
            ended += 1
    assert ended >= 6
    assert time.monotonic() - began < 60.0


def test_a_file_taken_away_ends_a_program_without_a_word(place, monkeypatch):
    program = next(program for program in ORDINARY if program.name == "formatter")
    trees.make("developer", place.root, place.rng, 30)

    def gone(*_):
        raise FileNotFoundError

    monkeypatch.setattr("tests.tools.host.ordinary_code._each", gone)
    program.run(place)
    with pytest.raises(FileNotFoundError):
        inspect.unwrap(program.run)(place)


def end_after_a_change(place, before):
    """Say that the time is over once the tree stands otherwise."""
    is_changed = False
    while not is_changed:
        time.sleep(0.1)
        try:
            is_changed = stand(place.root) != before
        except FileNotFoundError:  # it went while it was looked at
            is_changed = True
    place.is_over.set()


def test_a_person_at_work_changes_the_tree_until_told_to_stop(place):
    trees.make("home", place.root, place.rng, 20)
    before, outside = stand(place.root), stand(place.root.parent / "outside")
    watcher = threading.Thread(target=end_after_a_change, args=(place, before), daemon=True)
    watcher.start()
    with pytest.raises(EndedError):
        company.keep_company(place)
    watcher.join()
    assert stand(place.root) != before
    assert stand(place.root.parent / "outside") == outside


@pytest.mark.parametrize("kind", trees.KINDS)
def test_trees_are_as_large_and_deep_as_asked(kind, tmp_path):
    made = trees.make(kind, tmp_path, chance(3), 40)
    assert 30 <= len(made) <= 50
    assert all(path.is_file() and path.is_relative_to(tmp_path) for path in made)
    depths = {len(path.relative_to(tmp_path).parts) for path in made}
    assert min(depths) >= 1
    assert 2 <= max(depths) <= 7
    assert max(path.stat().st_size for path in made) < 3 * trees.LARGEST


def test_contents_have_the_entropy_of_their_kind(tmp_path):
    limits = {
        "txt": (3.5, 5.5), "csv": (3.0, 5.5), "py": (4.0, 5.5), "docx": (6.5, 8.0),
        "jpg": (6.0, 8.0), "pdf": (6.0, 8.0), "gz": (7.0, 8.0), "kdbx": (7.6, 8.0),
        "db": (0.1, 6.5), "doc": (2.0, 5.0), "exe": (3.0, 6.8),
    }  # fmt: skip
    for extension, (low, high) in limits.items():
        for seed in range(3):
            path = tmp_path / f"{seed}.{extension}"
            path.write_bytes(trees.content(extension, chance(seed), 20_000))
            size, entropy = measure(str(path))
            assert int(size) > 500
            assert low <= float(entropy) <= high, path


def test_the_same_chance_makes_the_same_tree(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        trees.make("home", tmp_path / name, chance(8), 25)
    one, other = (
        {
            p.relative_to(tmp_path / n): p.read_bytes()
            for p in (tmp_path / n).rglob("*.*")
            if p.is_file()
        }
        for n in ("a", "b")
    )
    assert one == other
