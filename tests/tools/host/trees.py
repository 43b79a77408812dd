"""Made-up folder trees as users, offices, developers and servers have them."""

import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.tools.host import words
from tests.tools.host.contents import content

LARGEST = 2 * 1024 * 1024
_NOW = 1_760_000_000  # files are dated in the three years before
_PICTURES = frozenset({"jpg", "JPG", "jpeg", "png", "heic", "nef", "tif", "psd", "webp", "gif"})
_LARGE = _PICTURES | {
    "mp3", "mp4", "mov", "mkv", "m4a", "flac", "wav", "zip", "gz", "xz", "tar", "tgz", "pdf",
    "parquet", "pptx", "dwg", "blend", "db", "npy",
}  # fmt: skip


@dataclass(frozen=True)
class Area:
    """One part of a tree.

    Attributes:
        folder: Its name; "" is the root.
        share: How many of the tree's files it holds, relative to the others.
        kinds: Extensions, each as often as it is named.
        name: Makes a file's name without extension.
        below: Makes names of subfolders; None when it has none.
        depth: Levels of subfolders at most.
    """

    folder: str
    share: int
    kinds: str
    name: Callable[[random.Random], str] = words.stem
    below: Callable[[random.Random], str] | None = None
    depth: int = 1


def _year(rng: random.Random) -> str:
    return str(rng.randint(2017, 2025))


def _month(rng: random.Random) -> str:
    return f"{rng.randint(2018, 2025)}-{rng.randint(1, 12):02}"


def _topic(rng: random.Random) -> str:
    return rng.choice((rng.choice(words.TOPICS), rng.choice(words.THINGS).title(), _year(rng)))


def _project(rng: random.Random) -> str:
    return rng.choice(words.PROJECTS)


def _package(rng: random.Random) -> str:
    return rng.choice((*words.CODE, "src", "tests", "lib", "include", "docs"))


def _person(rng: random.Random) -> str:
    return words.person(rng).replace(" ", rng.choice((" ", "_", ".")))


def _customer(rng: random.Random) -> str:
    return f"{rng.randint(10000, 99999)} {rng.choice(words.LAST).title()}"


def _number(rng: random.Random) -> str:
    return f"{rng.choice(('f', 'f', 'file', 'doc_'))}{rng.randint(0, 299):03}"


def _numbered(rng: random.Random) -> str:
    return f"{rng.choice(('dir', 'dir', 'd', 'folder'))}{rng.randint(0, 9):02}"


def _song(rng: random.Random) -> str:
    return f"{rng.randint(1, 18):02} {rng.choice(words.THINGS).title()} {rng.choice(words.THINGS)}"


def _mail(rng: random.Random) -> str:
    return f"{rng.randint(1_600_000_000, _NOW)}.M{rng.randint(1, 999999)}P{rng.randint(1, 9999)}"


def _log(rng: random.Random) -> str:
    return f"{rng.choice(words.CODE)}-{words.date(rng)}"


def _hash(rng: random.Random) -> str:
    return words.hash_name(rng, rng.choice((16, 32, 40)))


_DOCUMENTS = "docx docx docx doc pdf pdf pdf xlsx xlsx xls odt ods pptx txt txt csv rtf md"
_PHOTOS = "jpg jpg jpg jpg JPG jpeg png heic nef mp4"
_SOURCES = "py py c h cpp js ts java go rs sh md json yaml toml css html sql"
_DOT = Area("", 1, "ini cfg conf json db", lambda rng: f".{rng.choice(words.CODE)}rc")

