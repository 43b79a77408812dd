import math

import numpy as np
import polars as pl

from soc_copilot.detection.host import reading
from soc_copilot.detection.host.activity import HostEvent, Operation, from_events, from_frame
from soc_copilot.detection.host.formats import key_of


def columns(*paths):
    return from_events([HostEvent("", 0.0, Operation.WRITE, path) for path in paths])


def test_a_path_is_taken_apart():
    names = columns("a/b/Doc.v2.TXT.locked", "a/b/Doc.v2.TXT", "x", "").path
    assert names.full[1] == key_of("a/b/Doc.v2.TXT") == names.base[0]
    assert names.folder[0] == key_of("a/b")
    assert names.folder[2] == 0
    assert names.stem[0] == names.stem[1] == key_of("a/b/Doc")
    assert names.extension[1] == key_of("txt")
    assert names.base[2] == names.stem[2] == names.full[2]
    assert names.depth.tolist() == [2, 2, 0, 0]
    assert names.full[3] == 0


def test_both_separators_and_sensitive_places():
    names = columns("C:\\Users\\me\\.ssh\\id", "var/log/app.txt", "home/logs.txt").path
    assert names.sensitive.tolist() == [1.0, 0.5, 0.0]
    assert names.depth[0] == 4


def test_unknown_numbers_and_actors():
    found = from_events(
        [
            HostEvent("1", math.nan, Operation.CREATE, "a"),
            HostEvent("2", 1.0, Operation.CREATE, "a", size=3.0, user="u", process="p"),
        ]
    )
    assert found.time.tolist() == [0.0, 1.0]
    assert np.isnan(found.size[0])
    assert found.actor[0] == 0 != found.actor[1]


def test_frames_and_events_give_the_same():
    events = [
        HostEvent("0", 1.5, Operation.RENAME, "é/ß", "b/c.gz", 5.0, 4.0, 3.0, 2.0, True, "s", "u"),
        HostEvent("1", 2.5, Operation.DELETE, "b/c", stream="t", process="p"),
    ]  # fmt: skip
    rows = {
        name: [getattr(e, "timestamp" if name == "time" else name) for e in events]
        for name in reading.SCHEMA
    }
    rows["operation"] = [int(e.operation) for e in events]
    one, two = from_events(events), from_frame(pl.DataFrame(rows, schema=reading.SCHEMA))
    for name in one.__dataclass_fields__:
        left, right = getattr(one, name), getattr(two, name)
        if name in {"path", "target"}:
            for a, b in zip(left, right, strict=True):
                np.testing.assert_array_equal(a, b)
        else:
            np.testing.assert_array_equal(left, right)


def test_no_events_give_no_rows():
    assert len(from_events([])) == 0
    assert len(from_frame(pl.DataFrame(schema=reading.SCHEMA))) == 0
