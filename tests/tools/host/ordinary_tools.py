"""Ordinary work of real tools: version control, archives, compressors, compilers, ciphers."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    PICTURES,
    SOURCES,
    TEXTS,
    beat,
    below,
    files,
    fresh,
    home,
    make,
    one_folder,
    present,
    rng_name,
    shelf,
    some,
    tool,
    walk,
    write,
)

TOOLS: list[Program] = []
program = shelf(TOOLS)
_PASSWORD = "correct horse"  # noqa: S105 - for archives that nobody will open again


def _git(place: Place, folder: Path, *arguments: str | Path) -> int:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "gc.autoDetach=false")
    return tool(place, "git", *who, *arguments, cwd=folder)


def _repository(place: Place, folder: Path) -> None:
    if not (folder / ".git").exists():
        _git(place, folder, "init", "-q", "-b", "main")
    _git(place, folder, "add", "-A")
    _git(place, folder, "commit", "-qm", "first")


def _edit(place: Place, folder: Path, most: int = 8) -> None:
    for path in present(some(place, below(place, folder, TEXTS), most=most)):
        path.write_bytes(path.read_bytes() + content("py", place.rng, 200))


@program("git", "git")
def git_commits(place: Place) -> None:
    folder = one_folder(place)
    _repository(place, folder)
    rest = beat(place, 8)
    for n in range(place.rng.randint(2, 8)):
        _edit(place, folder)
        _git(place, folder, "commit", "-qam", f"change {n}")
        rest()
    if place.rng.random() < 0.5:
        _git(place, folder, "gc", "-q")


@program("git", "git")
def git_clone_checkout(place: Place) -> None:
    origin = place.scratch / "origin"
    origin.mkdir()
    for path in present(some(place, files(place, SOURCES, 20), least=10, most=150)):
        (origin / path.name).write_bytes(path.read_bytes())
    _repository(place, origin)
    _git(place, origin, "checkout", "-qb", "other")
    for _ in range(3):
        _edit(place, origin, 40)
        _git(place, origin, "commit", "-qam", "work")
    clone = fresh(place, place.root, rng_name(place.rng))
    _git(place, place.root, "clone", "-q", "--no-hardlinks", origin, clone)
    rest = beat(place, 6)
    for name in place.rng.choices(("main", "other", "other~1", "other~2"), k=6):
        _git(place, clone, "checkout", "-q", name)
        rest()


@program("git", "git")
def git_rebase_stash(place: Place) -> None:
    folder = one_folder(place)
    _repository(place, folder)
    rest = beat(place, 6)
    _git(place, folder, "checkout", "-qb", "topic")
    for _ in range(place.rng.randint(2, 5)):
        path = fresh(place, folder, words.code_stem(place.rng), "py")
        path.write_bytes(make(place, "py", 3_000))
        _git(place, folder, "add", "-A")
        _git(place, folder, "commit", "-qm", path.name)
        rest()
    _git(place, folder, "checkout", "-q", "main")
    _edit(place, folder)
    _git(place, folder, "commit", "-qam", "meanwhile")
    _git(place, folder, "checkout", "-q", "topic")
    _git(place, folder, "rebase", "-q", "main")
    _edit(place, folder)
    _git(place, folder, "stash", "-q")
    rest()
    _git(place, folder, "stash", "pop", "-q")
    _git(place, folder, "gc", "-q", "--prune=now")
    if place.rng.random() < 0.3:
        _git(place, folder, "clean", "-qfdx")


@program("archive_new", "tar")
def tar_whole(place: Place) -> None:
    target = place.root / f"{rng_name(place.rng)}.tmp"
    kind = place.rng.choice(("z", "j", "J", ""))
    folder = one_folder(place)
    ending = {"z": "tar.gz", "j": "tar.bz2", "J": "tar.xz", "": "tar"}[kind]
    final = fresh(place, place.root, rng_name(place.rng), ending)
    if place.rng.random() < 0.5:
        target = final
    tool(place, "tar", f"c{kind}f", target, f"--exclude={target.name}", ".", cwd=folder)
    if target != final and target.exists():
        target.rename(final)


@program("archive_new", "zip")
def zip_whole(place: Place) -> None:
    target = fresh(place, place.root, rng_name(place.rng), "zip")
    for _ in range(place.rng.randint(1, 4)):
        level = f"-{place.rng.randint(0, 9)}"
        password = ("-P", _PASSWORD) if place.rng.random() < 0.3 else ()
        tool(place, "zip", "-qr", level, *password, target, one_folder(place), "-x", "*.zip")
        place.pause(place.rng.random())


@program("archive_new", "zip")
def zip_each_folder(place: Place) -> None:
    folders = sorted({path.parent for path in walk(place.root)})
    chosen = some(place, [folder for folder in folders if folder != place.root], most=25)
    rest = beat(place, len(chosen))
    for folder in chosen:
        tool(place, "zip", "-qr", f"{folder}.zip", folder.name, cwd=folder.parent)
        rest()


@program("archive_new", "7z")
def seven_zip(place: Place) -> None:
    target = fresh(place, place.root, rng_name(place.rng), "7z")
    tool(place, "7z", "a", f"-p{_PASSWORD}", "-mhe=on", target, one_folder(place))


@program("archive_and_delete", "tar")
def tar_remove_files(place: Place) -> None:
    """An old project goes into one archive, its files are deleted by tar itself."""
    folders = sorted({path.parent for path in walk(place.root)} - {place.root})
    folder = place.rng.choice(folders) if folders else one_folder(place)
    while folder.parent not in {place.root, place.root.parent} and place.rng.random() < 0.5:
        folder = folder.parent
    if folder == place.root:
        return
    target = fresh(place, folder.parent, folder.name, place.rng.choice(("tar.gz", "tar")))
    how = "czf" if target.suffix == ".gz" else "cf"
    tool(place, "tar", how, target, "--remove-files", folder.name, cwd=folder.parent)


@program("archive_and_delete", "zip")
def zip_move(place: Place) -> None:
    chosen = some(place, below(place, one_folder(place)), most=120)
    target = fresh(place, place.root, f"old {rng_name(place.rng)}", "zip")
    tool(place, "zip", "-qm", target, *chosen)


@program("unpack", "tar")
def untar_new(place: Place) -> None:
    packed = place.scratch / "packed.tar.gz"
    tool(place, "tar", "czf", packed, ".", cwd=one_folder(place))
    target = fresh(place, place.root, rng_name(place.rng))
    target.mkdir()
    for _ in range(place.rng.randint(1, 2)):  # the second time over the first
        tool(place, "tar", "xzf", packed, cwd=target)
        place.pause(place.rng.random() * 2)


@program("restore", "unzip", "zip")
def unzip_over_existing(place: Place) -> None:
    """An older state comes back over files that were changed since."""
    folder = one_folder(place)
    packed = place.scratch / "state.zip"
    tool(place, "zip", "-qr", packed, ".", cwd=folder)
    for path in present(some(place, below(place, folder, TEXTS), most=30)):
        write(place, path, make(place, path.suffix[1:], 8_000))
    place.pause(place.rng.random() * 3)
    tool(place, "unzip", "-qo", packed, cwd=folder)


def _compress_each(place: Place, *command: str, extensions: tuple[str, ...] = ()) -> None:
    found = files(place, extensions) if extensions else below(place, one_folder(place))
    chosen = some(place, found, least=10, most=120)
    batch = place.rng.choice((1, 1, 5, 1_000))
    rest = beat(place, len(chosen) // batch + 1)
    for at in range(0, len(chosen), batch):
        tool(place, *command, *chosen[at : at + batch])
        rest()


@program("compress_each", "gzip")
def gzip_each(place: Place) -> None:
    _compress_each(place, "gzip", "-f", f"-{place.rng.randint(1, 9)}", "--")


@program("compress_keep", "gzip")
def gzip_keep(place: Place) -> None:
    _compress_each(place, "gzip", "-fk", "--")


@program("compress_each", "bzip2")
def bzip2_texts(place: Place) -> None:
    _compress_each(place, "bzip2", "-f", "--", extensions=TEXTS)


@program("compress_each", "xz")
def xz_each(place: Place) -> None:
    _compress_each(place, "xz", "-f", "-0", "--")


@program("compress_keep", "zstd")
def zstd_keep(place: Place) -> None:
    _compress_each(place, "zstd", "-qf", "--")


@program("compress_each", "zstd")
def zstd_remove(place: Place) -> None:
    _compress_each(place, "zstd", "-qf", "--rm", "--")


@program("compress_keep", "lz4")
def lz4_keep(place: Place) -> None:
    _compress_each(place, "lz4", "-qfm", "--")


@program("decompress_each", "gzip")
def gunzip_each(place: Place) -> None:
    chosen = files(place, ("gz",), least=place.rng.randint(8, 40))
    rest = beat(place, len(chosen))
    keep = ("-k",) if place.rng.random() < 0.4 else ()
    for path in present(chosen):
        tool(place, "gzip", "-df", *keep, "--", path)
        rest()


@program("copy", "cp")
def cp_tree(place: Place) -> None:
    source = one_folder(place)
    target = place.scratch / "copied" if source == place.root else place.root / "copied"
    tool(place, "cp", "-r" if place.rng.random() < 0.5 else "-a", source, target)
    if target.is_relative_to(place.scratch):  # and then a whole folder comes back at once
        shutil.copytree(target, fresh(place, place.root, "copied"))


@program("copy", "rsync")
def rsync_copy(place: Place) -> None:
    tool(place, "rsync", "-a", f"{one_folder(place)}/", f"{fresh(place, place.root, 'mirror')}/")


@program("backup_update", "rsync")
def rsync_inplace(place: Place) -> None:
    target = place.root / "mirror"
    source = one_folder(place)
    tool(place, "rsync", "-a", "--exclude=mirror", f"{source}/", f"{target}/")
    for path in present(
        some(place, [p for p in below(place, source) if target not in p.parents], most=40)
    ):
        write(place, path, make(place, path.suffix[1:], 8_000))
    tool(place, "rsync", "-a", "--inplace", "--exclude=mirror", f"{source}/", f"{target}/")


@program("move", "mv")
def mv_folders(place: Place) -> None:
    """A tree is tidied: folders and files get another place."""
    target = fresh(place, place.root, rng_name(place.rng))
    target.mkdir()
    chosen = some(place, below(place, one_folder(place)), most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        if path.exists() and target not in path.parents:
            tool(place, "mv", "--backup=numbered", path, target)
            rest()


@program("compile", "gcc", "make")
def gcc_make(place: Place) -> None:
    folder = fresh(place, place.root, rng_name(place.rng))
    folder.mkdir()
    names = [f"{words.code_stem(place.rng)}{n}" for n in range(place.rng.randint(4, 14))]
    for name in names:
        body = f"int f_{name}(int a) {{ return a * {place.rng.randint(2, 99)}; }}\n"
        (folder / f"{name}.c").write_text(body)
    (folder / "main.c").write_text("int main(void) { return 0; }\n")
    objects = " ".join(f"{name}.o" for name in (*names, "main"))
    rules = f"all: {objects}\n\tcc -o prog {objects}\nclean:\n\trm -f *.o prog\n"
    (folder / "Makefile").write_text(rules)
    tool(place, "make", "-s", cwd=folder)
    for name in place.rng.sample(names, 3):
        with (folder / f"{name}.c").open("a") as file:
            file.write(f"int g_{name}(void) {{ return 1; }}\n")
        tool(place, "make", "-s", cwd=folder)
        place.pause(place.rng.random())
    if place.rng.random() < 0.6:
        tool(place, "make", "-s", "clean", cwd=folder)


@program("search_replace", "sed")
def sed_inplace(place: Place) -> None:
    chosen = some(place, files(place, TEXTS, 20), least=10, most=300)
    old, new = place.rng.sample(words.CODE, 2)
    suffix = place.rng.choice(("-i", "-i", "-i.bak"))
    batch = place.rng.choice((1, 500))
    for at in range(0, len(chosen), batch):
        tool(place, "sed", suffix, f"s/{old}/{new}/g; s/the/THE/", *chosen[at : at + batch])


@program("search_replace", "perl")
def perl_inplace(place: Place) -> None:
    chosen = some(place, files(place, TEXTS, 20), least=10, most=300)
    suffix = place.rng.choice(("-pi", "-pi.orig"))
    tool(place, "perl", suffix, "-e", f"s/and/{place.rng.choice(words.CODE)}/g", *chosen)


@program("search_replace", "ed")
def ed_inplace(place: Place) -> None:
    chosen = some(place, files(place, TEXTS, 10), least=5, most=40)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        tool(place, "ed", "-s", path, data=b"g/the/s//this/g\nw\nq\n")
        rest()


@program("editor", "vim")
def vim_edits(place: Place) -> None:
    """Swap files, and a backup beside each file."""
    rest = beat(place, 20)
    settings = place.rng.choice(("set backup", "set nobackup writebackup", "set backupcopy=yes"))
    for path in present(some(place, files(place, TEXTS, 6), most=20)):
        command = ("vim", "-N", "-u", "NONE", "-es", "-c", settings, "-c", "set directory=.")
        tool(place, *command, "-c", "normal ggOnew", "-c", "wq", path, cwd=path.parent)
        rest()


@program("patch", "patch")
def patch_sources(place: Place) -> None:
    for path in present(some(place, files(place, SOURCES, 10), most=40)):
        lines = path.read_text(errors="replace").splitlines(keepends=True)
        if lines and lines[0].endswith("\n"):
            diff = f"--- {path.name}\n+++ {path.name}\n@@ -1 +1,2 @@\n+// patched\n {lines[0]}"
            keep = ("-b",) if place.rng.random() < 0.5 else ()
            tool(place, "patch", "-s", "-f", *keep, path, data=diff.encode(errors="replace"))


@program("own_encryption", "gpg", "gpgconf")
def gpg_each_keep(place: Place) -> None:
    """Encrypted copies for somebody else; the originals stay."""
    _gpg_each(place, lambda path: path.with_name(path.name + place.rng.choice((".gpg", ".asc"))))


@program("own_encryption", "gpg", "gpgconf")
def gpg_each_elsewhere(place: Place) -> None:
    target = fresh(place, place.root, "encrypted")
    target.mkdir()
    _gpg_each(place, lambda path: fresh(place, target, path.name, "gpg"))


def _gpg_each(place: Place, named: Callable[[Path], Path]) -> None:
    (home(place) / ".gnupg").mkdir(mode=0o700, exist_ok=True)
    chosen = some(place, below(place, one_folder(place)), most=25)
    rest = beat(place, len(chosen))
    try:
        for path in present(chosen):
            _gpg(place, path, named(path))
            rest()
    finally:
        _end_agent(place)


def _gpg(place: Place, source: Path, target: Path) -> None:
    quiet = ("gpg", "--batch", "--yes", "-q", "--pinentry-mode", "loopback")
    fast = ("--s2k-count", "1024", "--passphrase", _PASSWORD)
    armoured = ("--armor",) if target.suffix == ".asc" else ()
    tool(place, *quiet, *fast, *armoured, "-o", target, "-c", source)


def _end_agent(place: Place) -> None:
    """The agent that gpg started for this home folder, and no other."""
    place_of = home(place) / ".gnupg"
    command = ["gpgconf", "--homedir", str(place_of), "--kill", "gpg-agent"]
    subprocess.run(command, check=False, capture_output=True)


@program("own_encryption", "gpg", "gpgconf", "tar")
def gpg_backup_archive(place: Place) -> None:
    (home(place) / ".gnupg").mkdir(mode=0o700, exist_ok=True)
    archive = fresh(place, place.root, f"backup-{words.date(place.rng)}", "tar")
    tool(place, "tar", "cf", archive, f"--exclude={archive.name}", ".", cwd=one_folder(place))
    try:
        _gpg(place, archive, archive.with_name(archive.name + ".gpg"))
    finally:
        _end_agent(place)
    archive.unlink(missing_ok=True)


@program("own_encryption", "openssl", "tar")
def openssl_backup_archives(place: Place) -> None:
    """One encrypted archive for each of some folders; the plain archives go."""
    folders = sorted({path.parent for path in walk(place.root)})
    for folder in some(place, folders, most=8):
        archive = fresh(
            place, place.root, f"{folder.name or 'all'}-{place.rng.randint(1, 99)}", "tgz"
        )
        tool(place, "tar", "czf", archive, "--exclude=*.tgz*", ".", cwd=folder)
        cipher = ("openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-pass", f"pass:{_PASSWORD}")
        tool(place, *cipher, "-in", archive, "-out", f"{archive}.enc")
        archive.unlink(missing_ok=True)


@program("picture_inplace", "mogrify", tree="photos")
def mogrify_inplace(place: Place) -> None:
    chosen = some(place, files(place, PICTURES, 10), least=5, most=60)
    share = f"{place.rng.randint(40, 90)}%"
    batch = place.rng.choice((1, 8))
    for at in range(0, len(chosen), batch):
        tool(place, "mogrify", "-resize", share, "-quality", "80", *chosen[at : at + batch])


@program("picture_convert", "mogrify", tree="photos")
def mogrify_format(place: Place) -> None:
    chosen = some(place, files(place, ("png", "jpg"), 10), least=5, most=40)
    is_moved = place.rng.random() < 0.4
    for path in present(chosen):
        other = "jpg" if path.suffix == ".png" else "png"
        tool(place, "mogrify", "-format", other, path)
        if is_moved and path.with_suffix(f".{other}").exists():
            path.unlink(missing_ok=True)


@program("secure_delete_few", "shred")
def shred_few(place: Place) -> None:
    """One or two own files go for good."""
    for path in present(some(place, files(place), most=2)):
        tool(place, "shred", place.rng.choice(("-u", "-uz", "-z")), "-n", "2", path)
        place.pause(place.rng.random() * 3)


@program("binaries", "strip", "gcc")
def strip_binaries(place: Place) -> None:
    source = place.scratch / "s.c"
    source.write_text("int main(void) { return 0; }\n")
    folder = fresh(place, place.root, "bin")
    folder.mkdir()
    tool(place, "gcc", "-g", "-o", folder / "prog", source)
    for n in range(place.rng.randint(5, 20)):
        if (folder / "prog").exists():
            shutil.copy(folder / "prog", folder / f"{words.code_stem(place.rng)}{n}")
    for path in below(place, folder):
        tool(place, "strip", path)


@program("charset", "iconv")
def iconv_texts(place: Place) -> None:
    """Each text is converted to a new file that then takes its place."""
    for path in present(some(place, files(place, TEXTS, 10), least=5, most=60)):
        target = path.with_name(path.name + ".utf16")
        tool(place, "iconv", "-f", "utf-8", "-t", "utf-16", "-o", target, path)
        if target.exists():  # it makes none of an empty file
            target.replace(path)


@program("rotate", "logrotate", tree="server")
def logrotate_real(place: Place) -> None:
    logs = files(place, ("log",), least=5)
    config = place.scratch / "rotate.conf"
    names = "\n".join(f'"{path}"' for path in logs)
    how = place.rng.choice(("copytruncate", "create 0644", "dateext"))
    config.write_text(f"{names} {{\nrotate 3\ncompress\n{how}\nmissingok\n}}\n")
    config.chmod(0o644)
    for _ in range(place.rng.randint(1, 4)):
        for path in logs:
            with path.open("ab") as file:
                file.write(make(place, "log", 3_000))
        tool(place, "logrotate", "-f", "-s", place.scratch / "state", config)
        place.pause(place.rng.random())


@program("deduplicate", "hardlink")
def hardlink_real(place: Place) -> None:
    for path in present(some(place, files(place), most=40)):
        shutil.copy2(path, fresh(place, path.parent, f"copy of {path.stem}", path.suffix[1:]))
    tool(place, "hardlink", place.root)


@program("package_build", "dpkg-deb")
def dpkg_build_unpack(place: Place) -> None:
    build = place.scratch / "package"
    (build / "DEBIAN").mkdir(parents=True)
    control = "Package: sample\nVersion: 1\nArchitecture: all\nMaintainer: A\nDescription: x\n"
    (build / "DEBIAN" / "control").write_text(control)
    for path in present(some(place, files(place), least=10, most=100)):
        target = build / "usr" / path.relative_to(place.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    packed = place.root / f"{rng_name(place.rng)}.deb"
    tool(place, "dpkg-deb", "-b", build, packed)
    tool(place, "dpkg-deb", "-x", packed, place.root / "unpacked")


@program("compile", sys.executable)
def python_compileall(place: Place) -> None:
    for path in present(some(place, files(place, ("py",), 15), most=80)):
        path.write_text(f"value = {place.rng.randint(1, 999)}\n" * place.rng.randint(1, 200))
    tool(place, sys.executable, "-m", "compileall", "-q", place.root)
    if place.rng.random() < 0.5:
        for folder in sorted(place.root.rglob("__pycache__")):
            shutil.rmtree(folder)


@program("install", sys.executable)
def python_venv(place: Place) -> None:
    target = fresh(place, place.root, place.rng.choice((".venv", "env")))
    tool(place, sys.executable, "-m", "venv", "--without-pip", target)
    library = next(target.glob("lib/python*/site-packages"), target)
    for name in place.rng.sample(words.PROJECTS, place.rng.randint(1, 4)):
        (library / name).mkdir()
        for _ in range(place.rng.randint(5, 30)):
            path = fresh(place, library / name, words.code_stem(place.rng), "py")
            path.write_bytes(make(place, "py", 4_000))
    if place.rng.random() < 0.4:
        shutil.rmtree(target)


@program("database", "sqlite3")
def sqlite_dump_vacuum(place: Place) -> None:
    for path in present(some(place, files(place, ("db", "sqlite"), 3), most=6)):
        tool(place, "sqlite3", path, f".output '{path}.sql'", ".dump")
        tool(place, "sqlite3", path, "vacuum;")
        if place.rng.random() < 0.5 and Path(f"{path}.sql").stat().st_size > 100:
            tool(place, "sqlite3", f"{path}.new", f".read '{path}.sql'")
            Path(f"{path}.new").replace(path)


@program("document_optimise", "gs", tree="office")
def ghostscript_pdfs(place: Place) -> None:
    """PDF files are made smaller, or from text."""
    for path in present(some(place, files(place, ("pdf", "txt"), 4), most=8)):
        target = path.with_name(f"{path.stem}-small.pdf")
        script = (
            f"/Helvetica findfont 12 scalefont setfont 72 700 moveto ({path.stem}) show showpage"
        )
        tool(
            place, "gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pdfwrite",
            f"-sOutputFile={target}", "-c", script,
        )  # fmt: skip
        if place.rng.random() < 0.3 and target.exists():
            target.replace(path.with_suffix(".pdf"))
