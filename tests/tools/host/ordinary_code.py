"""Ordinary changes to many texts, sources and names at once, as tools for them make."""

import gzip
import re
import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content
from tests.tools.host.scenario import Place, Program
from tests.tools.host.work import (
    SOURCES,
    TEXTS,
    beat,
    below,
    files,
    fresh,
    make,
    one_folder,
    present,
    remove,
    replace,
    rewrite,
    rng_name,
    shelf,
    some,
    write,
)

CODE_WORK: list[Program] = []
program = shelf(CODE_WORK)
_LICENCE = "".join(f"// {line}\n" for line in ("Copyright", "All rights reserved.", "See LICENCE"))


def _each(
    place: Place,
    chosen: list[Path],
    change: Callable[[bytes], bytes],
    how: Callable[[Place, Path, bytes], None],
) -> None:
    """Change every one of them, with pauses by chance."""
    rest = beat(place, len(chosen))
    for path in present(chosen):
        old = path.read_bytes()
        new = change(old)
        if new != old:
            how(place, path, new)
        rest()


@program("search_replace")
def replace_in_place(place: Place) -> None:
    """Truncate and write, file by file, over everything that holds the word."""
    chosen = some(place, files(place, TEXTS, 20), least=15, most=400)
    old, new = b"the", place.rng.choice(words.THINGS).encode()
    _each(place, chosen, lambda data: data.replace(old, new), write)


@program("format_code")
def formatter(place: Place) -> None:
    """A formatter over a repository: spaces and ends of lines change, the words stay."""
    chosen = some(place, files(place, SOURCES, 20), least=15, most=400)
    width = b" " * place.rng.choice((2, 4, 8))
    how = place.rng.choice((write, write, rewrite, replace))
    _each(place, chosen, lambda data: data.replace(b"\t", width).replace(b" +", b"+") + b"\n", how)


@program("format_code")
def licence_headers(place: Place) -> None:
    chosen = some(place, files(place, SOURCES, 20), least=15, most=400)
    how = place.rng.choice((write, replace))
    _each(place, chosen, lambda data: _LICENCE.encode() + data, how)


@program("charset")
def dos_to_unix(place: Place) -> None:
    """Ends of lines go one way or the other, in place or by a temporary file."""
    chosen = some(place, files(place, TEXTS, 20), least=15, most=300)
    change: Callable[[bytes], bytes] = place.rng.choice(
        (lambda data: data.replace(b"\n", b"\r\n"), lambda data: re.sub(rb"\r?\n", b"\n", data))
    )
    _each(place, chosen, lambda data: change(data) + b"\n", place.rng.choice((write, replace)))


@program("charset")
def charset_in_place(place: Place) -> None:
    """Texts become UTF-16, or get a mark in front."""
    chosen = some(place, files(place, TEXTS, 20), least=15, most=300)
    coding = place.rng.choice(("utf-16", "utf-32", "utf-8-sig"))
    change: Callable[[bytes], bytes] = lambda data: data.decode("utf-8", "replace").encode(coding)  # noqa: E731
    _each(place, chosen, change, place.rng.choice((write, replace, rewrite)))


@program("rename_by_rule")
def batch_rename(place: Place) -> None:
    """Spaces to underscores, numbers in front, capitals to small letters, a word put in."""
    chosen = some(place, below(place, one_folder(place)), least=15, most=400)
    word = place.rng.choice(words.PROJECTS)
    rules: tuple[Callable[[int, str], str], ...] = (
        lambda n, stem: stem.replace(" ", "_").lower() + "_",
        lambda n, stem: f"{n:03}_{stem}",
        lambda n, stem: f"{word}-{n:04}",
        lambda n, stem: f"{stem}-{word}",
    )
    rule = place.rng.choice(rules)
    rest = beat(place, len(chosen))
    for n, path in enumerate(present(chosen)):
        path.rename(fresh(place, path.parent, rule(n, path.stem), path.suffix[1:]))
        rest()


