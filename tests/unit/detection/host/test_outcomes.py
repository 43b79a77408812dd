"""What becomes of files, told by whole events: each way to lose one, and its harmless twin."""

import math

import pytest

from soc_copilot.detection.host.activity import HostEvent, Operation, from_events
from soc_copilot.detection.host.features import Feature
from soc_copilot.detection.host.tracking import Tracker

NOISE, TEXT, ZEROS, BASE64, SIZE = 7.955, 4.6, 0.0, 6.01, 20_000.0
COUNTED = ("overwritten", "replaced", "wiped", "rewritten", "renamed", "deleted", "kept")


def event(operation, path, target="", size=math.nan, entropy=math.nan, at=0.0, before=math.nan):
    return HostEvent(
        "", at, Operation[operation], path, target, size, previous_size=before, entropy=entropy
    )


def features(*events):
    return Tracker(4, 1 << 12).advance(from_events(events))[-1]


def counts(*events):
    row = features(*events)
    return {
        name: round(math.expm1(row[Feature[name.upper()]]), 2)
        for name in COUNTED
        if row[Feature[name.upper()]] > 0.004
    }


def wrote(path, entropy=NOISE, size=SIZE, **more):
    return event("WRITE", path, size=size, entropy=entropy, **more)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # A file that was there becomes noise, becomes other text, becomes zeros, is emptied.
        ([wrote("a/x.txt")], {"overwritten": 1.0}),
        ([wrote("a/x.txt", TEXT)], {"rewritten": 1.0}),
        ([wrote("a/x.txt", ZEROS)], {"wiped": 0.6}),
        ([wrote("a/x.txt", math.nan, 0.0)], {"wiped": 0.3}),
        ([wrote("a/x.txt", math.nan, 0.0), wrote("a/x.txt", TEXT)], {"rewritten": 1.0}),
        ([wrote("a/x.txt", math.nan, 0.0), wrote("a/x.txt")], {"overwritten": 1.0}),
        # Each file once, whatever is written to it.
        ([wrote("a/x.txt")] * 5, {"overwritten": 1.0}),
        # What is noise by itself says less.
        ([wrote("a/x.gz")], {"overwritten": 0.3}),
        ([wrote("a/x.gz", 7.94)], {"rewritten": 1.0}),
        ([wrote("a/x.jpg")], {"overwritten": 0.8}),
        ([wrote("a/x.jpg", 7.90)], {"rewritten": 1.0}),
        # Text that has more entropy than text has; a packed file that holds none, or letters.
        ([wrote("a/x.csv", 6.52)], {"overwritten": 0.6}),
        ([wrote("a/x.bin", 6.52)], {"rewritten": 1.0}),
        ([wrote("a/x.zip", 4.6)], {"overwritten": 0.8}),
        ([wrote("a/x.gz", BASE64)], {"overwritten": 0.8}),
        ([wrote("a/x.md", BASE64)], {"overwritten": 0.8}),
        ([event("CREATE", "a/x.md"), wrote("a/x.md", BASE64)], {"overwritten": 0.48}),
        # A few values over and over.
        ([wrote("a/x.md", 1.9)], {"wiped": 0.6}),
        ([wrote("a/x.bin", 1.9)], {"rewritten": 1.0}),
        # A copy beside the original, and the original deleted, in either order.
        ([event("CREATE", "a/x.txt.qzx"), wrote("a/x.txt.qzx")], {"kept": 1.0}),
        (
            [event("CREATE", "a/x.txt.qzx"), wrote("a/x.txt.qzx"), event("DELETE", "a/x.txt")],
            {"replaced": 1.0},
        ),
        (
            [event("DELETE", "a/x.txt"), event("CREATE", "a/x.qzx"), wrote("a/x.qzx")],
            {"replaced": 1.0},
        ),
        (
            [event("CREATE", "a/x.txt.gz"), wrote("a/x.txt.gz"), event("DELETE", "a/x.txt")],
            {"replaced": 0.04},
        ),
        # A copy under another name in the same folder, in either order; elsewhere it is none.
        (
            [event("CREATE", "a/7f3k"), wrote("a/7f3k"), event("DELETE", "a/x.txt")],
            {"replaced": 0.8},
        ),
        (
            [event("DELETE", "a/x.txt"), event("CREATE", "a/7f3k"), wrote("a/7f3k")],
            {"replaced": 0.8},
        ),
        (
            [event("CREATE", "b/7f3k"), wrote("b/7f3k"), event("DELETE", "a/x.txt")],
            {"kept": 1.0, "deleted": 1.0},
        ),
        ([event("DELETE", "a/x.txt")], {"deleted": 1.0}),
        ([event("CREATE", "a/x.tmp"), wrote("a/x.tmp"), event("DELETE", "a/x.tmp")], {"kept": 1.0}),
        # Written to the side and put in place of a file that was there.
        (
            [wrote("a/x.dat", TEXT), event("CREATE", "a/t"), wrote("a/t"),
             event("RENAME", "a/t", "a/x.dat")],
            {"rewritten": 1.0, "overwritten": 0.5},
        ),
        (
            [event("CREATE", "a/t"), wrote("a/t"), event("RENAME", "a/t", "a/x.c", before=500.0)],
            {"overwritten": 1.0},
        ),
        ([event("CREATE", "a/t"), wrote("a/t"), event("RENAME", "a/t", "a/x.iso")], {"kept": 1.0}),
        # Noise under a name that promises text.
        ([event("CREATE", "a/n.txt"), wrote("a/n.txt")], {"overwritten": 0.6}),
        # Renamed first, encrypted then; or only renamed.
        ([event("RENAME", "a/x.txt", "a/x.txt.qzx")], {"renamed": 1.0}),
        (
            [event("RENAME", "a/x.txt", "a/x.txt.qzx"), wrote("a/x.txt.qzx")],
            {"renamed": 1.0, "overwritten": 1.0},
        ),
        ([event("RENAME", "a/x.htm", "a/x.html")], {}),
        ([event("RENAME", "a/x.htm", "a/x.htm.bin")], {"renamed": 1.0}),
        ([event("RENAME", "a/x.htm", "a/x.htm.bak")], {}),
        ([event("RENAME", "a/x.log", "a/x.log.1")], {}),
        ([event("RENAME", "a/x.htm", "a/0f3e")], {"renamed": 1.0}),
        # Overwritten with another text, and deleted right after.
        ([wrote("a/x.txt", TEXT), event("DELETE", "a/x.txt", at=1.0)],
         {"rewritten": 0.99, "wiped": 0.1}),
    ],
)  # fmt: skip
def test_what_is_counted(events, expected):
    assert counts(*events) == pytest.approx(expected, abs=0.011)


