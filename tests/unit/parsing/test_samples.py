"""The bundled samples: made by our own program, and wholly understood."""

import numpy as np
import pytest

from soc_copilot.domain import columns as c
from soc_copilot.domain.paths import bundled
from soc_copilot.parsing.batch import BatchParser
from tests.tools import make_load_sample
from tests.tools.make_samples import main
from tests.unit.parsing.test_batch import batch_of, chunk_of

SAMPLES = bundled("data") / "sample"


def test_generator_makes_the_bundled_files_again(tmp_path):
    main(tmp_path)
    for name in ("web-access.log", "auth.log"):
        assert (tmp_path / name).read_bytes() == (SAMPLES / name).read_bytes()
    make_load_sample.main(tmp_path / "town-load.csv")
    assert (tmp_path / "town-load.csv").read_bytes() == (SAMPLES / "town-load.csv").read_bytes()


@pytest.mark.parametrize(
    ("name", "format_name", "actions"),
    [
        ("web-access.log", "access", {"http-request"}),
        (
            "auth.log",
            "syslog",
            {"ssh-login", "ssh-max-auth", "sudo-command", "sudo-auth", "su", "user-added"},
        ),
    ],
)
def test_every_line_is_parsed_and_in_order(name, format_name, actions):
    parser = BatchParser()
    lines = (SAMPLES / name).read_bytes().splitlines(keepends=True)
    parsed = parser.parse(batch_of(chunk_of(lines)))
    assert parser.format_of(1, 1) == format_name
    assert parsed.ledger[1, 1].parsed == len(lines)
    assert actions <= set(parsed.events.frame[c.ACTION].drop_nulls())
    times = parsed.events.frame[c.TIMESTAMP].to_physical().to_numpy()
    assert (np.diff(times) >= 0).all()
    assert 7_000e6 < times[-1] - times[0] < 7_200e6