@program("rename_extension")
def extension_fix(place: Place) -> None:
    """jpeg to jpg, txt to md, htm to html, JPG to jpg and such, all over the tree."""
    pairs = {
        "jpeg": "jpg", "JPG": "jpg", "txt": "md", "htm": "html", "yaml": "yml", "js": "mjs",
        "cpp": "cc", "jpg": "jpeg", "html": "htm", "md": "markdown", "doc": "doc.old",
    }  # fmt: skip
    chosen_pairs = dict(place.rng.sample(sorted(pairs.items()), place.rng.randint(1, 6)))
    chosen = files(place, tuple(chosen_pairs), least=15)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        target = path.with_suffix(f".{chosen_pairs[path.suffix[1:]]}")
        if not target.exists():
            path.rename(target)
        rest()


@program("rename_extension")
def suffix_added(place: Place) -> None:
    """Files are set aside: .bak, .old, .orig, .disabled or a date at the end of each name."""
    suffix = place.rng.choice(("bak", "old", "orig", "disabled", "20250601", "save", "1"))
    chosen = some(place, below(place, one_folder(place)), least=15, most=300)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        path.rename(path.with_name(f"{path.name}.{suffix}"))
        rest()
    if place.rng.random() < 0.4:  # and back
        for path in present([p.with_name(f"{p.name}.{suffix}") for p in chosen]):
            path.rename(path.with_suffix(""))


@program("copies_beside")
def backup_copies(place: Place) -> None:
    """NAME.bak beside every file, before something large is tried."""
    suffix = place.rng.choice(("bak", "orig", "backup", "old"))
    chosen = some(place, below(place, one_folder(place)), least=15, most=250)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        shutil.copy2(path, path.with_name(f"{path.name}.{suffix}"))
        rest()
    if place.rng.random() < 0.5:
        for path in present(chosen):
            remove(place, path.with_name(f"{path.name}.{suffix}"))


@program("web_build", tree="webserver")
def minified(place: Place) -> None:
    """NAME.min.js and maps beside sources; bundles with hashes in their names, old ones deleted."""
    chosen = some(place, files(place, ("js", "css", "html"), 15), least=10, most=150)
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = re.sub(rb"\s+", b" ", path.read_bytes())
        out = path.with_name(f"{path.stem}.min{path.suffix}")
        write(place, out, data)
        if place.rng.random() < 0.5:
            write(place, out.with_name(f"{out.name}.map"), make(place, "json", 9_000))
        rest()
    bundle = fresh(place, place.root, "dist")
    for _ in range(place.rng.randint(1, 4)):
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir()
        for _ in range(place.rng.randint(4, 20)):
            name = f"chunk-{words.hash_name(place.rng, 8)}"
            write(place, bundle / f"{name}.js", make(place, "js", 40_000))
        rest()


