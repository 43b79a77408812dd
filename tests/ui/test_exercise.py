"""The exercise encrypts copies of its own sample files, and nothing else, ever."""

import json
import shutil
from pathlib import Path

import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.ui import exercise
from soc_copilot.ui.exercise import (
    COPIES,
    ENDING,
    MARKER,
    PREFIX,
    is_ours,
    made,
    make_folder,
    remove,
    run,
)


def go(folder: Path) -> int:
    return run(folder, lambda _done, _total: None, pace_s=0, learn_s=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path)


def test_a_demonstration_folder_holds_readable_samples(folder: Path) -> None:
    samples = [path for path in folder.rglob("*") if path.is_file() and path.name != MARKER]
    assert len(samples) == 48
    assert len({path.read_text() for path in samples}) == 48
    assert is_ours(folder)


def test_copies_are_encrypted_and_the_samples_stay(folder: Path) -> None:
    before = contents(folder)
    told: list[tuple[int, int]] = []
    assert run(folder, lambda *args: told.append(args), pace_s=0, learn_s=0) == 48
    after = contents(folder)
    assert {name: after[name] for name in before} == before
    fresh = {name: data for name, data in after.items() if name not in before}
    assert len(fresh) == 48
    assert all(name.startswith(COPIES) and name.endswith(ENDING) for name in fresh)
    assert all(len(set(data)) > 200 for data in fresh.values())  # all bytes occur: unreadable
    assert told[0] == (0, 48)
    assert told[-1] == (48, 48)


def test_it_can_be_done_again(folder: Path) -> None:
    assert go(folder) == go(folder) == 48


def test_another_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(PolicyError, match="not a demonstration folder"):
        go(tmp_path)
    assert contents(tmp_path) == {"letter.txt": b"dear"}


def test_a_marker_that_names_other_files_leads_nowhere(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("dear")
    about = json.loads((folder / MARKER).read_text())
    about["files"] = ["../victim.txt", str(victim), "letters/../../victim.txt"]
    (folder / MARKER).write_text(json.dumps(about))
    assert not is_ours(folder)
    with pytest.raises(PolicyError):
        go(folder)
    assert victim.read_text() == "dear"


def test_a_folder_that_was_copied_or_renamed_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / f"{PREFIX}copy"
    shutil.copytree(folder, copy)
    assert not is_ours(copy)
    link = tmp_path / f"{PREFIX}link"
    link.symlink_to(folder)
    assert not is_ours(link)
    moved = folder.rename(tmp_path / "documents")
    assert not is_ours(moved)


def test_a_sample_that_became_a_link_is_left_alone(folder: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("dear")
    sample = folder / "letters" / "letter-01.txt"
    sample.unlink()
    sample.symlink_to(victim)
    assert go(folder) == 47
    assert victim.read_text() == "dear"


def test_a_place_for_copies_that_leads_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / COPIES).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PolicyError, match="leads elsewhere"):
        go(folder)
    assert contents(tmp_path / "elsewhere") == {}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"purpose": 1}', "\x00"])
def test_a_damaged_marker_is_refused(folder: Path, text: str) -> None:
    (folder / MARKER).write_text(text)
    assert not is_ours(folder)


def test_it_ends_when_it_is_cancelled(folder: Path) -> None:
    class CancelledError(Exception):
        pass

    def report(done: int, _total: int) -> None:
        if done == 3:
            raise CancelledError

    with pytest.raises(CancelledError):
        exercise.run(folder, report, pace_s=0, learn_s=0)
    assert len(list(folder.rglob(f"*{ENDING}"))) == 3


# Taking it away


def test_a_folder_of_ours_goes_with_all_that_was_made_in_it(folder: Path) -> None:
    assert folder in made()
    go(folder)
    go(folder)
    assert remove(folder)
    assert not folder.exists()
    assert folder not in made()
    assert remove(folder)


def test_what_somebody_else_put_there_stays(folder: Path, tmp_path: Path) -> None:
    go(folder)
    (copies,) = (folder / COPIES).iterdir()
    mine = [folder / "mine.txt", folder / "letters" / "mine.txt", copies / "mine.txt",
            folder / COPIES / "mine.txt"]  # fmt: skip
    for path in mine:
        path.write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "letters-letter-01.txt").write_text("mine")
    (folder / COPIES / "0000").symlink_to(outside)
    assert remove(folder)
    assert set(contents(folder)) == {str(path.relative_to(folder)) for path in mine}
    assert contents(outside) == {"letters-letter-01.txt": b"mine"}


def test_another_folder_is_not_taken_away(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / f"{PREFIX}other"
    shutil.copytree(folder, other)
    before = contents(other)
    assert remove(other)
    assert contents(other) == before
    (tmp_path / f"{PREFIX}link").symlink_to(folder)
    assert remove(tmp_path / f"{PREFIX}link")
    assert is_ours(folder)


def test_an_exercise_under_way_is_not_disturbed(folder: Path) -> None:
    removed: list[bool] = []
    run(folder, lambda *_: removed.append(remove(folder)), pace_s=0, learn_s=0)
    assert not any(removed)
    assert is_ours(folder)
    assert remove(folder)
