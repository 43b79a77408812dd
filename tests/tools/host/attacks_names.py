"""Names that simulated attacks give to files, and the notes that they leave."""

import base64
import hashlib
import random
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_KINDS = (
    "txt md doc docx odt rtf pdf xls xlsx ods csv ppt pptx odp jpg jpeg png gif mp3 mp4 zip sql db "
    "sqlite json xml html tex eml ini yaml dat"
)
DOCUMENTS: Final = frozenset(f".{kind}" for kind in _KINDS.split())
_SUFFIXES: Final = (
    "locked", "enc", "encrypted", "crypt", "crypted", "sealed", "lck", "aes", "vault", "xyz",
    "fun", "pay", "dark", "zzz", "x", "0day", "LOCKED", "secured", "k1", "cry",
)  # fmt: skip
_DISGUISES: Final = (
    "gz", "jpg", "docx", "tmp", "bak", "pdf", "zip", "dat", "mp4", "png", "old", "xml", "part",
    "bin", "cache", "txt", "log", "7z", "xlsx", "swp",
)  # fmt: skip
_MAILS: Final = ("help", "restore", "unlock", "support", "return", "data.back", "files")

# What becomes of a name; "same" leaves it.
PLAIN: Final = ("suffix", "suffix", "random_suffix", "mail", "mail_id", "prefix", "replaced")
HIDDEN: Final = ("hex", "hash", "encoded", "victim_suffix", "short")
ANY: Final = (*PLAIN, *HIDDEN, "disguise", "disguise")


@dataclass
class Names:
    """How one attack renames.

    Attributes:
        kind: One of `ANY`, "same" or "disguise_replaced".
        rng: The source of chance.
        word: The extension, mail address and so on that all its names share.
    """

    kind: str
    rng: random.Random
    word: str = field(default="")

    def __post_init__(self) -> None:
        rng = self.rng
        letters = string.ascii_lowercase + string.digits
        word = rng.choice(_SUFFIXES)
        if self.kind in {"random_suffix", "replaced"} and rng.random() < 0.6:
            word = "".join(rng.choices(letters, k=rng.randint(3, 9)))
        if self.kind.startswith("disguise"):
            word = rng.choice(_DISGUISES)
        if self.kind.startswith("mail"):
            mail = f"{rng.choice(_MAILS)}{rng.randint(1, 99)}@mail.example"
            word = f"[{mail}].{word}" if rng.random() < 0.5 else f"{mail}.{word}"
        if self.kind == "mail_id":
            word = f"id-{rng.randbytes(4).hex().upper()}.{word}"
        self.word = self.word or word

    def new(self, path: Path) -> Path:
        """The new name beside a file; the same path for the kind "same"."""
        return path.with_name(self._name(path))

    def _name(self, path: Path) -> str:
        """The new name alone."""
        rng, kind = self.rng, self.kind
        if kind == "same":
            return path.name
        if kind == "prefix":
            return f"{self.word}_{path.name}"
        if kind in {"replaced", "disguise_replaced"}:
            return f"{path.stem}.{self.word}" if path.suffix != f".{self.word}" else f"{path.name}_"
        if kind == "hex":
            return rng.randbytes(rng.randint(4, 16)).hex() + rng.choice(("", f".{self.word}"))
        if kind == "hash":
            return hashlib.sha256(str(path).encode()).hexdigest()[:32] + f".{self.word}"
        if kind == "encoded":
            name = base64.urlsafe_b64encode(path.name.encode()).decode().rstrip("=")
            return f"{name[:180]}.{self.word}"
        if kind == "short":
            return "".join(rng.choices(string.ascii_letters + string.digits, k=8))
        if kind == "victim_suffix":
            return (
                f"{path.name}.{''.join(rng.choices(string.ascii_lowercase, k=rng.randint(3, 6)))}"
            )
        return f"{path.name}.{self.word}"


_NOTE_NAMES: Final = (
    "README", "HOW_TO_RESTORE_FILES", "READ_ME_NOW", "RECOVER-INSTRUCTIONS", "!!!_NOTE_!!!",
    "_readme", "restore-my-files", "DECRYPT_INFORMATION", "info", "what happened to your files",
)  # fmt: skip
_NOTE_ENDS: Final = (".txt", ".txt", ".txt", ".html", ".hta", ".md", "")
_SENTENCES: Final = (
    "All your important files were changed and can not be opened any more.",
    "Documents, photos, databases and backups on this computer are unreadable now.",
    "Do not rename the files and do not try to repair them with other programs.",
    "Your network was entered and a copy of your data was taken away.",
    "Write to the address below and put your number into the subject.",
    "You may send one small file, and it will come back readable, as a proof.",
    "The price doubles after three days; after seven days the key is thrown away.",
    "Do not call anybody; they can not help and you lose time.",
    "Open the page below in a browser and follow what it says there.",
    "This is a simulation in a folder of its own: nobody wants anything from anybody.",
)


@dataclass(frozen=True)
class Note:
    """A note of demands: a name, the same text everywhere, and where it is left.

    Attributes:
        where: folders, root, none.
        name: Of its files.
        text: What is in them.
    """

    where: str
    name: str = ""
    text: str = ""


def draw_note(rng: random.Random, likely: float) -> Note:
    """A note in each folder, in the root alone, or none."""
    if rng.random() >= likely:
        return Note("none")
    end = rng.choice(_NOTE_ENDS)
    lines = rng.sample(_SENTENCES, rng.randint(2, len(_SENTENCES)))
    lines.append(f"number: {rng.randbytes(rng.choice((8, 16, 128))).hex()}")
    text = "\n".join(lines) + "\n"
    if end in {".html", ".hta"}:
        body = "".join(f"<p>{line}</p>\n" for line in lines)
        text = f"<html><head><title>note</title></head><body>\n{body}</body></html>\n"
    where = rng.choices(("folders", "root"), (3, 1))[0]
    return Note(where, rng.choice(_NOTE_NAMES) + end, text)