@program("compress_keep", tree="webserver")
def assets_precompressed(place: Place) -> None:
    """.gz and .br beside every text that a web server sends."""
    chosen = some(place, files(place, ("js", "css", "html", "svg", "json"), 20), least=15, most=300)
    kinds = place.rng.choice((("gz",), ("gz", "br"), ("br",)))
    rest = beat(place, len(chosen))
    for path in present(chosen):
        data = gzip.compress(path.read_bytes())
        for kind in kinds:
            packed = data if kind == "gz" else place.rng.randbytes(len(data) * 9 // 10)
            write(place, path.with_name(f"{path.name}.{kind}"), packed)
        rest()


@program("obfuscate", tree="webserver")
def obfuscated(place: Place) -> None:
    """Sources are delivered packed: every script is written over with unreadable text."""
    chosen = some(place, files(place, ("js", "php", "py"), 15), least=10, most=150)
    how = place.rng.choice((write, replace))
    _each(
        place, chosen, lambda data: b"eval(unpack('" + b64encode(gzip.compress(data)) + b"'))", how
    )


@program("ide")
def ide_autosave(place: Place) -> None:
    """Open files are saved over and over; history and indices are kept in a hidden folder."""
    own = fresh(place, place.root, place.rng.choice((".idea", ".vscode", ".history")))
    own.mkdir()
    chosen = some(place, files(place, SOURCES, 6), most=10)
    rest = beat(place, 60)
    for n in range(60):
        path = place.rng.choice(chosen)
        old = path.read_bytes() if path.exists() else b""
        rewrite(place, path, old + make(place, "py", 150))
        if place.rng.random() < 0.4:
            write(place, own / f"{path.stem}_{n:04}{path.suffix}", old)
        if place.rng.random() < 0.2:
            replace(place, own / "workspace.xml", make(place, "xml", 8_000))
            write(place, own / f"index{n % 5}.bin", make(place, "bin", 30_000))
        rest()


@program("notebooks", tree="mixed")
def notebook_checkpoints(place: Place) -> None:
    chosen = some(place, files(place, ("ipynb",), 4), most=8)
    rest = beat(place, 40)
    for _ in range(place.rng.randint(10, 40)):
        path = place.rng.choice(chosen)
        kept = path.parent / ".ipynb_checkpoints"
        kept.mkdir(exist_ok=True)
        temporary = path.with_name(f".~{path.name}")
        write(place, temporary, make(place, "ipynb", 40_000))
        temporary.replace(path)
        shutil.copyfile(path, kept / f"{path.stem}-checkpoint.ipynb")
        rest()


@program("install")
def node_modules(place: Place) -> None:
    """Hundreds of small files come into deep folders, from a cache, and may all go again."""
    top = fresh(place, place.root, "node_modules")
    staging = place.rng.random() < 0.5
    count = place.rng.randint(10, 45)
    rest = beat(place, count)
    for _ in range(count):
        name = f"{rng_name(place.rng)}-{place.rng.randint(1, 999)}"
        package = top / (f".{name}-{words.hash_name(place.rng, 8)}" if staging else name)
        (package / "lib").mkdir(parents=True)
        for kind in ("json", "js", "md", "ts"):
            write(place, package / f"index.{kind}", make(place, kind, 3_000))
        for _ in range(place.rng.randint(1, 8)):
            file = fresh(place, package / "lib", words.code_stem(place.rng), "js")
            write(place, file, make(place, "js", 4_000))
        if staging:
            package.rename(top / name)
        rest()
    write(place, place.root / "package-lock.json", make(place, "json", 60_000))
    if place.rng.random() < 0.5:
        shutil.rmtree(top)


@program("compile")
def compiler_cache(place: Place) -> None:
    """Objects go under hash names into a cache, come out of it, and old ones are cleaned."""
    cache = fresh(place, place.root, ".ccache")
    build = fresh(place, place.root, "build")
    build.mkdir()
    entries = []
    count = place.rng.randint(20, 90)
    rest = beat(place, count)
    for n in range(count):
        name = words.hash_name(place.rng, 32)
        folder = cache / name[0] / name[1]
        folder.mkdir(parents=True, exist_ok=True)
        entry = folder / f"{name[2:]}R"
        replace(place, entry, content("gz", place.rng, 8_000), entry.with_suffix(".tmp"))
        entries.append(entry)
        write(place, build / f"{words.code_stem(place.rng)}{n}.o", make(place, "o", 12_000))
        write(place, cache / name[0] / "stats", b"0 1 2 3\n")
        if place.rng.random() < 0.3:
            remove(place, entries.pop(0))
        rest()


@program("compile")
def clean_and_build(place: Place) -> None:
    """All that a build made goes, and is made again."""
    for _ in range(place.rng.randint(1, 3)):
        old = files(place, ("o", "so", "bin", "pyc"), 15)
        rest = beat(place, len(old))
        for path in old:
            remove(place, path)
        place.pause(place.rng.random() * 2)
        for path in old:
            write(place, path, make(place, "o", 15_000))
            rest()


@program("translate")
def documents_generated(place: Place) -> None:
    """A site is made from texts: html for each, indices over and over."""
    out = fresh(place, place.root, "_site")
    chosen = some(place, files(place, ("md", "rst", "txt", "ipynb"), 15), least=10, most=150)
    for _ in range(place.rng.randint(1, 3)):
        for path in present(chosen):
            target = out / path.relative_to(place.root).with_suffix(".html")
            target.parent.mkdir(parents=True, exist_ok=True)
            write(place, target, make(place, "html", 9_000))
        write(place, out / "search.json", make(place, "json", 40_000))
        place.pause(place.rng.random() * 2)


@program("split_join")
def files_split(place: Place) -> None:
    """Large files are cut into numbered parts for sending; the whole ones may go."""
    is_deleted = place.rng.random() < 0.4
    for path in some(place, files(place), most=12):
        data = path.read_bytes()
        step = max(1_000, len(data) // place.rng.randint(2, 8))
        for n, at in enumerate(range(0, len(data), step)):
            write(place, path.with_name(f"{path.name}.{n + 1:03}"), data[at : at + step])
        if is_deleted:
            remove(place, path)
        place.pause(place.rng.random() * 0.3)