EMPTY = {"entropy": math.nan, "size": 0.0}


def test_a_file_that_stays_empty_counts_and_is_taken_back_when_it_is_filled():
    later = event("ATTRIBUTES", "b/y", at=3.0)
    assert counts(wrote("a/x.txt", **EMPTY), later) == pytest.approx({"wiped": 0.6}, abs=0.02)
    soon = wrote("a/x.txt", TEXT, at=1.0)
    assert counts(wrote("a/x.txt", **EMPTY), soon, later) == pytest.approx(
        {"rewritten": 0.98}, abs=0.02
    )
    refilled = wrote("a/x.txt", TEXT, at=9.0)
    assert "wiped" not in counts(wrote("a/x.txt", **EMPTY), later, refilled)


def test_of_many_files_emptied_at_once_none_is_forgotten():
    events = [wrote(f"d{n % 5}/{n}.txt", **EMPTY) for n in range(60)]
    row = features(*events, event("ATTRIBUTES", "b/y", at=3.0))
    assert math.expm1(row[Feature.WIPED]) == pytest.approx(36, rel=0.05)
    assert math.expm1(row[Feature.HARM_FOLDERS]) == pytest.approx(5)


def test_an_emptied_file_that_is_gone_is_not_counted_twice():
    events = [wrote("a/x.txt", **EMPTY), event("DELETE", "a/x.txt", at=1.0)]
    late = event("ATTRIBUTES", "b/y", at=5.0)
    assert counts(*events, late)["wiped"] == pytest.approx(counts(*events)["wiped"], rel=0.1)


def test_what_goes_in_sensitive_places_is_counted_unless_it_comes_back():
    def tampered(*events):
        return round(math.expm1(features(*events)[Feature.TAMPERED]), 2)

    gone = [event("DELETE", f"backup/{n}.sql") for n in range(4)]
    assert tampered(*gone) == 4
    assert tampered(*gone, event("CREATE", "backup/1.sql", size=0.0)) == 3
    assert tampered(event("DELETE", "src/1.sql")) == 0


def test_a_note_in_every_folder_counts_only_where_files_are_touched():
    def notes(*events):
        return math.expm1(features(*events)[Feature.NOTES])

    dropped = [event("CREATE", f"d{n}/README", size=500.0, entropy=4.4) for n in range(9)]
    assert notes(*dropped) == 0
    assert notes(*dropped, wrote("d1/a.txt"), wrote("d2/b.txt")) == pytest.approx(9)


def test_files_in_a_folder_that_was_just_made_were_not_there_before():
    made = HostEvent("", 0.0, Operation.CREATE, "new", is_folder=True)
    assert counts(made, wrote("new/x.dat")) == {"kept": 1.0}


def test_a_file_that_is_deleted_and_made_again_counts_as_overwritten():
    events = [
        event("DELETE", "a/x.c"),
        event("CREATE", "a/x.c", size=0.0),
        wrote("a/x.c"),
    ]
    assert counts(*events).get("overwritten", 0) + counts(*events).get("replaced", 0) >= 0.9


def test_many_formats_that_end_under_one_extension_are_a_funnel():
    events = [
        event("RENAME", f"a/{n}.{ext}", f"a/{n}.{ext}.qzx")
        for n, ext in enumerate(("txt", "pdf", "jpg", "c", "csv"))
    ]
    row = Tracker(4, 1 << 12).advance(from_events(events))[-1]
    assert 2 ** (3 * row[Feature.EXTENSION_FUNNEL]) - 1 == pytest.approx(5)