KINDS: dict[str, tuple[Area, ...]] = {
    "home": (
        Area("Documents", 22, _DOCUMENTS, words.stem, _topic, 3),
        Area("Pictures", 18, _PHOTOS, words.photo_stem, _month, 2),
        Area("Downloads", 8, "zip pdf pdf jpg gz exe tar docx xz bz2 jar epub png html"),
        Area("Music", 8, "mp3 mp3 mp3 flac m4a wav", _song, _topic, 2),
        Area("projects", 12, _SOURCES, words.code_stem, _package, 4),
        Area("Mail", 8, "eml eml eml mbox vcf ics", _mail, _project, 2),
        Area("Desktop", 4, "txt docx png pdf csv xlsx kdbx gpg"),
        Area("Videos", 2, "mp4 mov mkv srt", words.photo_stem),
        Area(".config", 4, "ini json db sqlite cfg xml", words.code_stem, _package, 2),
        _DOT,
    ),
    "office": (
        Area("Finance", 16, "xlsx xlsx xlsx csv pdf xls docx ods", words.stem, _year, 3),
        Area("Personnel", 10, "docx pdf pdf doc jpg xlsx msg", words.stem, _person, 2),
        Area("Customers", 18, _DOCUMENTS, words.stem, _customer, 3),
        Area("Templates", 3, "docx xlsx pptx odt"),
        Area("Marketing", 8, "pptx pdf psd png jpg mp4 svg docx", words.stem, _project, 2),
        Area("Scans", 8, "pdf pdf tif jpg", words.photo_stem, _month, 1),
        Area("Exchange", 5, "zip docx csv txt msg eml"),
        Area("", 1, "docx txt lnk db", words.stem),
    ),
    "developer": (
        Area("work/src", 30, _SOURCES, words.code_stem, _package, 5),
        Area("work/tests", 10, "py js json txt csv", words.code_stem, _package, 2),
        Area("work/build", 8, "o o so bin json", words.code_stem, _package, 2),
        Area("work/docs", 5, "md rst png svg html", words.code_stem, _package, 1),
        Area("vendor", 14, "js js ts json md css", words.code_stem, _package, 5),
        Area("data", 4, "csv json parquet npy sqlite gz ipynb"),
        Area("work", 3, "toml yaml json md cfg ini", words.code_stem),
    ),
    "photos": (
        Area("Library", 40, _PHOTOS, words.photo_stem, _month, 3),
        Area("Edited", 8, "psd tif jpg png jpg", words.photo_stem, _topic, 2),
        Area("Thumbnails", 8, "jpg png webp", _hash),
        Area("Catalog", 2, "db sqlite xml json", words.code_stem),
    ),
    "webserver": (
        Area("htdocs", 20, "html html php css js png jpg svg json", words.code_stem, _package, 4),
        Area("htdocs/uploads", 12, "jpg png pdf docx zip webp mp4", words.stem, _month, 2),
        Area("htdocs/assets", 8, "js css woff2 png svg jpg", words.code_stem, _package, 2),
        Area("logs", 8, "log log log gz", _log),
        Area("conf", 3, "conf ini pem crt yaml", words.code_stem, _package, 1),
        Area("backup", 2, "sql gz tar zip", _log),
    ),
    "server": (
        Area("db", 8, "db dat bin sqlite", lambda rng: str(rng.randint(1000, 99999)), _package, 2),
        Area("logs", 14, "log log log gz xz", _log, _package, 2),
        Area("export", 10, "csv json parquet sql gz xml", _log, _month, 2),
        Area("backup", 5, "gz tar xz sql gpg", _log),
        Area("etc", 7, "conf ini yaml pem crt", words.code_stem, _package, 2),
        Area("spool", 6, "eml json", _hash, _package, 1),
        Area("blobs", 8, "", _hash, lambda rng: words.hash_name(rng, 2), 2),
    ),
    "plain": (Area("", 1, "txt txt txt csv csv c gz dat dat md", _number, _numbered, 1),),
    "mixed": (
        Area("share", 14, _DOCUMENTS, words.stem, _topic, 4),
        Area("media", 10, _PHOTOS + " mp3 flac mkv wav", words.photo_stem, _topic, 2),
        Area("code", 10, _SOURCES, words.code_stem, _package, 5),
        Area("archive", 6, "zip gz xz bz2 tar pdf gpg 7z", words.stem, _year, 2),
        Area("science", 8, "csv npy parquet dat json ipynb tex", words.stem, _project, 3),
        Area("drawings", 5, "dwg blend svg pdf png", words.stem, _project, 2),
        Area("", 2, "txt docx kdbx db", words.stem),
        _DOT,
    ),
}


def make(kind: str, root: Path, rng: random.Random, n_files: int = 0) -> list[Path]:
    """Make a tree.

    Args:
        kind: One of `KINDS`.
        root: An empty folder.
        rng: The only source of chance.
        n_files: How many; 0 takes 30 to 600 by chance.

    Returns:
        Its files.
    """
    areas = KINDS[kind]
    n_files = n_files or round(30 * 20 ** rng.random())
    scale = rng.choice((0.4, 1.0, 1.0, 2.0)) * min(1.0, 250 / n_files)
    folders = {area.folder: _folders(root / area.folder, area, rng, n_files) for area in areas}
    made = []
    for area in rng.choices(areas, [area.share for area in areas], k=n_files):
        extensions = area.kinds.split() or [""]
        extension = rng.choice(extensions)
        name = area.name(rng) + (f".{extension}" if extension else "")
        path = rng.choice(folders[area.folder]) / name
        if path.exists():
            continue
        path.write_bytes(content(extension, rng, _size(extension, rng, scale)))
        made.append(path)
    made += _oddities(folders, rng)
    _date(made, rng)
    return made


def _folders(top: Path, area: Area, rng: random.Random, n_files: int) -> list[Path]:
    found = [top]
    if area.below is not None:
        for _ in range(max(1, round(n_files**0.5 * rng.uniform(0.2, 0.8)))):
            parent = rng.choice(found)
            if len(parent.relative_to(top).parts) < area.depth:
                found.append(parent / area.below(rng))
        if rng.random() < 0.7:
            found = found[1:] or found  # people leave little beside their subfolders
    for folder in found:
        folder.mkdir(parents=True, exist_ok=True)
    return found


def _size(extension: str, rng: random.Random, scale: float) -> int:
    if rng.random() < 0.015:
        return 0
    middle = 70_000 if extension in _LARGE else 9_000
    size = rng.lognormvariate(0.0, 1.2) * middle * (scale if extension in _LARGE else 1.0)
    return min(LARGEST, max(20, round(size)))


def _oddities(folders: dict[str, list[Path]], rng: random.Random) -> list[Path]:
    """Files without extension, hidden ones, and those that systems leave about."""
    places = [folder for found in folders.values() for folder in found]
    made = []
    for name in ("README", "Makefile", "TODO", ".hidden", "Thumbs.db", "desktop.ini", "LICENSE"):
        if rng.random() < 0.4:
            path = rng.choice(places) / name
            path.write_bytes(content("ini", rng, rng.randint(0, 3_000)))
            made.append(path)
    return made


def _date(paths: Iterable[Path], rng: random.Random) -> None:
    for path in paths:
        moment = _NOW - rng.randrange(3 * 365 * 86_400)
        os.utime(path, (moment, moment))
