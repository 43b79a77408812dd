"""Simulated attacks do the harm that they tell of, and none outside the folder made for them."""

import hashlib
import json
import os
import random
from pathlib import Path

import pytest

from tests.tools.host.attacks import ATTACKS
from tests.tools.host.attacks_ground import Ground, OutsideError, make_place
from tests.tools.host.attacks_tampering import furnish
from tests.tools.host.attacks_work import PARAMETERS
from tests.tools.host.scenario import Place, Program

WORDS = ("report", "budget", "photo", "letter", "plan", "notes", "list", "draft")
ENDS = (".txt", ".docx", ".jpg", ".csv", ".md", ".dat", "", ".gz")
# These take nothing away: copies are made, or names change.
HARMLESS = {"copied_out", "rename_storm"}


def furnished(parent: Path, seed: int) -> Place:
    """A place with a small tree, logs and backups in it, and ways that lead out of it."""
    parent.mkdir()
    rng = random.Random(seed)  # noqa: S311  # for repeatable chance, not for secrets
    place = make_place(parent, rng, pace=0.0)
    for number in range(24):
        folder = place.root / ("", "letters", "photos/2025", "work/.hidden")[number % 4]
        folder.mkdir(parents=True, exist_ok=True)
        size = rng.choice((60, 700, 5_000, 70_000))
        text = " ".join(rng.choices(WORDS, k=size // 6)).encode()
        body = rng.randbytes(size) if number % 5 == 0 else text
        (folder / f"{rng.choice(WORDS)}{number}{ENDS[number % len(ENDS)]}").write_bytes(body)
    (place.root / "empty.txt").touch()
    furnish(place.root, rng)
    return place


def hashes(root: Path) -> dict[str, str]:
    """What is in each regular file."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that is none of the attack's business."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "precious.txt").write_text("keep this " * 100)
    (folder / "app.log").write_text("keep this line\n" * 100)
    return folder


def test_there_are_many_in_many_families() -> None:
    assert len(ATTACKS) >= 40
    assert len({attack.family for attack in ATTACKS}) >= 18
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_harms_what_it_says_and_nothing_else(
    attack: Program, tmp_path: Path, outside: Path
) -> None:
    if not attack.is_there:
        pytest.skip("a tool that it needs is not installed")
    place = furnished(tmp_path / "made", 7)
    (place.root / "away").symlink_to(outside)
    (place.root / "precious.txt").symlink_to(outside / "precious.txt")
    os.link(outside / "app.log", place.root / "second.log")  # another name for a file elsewhere
    before, kept = hashes(place.root), hashes(outside)

    attack.run(place)

    after = hashes(place.root)
    assert place.began is not None
    assert place.ended is not None
    assert place.began <= place.ended
    harmed = [path for _, path in place.harmed]
    assert len(set(harmed)) == len(harmed)
    assert [path for path in harmed if after.get(path) == before.get(path, "new")] == []
    assert json.loads((place.scratch / PARAMETERS).read_text())["skipped"] == 0
    assert (attack.family in HARMLESS) == (not harmed)
    assert all(place.began <= at <= place.ended for at, _ in place.harmed)
    if attack.family == "copied_out":
        assert before.items() <= after.items()
    if attack.family == "rename_storm":
        assert set(before.values()) <= set(after.values())
    assert hashes(outside) == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made", "outside"]


@pytest.mark.parametrize("attack", ATTACKS[:: len(ATTACKS) // 6], ids=lambda attack: attack.name)
def test_refuses_a_folder_that_was_not_made_for_it(attack: Program, outside: Path) -> None:
    kept = hashes(outside)
    scratch = outside.parent / "scratch"
    scratch.mkdir()
    place = Place(root=outside, rng=random.Random(1), scratch=scratch, pace=0.0)  # noqa: S311

    with pytest.raises(OutsideError):
        attack.run(place)

    assert hashes(outside) == kept


def test_no_place_is_made_of_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    with pytest.raises(FileExistsError):
        make_place(tmp_path, random.Random(1))  # noqa: S311


def ways_out(root: Path, outside: Path) -> list[Path]:
    """Paths that lead out of the folder, or seem to stay in it and do not."""
    (root / "away").symlink_to(outside)
    (root / "chain").symlink_to(root / "away")
    (root / "alias.txt").symlink_to(outside / "precious.txt")
    os.link(outside / "precious.txt", root / "second.txt")
    (root / "folder").mkdir()
    return [
        outside / "precious.txt",
        root / "away" / "precious.txt",
        root / "chain" / "precious.txt",
        root / "alias.txt",
        root / "second.txt",
        root / ".." / "x",
        root / "folder" / ".." / ".." / "x",
        root / "folder" / "..",
        root,
        root.with_name(root.name + "2") / "x",
        Path("/etc/passwd"),
        Path("precious.txt"),
        Path("~/x"),
    ]


def test_every_operation_refuses_ways_out(tmp_path: Path, outside: Path) -> None:
    place = furnished(tmp_path / "made", 3)
    ground, mine = Ground(place), place.root / "mine.txt"
    mine.write_text("mine")
    kept = hashes(outside)
    for way in ways_out(place.root, outside):
        for attempt in (
            lambda way=way: ground.read(way),
            lambda way=way: ground.opened(way).__enter__(),
            lambda way=way: ground.opened(way, new=True).__enter__(),
            lambda way=way: ground.overwrite_mapped(way, [(0, b"x")]),
            lambda way=way: ground.rename(way, mine),
            lambda way=way: ground.rename(mine, way),
            lambda way=way: ground.delete(way),
            lambda way=way: ground.make_folder(way),
            lambda way=way: ground.remove_folder(way),
            lambda way=way: ground.touch_times(way, 0.0),
            lambda way=way: ground.tool("shred", way),
            lambda way=way: ground.tool("dd", ("of=", way)),
        ):
            with pytest.raises(OutsideError):
                attempt()
    assert hashes(outside) == kept
    assert mine.read_text() == "mine"
    assert place.began is None


@pytest.mark.parametrize("word", ["/etc/passwd", "if=/dev/sda", "../x", "of=/dev/zero"])
def test_tools_get_no_paths_as_plain_words(word: str, tmp_path: Path) -> None:
    ground = Ground(furnished(tmp_path / "made", 3))
    with pytest.raises(OutsideError):
        ground.tool("shred", word)
