"""Ordinary care of files that looks like harm: sums, quarantine, hash stores, tests of disks."""

import hashlib
import shutil
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    beat,
    below,
    files,
    fresh,
    make,
    one_folder,
    overwrite_parts,
    present,
    remove,
    replace,
    rewrite,
    rng_name,
    shelf,
    some,
    walk,
    write,
)

CARE: list[Program] = []
program = shelf(CARE)


@program("notes_beside")
def sums_beside(place: Place) -> None:
    """A sum beside every file, or one list in every folder."""
    is_listed = place.rng.random() < 0.5
    chosen = some(place, below(place, one_folder(place)), least=15, most=400)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        line = f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n"
        if is_listed:
            with (path.parent / "SHA256SUMS").open("a") as file:
                file.write(line)
        else:
            write(place, path.with_name(f"{path.name}.sha256"), line.encode())
        rest()


@program("notes_beside")
def notes_in_every_folder(place: Place) -> None:
    """The same small file is put into each folder: settings of a file manager, a readme, a page."""
    name, kind = place.rng.choice(
        (
            ("desktop.ini", "ini"),
            (".DS_Store", "doc"),
            ("README.txt", "txt"),
            ("index.html", "html"),
            ("folder.jpg", "jpg"),
            (".nomedia", "txt"),
            ("CHANGES since last visit.txt", "txt"),
        )
    )
    data = make(place, kind, 2_000)
    folders = sorted({path.parent for path in walk(place.root)})
    rest = beat(place, len(folders))
    for folder in folders:
        if not (folder / name).exists():
            write(place, folder / name, data)
            rest()


