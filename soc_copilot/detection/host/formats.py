"""What file names promise of their content, and which places on a host are sensitive."""

from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]


class Format(IntEnum):
    """What an extension promises."""

    NONE = 0  # no extension
    UNKNOWN = 1  # an extension that is not in the table
    TEXT = 2  # readable by a person
    DOCUMENT = 3  # office and page formats, with a structure that shows in the first bytes
    MEDIA = 4
    DATA = 5  # databases, programs, disk images: mixed content
    PACKED = 6  # compressed: close to noise by itself
    SEALED = 7  # encrypted by its owner: noise by itself
    PASSING = 8  # temporary and partial files, copies that editors keep
    ZIPPED = 9  # documents that are archives inside: close to noise, too
    SQUEEZED = 10  # a single file compressed, as log rotation and thrifty people do


_NAMES: Final = {
    Format.TEXT: (
        "txt text md rst csv tsv json jsonl xml html htm xhtml css js mjs ts tsx jsx py pyi rb "
        "pl pm php java kt scala go rs c cc cpp cxx h hh hpp cs m swift sh bash zsh ps1 bat cmd "
        "sql yml yaml toml ini cfg conf cnf env properties log tex bib srt vtt svg ics vcf eml "
        "mbox rtf r jl lua f f90 asm s mk cmake gradle dockerfile po pot diff patch gpx geojson "
        "kml vue scss sass less proto ipynb service desktop plist reg inf lst nfo adoc org sub "
        "in am ac m4 vhd v sv hs ml ex exs erl clj"
    ),
    Format.DOCUMENT: (
        "doc dot xls xlsb ppt pdf ps eps mobi vsd pub msg one pst ost indd ai psd xcf dwg dxf "
        "cdr skp blend step stl"
    ),
    Format.MEDIA: (
        "jpg jpeg jpe png gif bmp tif tiff webp heic heif raw cr2 nef arw dng ico mp3 wav flac "
        "ogg oga opus m4a aac wma mid mp4 m4v mov avi mkv webm wmv mpg mpeg flv 3gp ttf otf "
        "woff woff2"
    ),
    Format.ZIPPED: (
        "docx docm dotx xlsx xlsm pptx pptm odt ods odp odg odf epub pages numbers key vsdx "
        "sketch 3mf kra ora mscz xmind drawio"
    ),
    Format.DATA: (
        "db sqlite sqlite3 db3 mdb accdb dbf ibd myd myi frm ldf mdf so dll exe bin o a obj lib "
        "pyc pyo class wasm elf ko iso img vmdk vdi vhdx qcow2 dmg parquet feather arrow orc "
        "npy npz h5 hdf5 pt pth onnx safetensors pkl pickle mat rds sav ldb wal shm journal idx "
        "pack dat data cache tdb tar"
    ),
    Format.PACKED: (
        "tgz tbz txz tzst zip 7z rar cab jar war ear apk whl egg deb rpm snap flatpak appimage "
        "crx xpi nupkg cbz cbr msi gem"
    ),
    Format.SQUEEZED: "gz bz2 xz lz lz4 lzma zst z br",
    Format.SEALED: "gpg pgp asc age kdbx kdb p12 pfx jks enc aes axx hc tc luks c9r c9s vault",
    Format.PASSING: (
        "tmp temp part partial crdownload download swp swo swx bak old orig lock lck pid new "
        "save autosave dpkg-new dpkg-tmp dpkg-old rpmnew rpmsave sync-conflict filepart aria2 "
        "unfinished 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14"
    ),
}

_SENSITIVE: Final = {
    1.0: "system volume information|.snapshots|snapshots|.zfs|backup|backups|.backups|vss|.ssh|"
    "shadow-copies|shadowcopies|versions|.versions|file history|time machine|restore points|"
    ".gnupg|shadow|wtmp|btmp|lastlog|auth.log|audit.log|security.evtx|system.evtx|winevt|"
    "ntds.dit|sam",
    0.5: "log|logs|journal|audit|startup|autostart|cron.d|cron.daily|init.d|systemd|"
    "launchagents|launchdaemons|.aws|.kube|authorized_keys|.bash_history|.password-store|keyrings",
}

_OFFSET: Final = 0xCBF29CE484222325
_PRIME: Final = 0x100000001B3
_MASK: Final = (1 << 64) - 1


def key_of(text: str) -> int:
    """The 64-bit FNV-1a hash of a text's UTF-8 bytes, as the compiled loop computes it.

    Source:
        Fowler, Noll and Vo, draft-eastlake-fnv.
    """
    value = _OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * _PRIME) & _MASK
    return value


def _table(groups: dict[int, str] | dict[float, str], separator: str) -> tuple[Keys, Keys]:
    """Sorted keys of the words, and the number of each one's group."""
    words = {
        key_of(word): number
        for number, names in enumerate(groups.values())
        for word in names.split(separator)
    }
    keys = sorted(words)
    return np.array(keys, np.uint64), np.array([words[key] for key in keys], np.uint64)


_ext_keys, _ext_groups = _table({int(k): v for k, v in _NAMES.items()}, " ")
EXTENSION_KEYS: Final = _ext_keys
EXTENSION_FORMATS: Final = np.array(
    [int(kind) for kind in _NAMES], np.uint8
)[_ext_groups.astype(np.int64)]  # fmt: skip

_place_keys, _place_groups = _table(_SENSITIVE, "|")
PLACE_KEYS: Final = _place_keys
PLACE_WEIGHTS: Final = np.array(list(_SENSITIVE), np.float32)[_place_groups.astype(np.int64)]
