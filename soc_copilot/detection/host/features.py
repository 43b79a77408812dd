"""The 30 features of an event: what they are, in which unit, and why they tell harm from work."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final


class Feature(IntEnum):
    """Columns of the feature matrix."""

    WRITE = 0
    RENAME = 1
    DELETE = 2
    PAUSE = 3
    RATE = 4
    UNREADABLE = 5
    ENTROPY_RISE = 6
    SIZE_CHANGE = 7
    REWRITTEN_FORMATS = 8
    NEW_EXTENSION = 9
    EXTENSION_FUNNEL = 10
    TAMPERED = 11
    RENAME_AFTER_WRITE = 12
    OVERWRITTEN = 13
    REPLACED = 14
    WIPED = 15
    REWRITTEN = 16
    RENAMED = 17
    DELETED = 18
    HARM_FAST = 19
    HARM_SLOW = 20
    HARM_SHARE = 21
    HARM_FOLDERS = 22
    HARM_EXTENSIONS = 23
    KEPT = 24
    NOTES = 25
    SENSITIVE = 26
    DEPTH = 27
    NOVELTY = 28
    HOUR = 29


N_FEATURES: Final = len(Feature)
FADE_S: Final = 120.0  # chosen: span of the counters that are told as fading over "2 min"


@dataclass(frozen=True, slots=True)
class Described:
    """One feature.

    Attributes:
        name: For models and exports, lower case with underscores.
        title: For screens.
        unit: Before scaling.
        low: Least value.
        high: Greatest value.
        why: What it tells apart.
    """

    name: str
    title: str
    unit: str
    low: float
    high: float
    why: str


def _flag(name: str, title: str, why: str) -> Described:
    return Described(name, title, "yes or no", 0.0, 1.0, why)


def _files(name: str, title: str, span: str, why: str) -> Described:
    return Described(name, title, f"ln(1 + files), fading over {span}", 0.0, 8.0, why)


FEATURES: Final = (
    _flag("write", "Written", "Kind of operation; a creation has none of the three kinds."),
    _flag("rename", "Renamed", "Kind of operation."),
    _flag("delete", "Deleted", "Kind of operation."),
    Described("pause", "Pause before it", "lg(1 + ms) / 6", 0.0, 1.5,
              "Programs leave no time between files, people do."),
    Described("rate", "Events in 10 s", "ln(1 + events), fading over 10 s, / 8", 0.0, 2.0,
              "Bursts: harm in haste, but builds and copies, too; it only weighs the others."),
    Described("unreadable", "Unreadable content", "share", 0.0, 1.0,
              "How close the content's entropy is to that of chance for its length, or of chance "
              "in letters. Compressed formats stay below it by their headers and their tables."),
    Described("entropy_rise", "Rise of entropy", "bits per byte / 8", -1.0, 1.0,
              "Text that turns into noise; 0 where the content before is not known."),
    Described("size_change", "Change of size", "ln(after / before), at most 1", -1.0, 1.0,
              "Encryption keeps sizes, compression shrinks them."),
    Described("rewritten_formats", "Formats written in place", "ln(1 + extensions) of 10 min",
              0.0, 4.0,
              "An editor or a converter takes few, encryption of parts and weak ciphers take all."),
    _flag("new_extension", "Extension not met before",
          "A file that was there takes an extension that is no known format and that no file "
          "here had."),
    Described("extension_funnel", "Extensions that became one", "lg2(1 + extensions) / 3", 0.0, 1.5,
              "Files of many formats that end up under one new extension."),
    _files("tampered", "Removed in sensitive places", "2 min",
           "Logs and backups that go together hide traces or take away the way back; rotation "
           "takes one at a time."),
    Described("rename_after_write", "Renamed after writing", "1 / (1 + s)", 0.0, 1.0,
              "Write to the side, rename over: careful programs do it, and some that destroy."),
    _files("overwritten", "Overwritten beyond reading", "2 min",
           "Files that were there and hold noise now: the core of the matter."),
    _files("replaced", "Replaced by unreadable copies", "2 min",
           "Files deleted beside an unreadable file that has their name."),
    _files("wiped", "Wiped", "2 min", "Files emptied, zeroed, or overwritten and then deleted."),
    _files("rewritten", "Rewritten in place", "2 min",
           "Files written in place that can still be read: formatters, but encryption of parts, "
           "too."),
    _files("renamed", "Renamed to an unknown extension", "2 min", "Storms of renames."),
    _files("deleted", "Deleted without a copy", "2 min",
           "Cleaning up looks so, and the end of a theft."),
    _files("harm_fast", "Harmed in 10 s", "10 s", "Harm in haste."),
    _files("harm_slow", "Harmed in 30 min", "30 min", "Harm that takes its time."),
    Described("harm_share", "Share of harm", "share", 0.0, 1.0,
              "Harmed files among all that were made, changed or kept, fading over 2 min: work "
              "leaves readable things behind."),
    Described("harm_folders", "Folders with harm", "ln(1 + folders) of 10 min", 0.0, 4.0,
              "Breadth against focus: work is done in few places."),
    Described("harm_extensions", "Formats with harm", "ln(1 + extensions) of 10 min", 0.0, 4.0,
              "A converter takes one format, an attack takes all."),
    _files("kept", "Unreadable beside the original", "2 min",
           "Archives, downloads and encrypted copies take nothing away."),
    Described("notes", "Same file in many folders", "ln(1 + folders) of 10 min", 0.0, 4.0,
              "Ransom notes: a small file of one name and one size, dropped everywhere. They "
              "count as far as files were harmed."),
    Described("sensitive", "Sensitive place", "weight", 0.0, 1.0,
              "Logs, keys, start-up entries, shadow copies and backups."),
    Described("depth", "Depth of the path", "folders / 16", 0.0, 1.0,
              "Caches and repositories are deep, documents are not."),
    Described("novelty", "Unknown actor", "1 / (1 + events of this user and process)", 0.0, 1.0,
              "A program that was never seen at work here; 0 where it is not known."),
    Described("hour", "Hour of the day", "distance from 14 h UTC / 12", 0.0, 1.0,
              "Night work weighs others; 0 where times do not begin at 1970."),
)  # fmt: skip
"""In the order of `Feature`."""
