import numpy as np
import pytest

from soc_copilot.detection.host.telling import Told, highlights, unpack
from soc_copilot.domain.errors import DetectorError


def test_what_is_told_is_kept_as_bytes():
    told = Told({"a|1|b": {"score": 0.5, "lines": 2, "facts": {}}}, {"s": [[1]]}, {"1|s": "/ü"})
    assert unpack(told.pack()) == told


@pytest.mark.parametrize("data", [b"", b"[]", b'{"alerts":{}}', b"\xff"])
def test_damaged_bytes_are_refused(data):
    with pytest.raises(DetectorError, match="damaged"):
        unpack(np.frombuffer(data, np.uint8))


def test_names_of_files_are_marked():
    raw = '{"path":"/srv/a.txt","target":"/srv/a.txt.x"}'
    assert [raw[a:b] for a, b in highlights(raw, ("/srv/b.txt", ""))] == []
    assert [raw[a:b] for a, b in highlights(raw, ("/srv/a.txt", "/srv/a.txt.x"))] == ["a.txt"]
    found = highlights(raw, ("/srv/a.txt.x", "/other"))
    assert [raw[a:b] for a, b in found] == ["a.txt.x"]
