"""What simulated attacks do to many files at once: containers, wiping, copying out, renaming."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from tests.tools.host.attacks_ground import Ground
from tests.tools.host.attacks_names import Names
from tests.tools.host.attacks_sealing import Step, another, delete, staging_folder
from tests.tools.host.attacks_work import Work

# Containers: everything goes into one file, then the originals go.


def container_path(work: Work, folder: Path) -> Path:
    """A name for a container in this folder."""
    word = work.rng.choice(("archive", "data", "backup", "a", "files", "out", work.names.word))
    end = work.rng.choice(("", ".bin", ".dat", f".{work.names.word}", ".vault"))
    return folder / f"{word}{work.rng.randrange(100)}{end}"


def own_container(work: Work, *, by_folder: bool) -> None:
    """Append every file, sealed, to one container (in each folder); originals go then or late."""
    is_late = work.rng.random() < 0.5
    for folder, group in grouped(work, by_folder=by_folder).items():
        done: list[Path] = []
        stream = work.cipher.stream()
        with work.ground.opened(container_path(work, folder), new=True) as fd:
            end = 0

            def step(work: Work, path: Path, fd: int = fd) -> None:
                nonlocal end
                data = stream(f"{path.name}\0".encode() + work.ground.read(path))  # noqa: B023
                work.write(fd, data, end)
                end += len(data)
                done.append(path)  # noqa: B023  # used up before the next folder's turn
                if not is_late:
                    delete(work, path)

            work.every(group, step)
        if is_late:
            work.every([path for path in done if path.exists()], delete)


def grouped(work: Work, *, by_folder: bool) -> dict[Path, list[Path]]:
    """The victims by their folder, or all in one group under the root."""
    groups: dict[Path, list[Path]] = {}
    for path in work.victims:
        groups.setdefault(path.parent if by_folder else work.root, []).append(path)
    return groups


def tool_container(make: Callable[[Work, Path, str], None], end: str) -> Callable[[Work], None]:
    """An attack: a tool packs everything under a password, then the originals are deleted."""

    def whole(work: Work) -> None:
        for folder, group in grouped(work, by_folder=work.rng.random() < 0.3).items():
            target = container_path(work, folder).with_suffix(end)
            there = [path for path in group if path.exists()]
            listed = "\n".join(str(path.relative_to(work.root)) for path in there)
            make(work, target, listed)
            work.every(there, delete)

    return whole


def zip_listed(work: Work, target: Path, listed: str) -> None:
    """Let zip pack the listed files under a password."""
    level = f"-{work.habit('level', (1, 6, 9))}"
    words = ["zip", "-q", level, "-y", "-P", work.names.word]
    work.ground.tool(*words, target, "-@", stdin=listed, cwd=work.root)


def seven_zip_listed(work: Work, target: Path, listed: str) -> None:
    """Let 7z pack the listed files under a password."""
    names = work.ground.place.scratch / "listed"
    names.write_text(listed)
    words = ["7z", "a", "-bd", "-mhe=on", f"-p{work.names.word}"]
    work.ground.tool(*words, target, ("@", names), cwd=work.root)


def tar_openssl_listed(work: Work, target: Path, listed: str) -> None:
    """Pack the listed files outside the tree, and let openssl seal the pack into it."""
    pack = work.ground.place.scratch / "pack.tar"
    with tarfile.open(pack, "w") as file:
        for name in listed.splitlines():
            file.add(work.ground.inside(work.root / name), name, recursive=False)
    words = ["openssl", "enc", "-aes-256-ctr", "-pbkdf2", "-pass", f"pass:{work.names.word}"]
    work.ground.tool(*words, "-in", pack, "-out", target)
    pack.unlink()


def zip_each(work: Work, path: Path) -> None:
    """Let zip pack one file under a password, and remove the original."""
    target = path.with_name(f"{work.names.new(path).name}.zip")
    words = ["zip", "-q", f"-{work.habit('level', (0, 1, 6))}", "-j", "-P", work.names.word]
    work.ground.tool(*words, target, path)
    delete(work, path)


# Wiping.


def fill(work: Work, path: Path, kind: str) -> None:
    """Overwrite in place with zeros, chance, or patterns; some passes; the name stays."""
    size = path.stat().st_size
    length = min(size, work.block) if kind == "head" else size
    with work.ground.opened(path) as fd:
        for turn in range(work.passes):
            if kind in {"zeros", "head"}:
                work.write(fd, bytes(length))
            elif kind == "random":
                work.write(fd, work.rng.randbytes(length))
            else:
                pattern = (b"\xff", b"\x00", b"\x55", b"wiped ")[(turn + len(path.name)) % 4]
                work.write(fd, (pattern * (length // len(pattern) + 1))[:length])
    work.harm(path)


def filled(kind: str) -> Step:
    """The step that overwrites in this way."""
    return lambda work, path: fill(work, path, kind)


def shred(work: Work, path: Path) -> None:
    """Let the tool `shred` overwrite in place; the name stays."""
    options: tuple[tuple[str, ...], ...] = ((), ("-z",), ("-n", "1"), ("-n", "1", "-z"))
    flags = work.habit("flags", options)
    work.ground.tool("shred", *flags, path)
    work.harm(path)


def dd_over(work: Work, path: Path) -> None:
    """Let the tool `dd` write zeros or chance over the start of the file."""
    source = work.habit("source", ("if=/dev/zero", "if=/dev/urandom"))
    count = max(1, min(path.stat().st_size, 1 << 20) // 4096)
    words = ["dd", source, "bs=4k", f"count={count}", "conv=notrunc", "status=none"]
    work.ground.tool(*words, ("of=", path))
    work.harm(path)


def empty(work: Work, path: Path) -> None:
    """Cut the file to nothing."""
    with work.ground.opened(path) as fd:
        os.ftruncate(fd, 0)
    work.harm(path)


def truncate_tool(work: Work, path: Path) -> None:
    """Let the tool `truncate` cut the file to nothing, or to its first bytes."""
    work.ground.tool("truncate", "-s", work.habit("left", ("0", "0", "16")), path)
    if path.stat().st_size == 0 or path.stat().st_size == 16:
        work.harm(path)


def empty_and_delete(work: Work, path: Path) -> None:
    """Cut the file to nothing and remove it."""
    empty(work, path)
    work.ground.delete(path)


def rename_fill_delete(work: Work, path: Path) -> None:
    """Overwrite, give a name without meaning, and remove."""
    fill(work, path, work.habit("filling", ("zeros", "random")))
    nameless = path.with_name(work.rng.choice("abcxyz") * max(4, min(len(path.name), 40)))
    work.ground.rename(path, nameless)
    work.ground.delete(nameless)


def delete_folders(work: Work) -> None:
    """Remove the files folder by folder, and the folders with them."""
    for folder, group in grouped(work, by_folder=True).items():
        work.every(group, delete)
        work.ground.remove_folder(folder)


# Copying out.


def stage_copies(work: Work, *, is_sealed: bool = False) -> Path:
    """Copy the files into one new folder, flat or in their folders; the originals stay."""
    staging = staging_folder(work)
    is_flat = work.rng.random() < 0.6
    names = Names(work.rng.choice(("same", "same", "hex", "hash")), work.rng)

    def step(work: Work, path: Path) -> None:
        folder = staging
        if not is_flat:
            for part in path.parent.relative_to(work.root).parts:
                folder = work.ground.make_folder(folder / part)
        data = work.ground.read(path)
        target = names.new(folder / path.name)
        while target.exists():
            target = target.with_name(f"{work.rng.randrange(1000)}_{target.name}")
        work.create(target, work.cipher.seal(data) if is_sealed else data)

    work.every(work.victims, step)
    return staging


def stage_archives(work: Work) -> list[Path]:
    """Write the files into one archive or some of equal size; the originals stay."""
    volume = work.rng.choice((200_000, 1_000_000, 10_000_000, 100_000_000))
    is_zip = work.rng.random() < 0.5
    base = container_path(work, work.root)
    made: list[Path] = []
    names = [path for path in work.victims if path.exists()]
    while names:
        held, size = [], 0
        while names and size < volume:
            held.append(names.pop(0))
            size += held[-1].stat().st_size
        target = base.with_name(f"{base.name}.{len(made):03d}")
        made.append(work.create(target, archive(work.ground, held, is_zip=is_zip)))
        work.tempo.wait(work.ground.place, len(made))
    return made


def archive(ground: Ground, files: list[Path], *, is_zip: bool) -> bytes:
    """A zip or tar.gz with these files."""
    room, root = io.BytesIO(), ground.place.root
    if is_zip:
        with zipfile.ZipFile(room, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as pack:
            for path in files:
                pack.writestr(str(path.relative_to(root)), ground.read(path))
    else:
        with tarfile.open(fileobj=room, mode="w:gz", compresslevel=1) as tar:
            for path in files:
                tar.add(ground.inside(path), str(path.relative_to(root)), recursive=False)
    return room.getvalue()


def stage_with_zip(work: Work) -> None:
    """Let zip pack copies under a password; the originals stay."""
    there = [path for path in work.victims if path.exists()]
    target = container_path(work, staging_folder(work)).with_suffix(".zip")
    zip_listed(work, target, "\n".join(str(path.relative_to(work.root)) for path in there))


def stage_with_cp(work: Work) -> None:
    """Let cp copy whole folders into a new one; the originals stay."""
    staging = staging_folder(work)
    folders = sorted({path.parent for path in work.victims} - {work.root})

    def step(work: Work, folder: Path) -> None:
        target = work.ground.make_folder(staging / f"{work.rng.randrange(10**6)}")
        work.ground.tool("cp", "-r", "-P", folder, target)

    work.every([path for path in folders if path.is_dir()], step)


def stage_with_tar(work: Work) -> None:
    """Let tar pack copies; the originals stay."""
    there = [str(path.relative_to(work.root)) for path in work.victims if path.exists()]
    names = work.ground.place.scratch / "listed"
    names.write_text("".join(f"{name}\n" for name in there))
    packing, end = work.habit("packing", (("-cf", ".tar"), ("-czf", ".tar.gz"), ("-cJf", ".txz")))
    target = container_path(work, staging_folder(work)).with_suffix(end)
    work.ground.tool("tar", packing, target, "--verbatim-files-from", "-T", names, cwd=work.root)


def copies_then_delete(work: Work) -> None:
    """Copy out, remove the originals, and the copies too, as if they were sent away."""
    staging = stage_copies(work, is_sealed=work.rng.random() < 0.3)
    work.every([path for path in work.victims if path.exists()], delete)
    if work.rng.random() < 0.6:
        for folder, _, names in os.walk(staging, topdown=False):
            for name in names:
                work.ground.delete(Path(folder, name))
            work.ground.remove_folder(Path(folder))


def archives_then_delete(work: Work) -> None:
    """Archive, remove the originals, and mostly the archives too, as if they were sent away."""
    made = stage_archives(work)
    work.every([path for path in work.victims if path.exists()], delete)
    if work.rng.random() < 0.7:
        for path in made:
            work.ground.delete(path)


# Renaming.


def rename_only(work: Work, path: Path) -> None:
    """Give the file another name; what is in it stays."""
    work.ground.rename(path, another(work, path))


def gather(work: Work) -> None:
    """Move the files under meaningless names into one folder; what is in them stays."""
    folder = staging_folder(work)
    work.every(
        work.victims,
        lambda work, path: work.ground.rename(path, folder / work.rng.randbytes(8).hex()),
    )


def scramble_names(work: Work) -> None:
    """Rename the files twice: out of the way, and to each other's names."""
    there = [path for path in work.victims if path.exists()]
    names = list(there)
    work.rng.shuffle(names)
    parked: dict[Path, Path] = {}

    def park(work: Work, path: Path) -> None:
        parked[path] = path.with_name(work.rng.randbytes(6).hex())
        work.ground.rename(path, parked[path])

    work.every(there, park)
    for path, target in zip(there, names, strict=True):
        if path in parked:
            work.ground.rename(parked[path], target)