@program("copies_beside")
def recovery_files(place: Place) -> None:
    """Recovery blocks, as random as ciphers, beside the files that they protect."""
    chosen = some(place, below(place, one_folder(place)), least=10, most=100)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        size = max(500, path.stat().st_size // 5)
        for n in range(place.rng.randint(1, 3)):
            out = path.with_name(f"{path.name}.vol{n:03}+{2**n:02}.par2")
            write(place, out, b"PAR2\0PKT" + place.rng.randbytes(size))
        rest()


@program("quarantine")
def quarantine(place: Place) -> None:
    """A guard takes a few files away: encoded copies under numbers, the files deleted."""
    store = fresh(place, place.root, place.rng.choice(("Quarantine", ".quarantine")))
    store.mkdir()
    chosen = some(place, files(place), most=6)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        mask = place.rng.randrange(1, 256)
        data = path.read_bytes().translate(bytes(n ^ mask for n in range(256)))
        write(place, store / f"{words.hash_name(place.rng, 12)}.vir", data)
        write(place, store / "index.json", make(place, "json", 1_000))
        remove(place, path)
        rest()


@program("own_encryption_few")
def few_sealed(place: Place) -> None:
    """An owner seals one, two or three files and deletes the plain ones."""
    ending = place.rng.choice(("gpg", "age", "aes", "7z", "zip", "enc"))
    rest = beat(place, 3)
    for path in some(place, files(place), most=3):
        write(place, path.with_name(f"{path.name}.{ending}"), make(place, "gpg"))
        remove(place, path)
        rest()


@program("own_encryption_few")
def secrets_sealed(place: Place) -> None:
    """A few settings files are sealed in place, as text or as bytes."""
    chosen = some(place, files(place, ("yaml", "ini", "conf", "pem", "json"), 3), most=4)
    for path in present(chosen):
        size = path.stat().st_size
        plain = f"$ANSIBLE_VAULT;1.1;AES256\n{place.rng.randbytes(size).hex()}\n".encode()
        replace(place, path, plain if place.rng.random() < 0.6 else content("gpg", place.rng, size))
        place.pause(place.rng.random())


@program("hash_store")
def large_file_store(place: Place) -> None:
    """Files move into a store under their hash; a link or a pointer takes their place."""
    store = fresh(place, place.root, place.rng.choice((".annex", ".dvc", ".lfs"))) / "objects"
    is_linked = place.rng.random() < 0.5
    chosen = some(place, below(place, one_folder(place)), least=10, most=200)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        name = hashlib.sha256(path.read_bytes()).hexdigest()
        target = store / name[:2] / name[2:4] / name
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        if is_linked:
            path.symlink_to(target)
        else:
            write(place, path, f"version 1\noid sha256:{name}\nsize 1\n".encode())
        rest()


@program("hash_store")
def renamed_to_hashes(place: Place) -> None:
    """Every file is named by its content, extensions kept or put away."""
    is_kept = place.rng.random() < 0.6
    chosen = some(place, below(place, one_folder(place)), least=10, most=300)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        name = hashlib.sha256(path.read_bytes()).hexdigest()[: place.rng.choice((16, 64))]
        path.rename(fresh(place, path.parent, name, path.suffix[1:] if is_kept else ""))
        rest()


@program("disk_test")
def disk_benchmark(place: Place) -> None:
    """Files of random bytes are made, changed all over, read and deleted."""
    folder = fresh(place, place.root, "benchmark")
    folder.mkdir()
    made = []
    for n in range(place.rng.randint(5, 80)):
        path = folder / f"test.{n}.0"
        write(place, path, place.rng.randbytes(place.rng.choice((4_096, 65_536, 300_000))))
        made.append(path)
    for path in place.rng.choices(made, k=60):
        overwrite_parts(path, [(place.rng.randrange(4_000), place.rng.randbytes(4_096))])
    for path in made:
        remove(place, path)
    folder.rmdir()


@program("disk_test")
def free_space_wiped(place: Place) -> None:
    """Large files of zeros or noise fill what is free, then go; nothing of the owner's does."""
    folder = fresh(place, place.root, "EFTMPWP")
    folder.mkdir()
    fill = place.rng.choice((bytes, place.rng.randbytes))
    made = []
    rest = beat(place, 20)
    for n in range(place.rng.randint(5, 20)):
        path = folder / f"{n}.tmp"
        write(place, path, fill(place.rng.randint(300_000, 900_000)), 65_536)
        made.append(path)
        rest()
    for path in made:
        remove(place, path)
    folder.rmdir()


@program("mail_store")
def mail_store_in_place(place: Place) -> None:
    """One large store of mail, sealed or plain, is changed all over for as long as mail is open."""
    path = fresh(place, place.root, "mail", place.rng.choice(("pst", "ost", "sqlite")))
    is_sealed = place.rng.random() < 0.5
    write(place, path, place.rng.randbytes(900_000) if is_sealed else make(place, "msg", 900_000))
    pieces = [place.rng.randbytes(2_048) if is_sealed else make(place, "eml", 2_048)]
    rounds = place.rng.randint(40, 200)
    rest = beat(place, rounds)
    for _ in range(rounds):
        overwrite_parts(path, [(place.rng.randrange(500) * 512, place.rng.choice(pieces))])
        rest()


@program("migration")
def share_migrated(place: Place) -> None:
    """A share moves to a new layout: files are written there in a newer form, the old ones go."""
    target = fresh(place, place.root, f"{rng_name(place.rng)} new")
    chosen = some(place, below(place, one_folder(place)), least=10, most=200)
    newer = {"doc": "docx", "xls": "xlsx", "txt": "md", "rtf": "odt", "jpeg": "jpg"}
    rest = beat(place, len(chosen))
    for path in present(chosen):
        kind = newer.get(path.suffix[1:], path.suffix[1:])
        folder = target / path.parent.name.lower().replace(" ", "-")
        folder.mkdir(parents=True, exist_ok=True)
        out = fresh(place, folder, path.stem.lower().replace(" ", "-"), kind)
        if kind == path.suffix[1:]:
            shutil.copy2(path, out)
        else:
            write(place, out, content(kind, place.rng, max(100, path.stat().st_size)))
        remove(place, path)
        rest()


@program("template", tree="office")
def letterhead_changed(place: Place) -> None:
    """A new logo goes into every document: all of them are written anew, of about the same size."""
    kinds = ("docx", "odt", "pptx", "xlsx")
    chosen = some(place, files(place, kinds, 15), least=10, most=250)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        size = max(3_000, path.stat().st_size)
        rewrite(place, path, content(path.suffix[1:], place.rng, size))
        rest()


@program("simulation")
def results_rewritten(place: Place) -> None:
    """A simulation writes its grids over again at each step, and a log."""
    folder = fresh(place, place.root, "run")
    folder.mkdir()
    grids = [folder / f"field{n}.{place.rng.choice(('dat', 'npy', 'vtk'))}" for n in range(8)]
    steps = place.rng.randint(4, 25)
    rest = beat(place, steps)
    blocks = [make(place, "npy", 60_000) for _ in range(4)]
    for n in range(steps):
        for path in grids:
            write(place, path, place.rng.choice(blocks))
        with (folder / "run.log").open("a") as file:
            file.write(f"step {n} residual {place.rng.random():.3e}\n")
        if n % 5 == 4:
            shutil.copyfile(grids[0], folder / f"restart{n}.bin")
        rest()


def _sectors(path: Path) -> int:
    return path.stat().st_size // 512


@program("repair", tree="home")
def databases_repaired(place: Place) -> None:
    """Damaged databases are copied out, checked, and replaced; the damaged ones are kept."""
    chosen = some(place, files(place, ("db", "sqlite"), 5), most=25)
    for path in present(chosen):
        new = path.with_name(f"{path.name}.repaired")
        write(place, new, make(place, "sqlite", max(2_000, _sectors(path) * 512)))
        path.rename(path.with_name(f"{path.name}.corrupt"))
        new.rename(path)
        place.pause(place.rng.random() * 0.5)


def _synced(place: Place, source: Path, target: Path) -> None:
    """One file as rsync brings it: a hidden temporary name, dates and rights, then the rename."""
    part = target.with_name(f".{target.name}.{words.hash_name(place.rng, 6)}")
    write(place, part, source.read_bytes(), 32_768)
    shutil.copystat(source, part)
    part.chmod(0o644)
    part.replace(target)


@program("copy")
def synced_copy(place: Place) -> None:
    """A tree is copied: folders first, then the files; a second run brings what changed."""
    source = one_folder(place)
    target = fresh(place, place.root, place.rng.choice(("backup", "mirror", "copy of all")))
    found = [path for path in sorted(walk(source)) if target not in path.parents]
    for folder in sorted({path.parent.relative_to(source) for path in found}):
        (target / folder).mkdir(parents=True, exist_ok=True)
        (target / folder).chmod(0o755)
    rest = beat(place, len(found))
    for path in present(found):
        _synced(place, path, target / path.relative_to(source))
        rest()
    for path in present(some(place, found, most=40)):
        write(place, path, make(place, path.suffix[1:], 10_000))
        _synced(place, path, target / path.relative_to(source))
        rest()


@program("backup_update")
def synced_in_place(place: Place) -> None:
    """Copies that exist are brought up to date by pieces, in place, whatever they are."""
    source = one_folder(place)
    target = fresh(place, place.root, "backup")
    found = [path for path in sorted(walk(source)) if target not in path.parents]
    shutil.copytree(source, place.scratch / "first", dirs_exist_ok=True)
    shutil.copytree(place.scratch / "first", target)
    chosen = some(place, found, least=10, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = path.read_bytes()
        at = place.rng.randrange(len(data) + 1)
        write(place, path, data[:at] + data[:2_000] + data[at:])  # as people copy and paste
    for path in present(chosen):
        copy, data = target / path.relative_to(source), path.read_bytes()
        pieces = [(at, data[at : at + 32_768]) for at in range(0, len(data), 32_768)]
        overwrite_parts(copy, pieces)
        shutil.copystat(path, copy)
        rest()
