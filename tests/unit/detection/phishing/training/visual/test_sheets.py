import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from soc_copilot.detection.phishing.training.visual.sheets import SIBLINGS, plan_sheets
from soc_copilot.detection.phishing.visual.logos import PARTS
from soc_copilot.domain.errors import SourceError


def test_every_brand_is_drawn_equally_often() -> None:
    sheets = list(plan_sheets(3, share=0.02))
    drawn = Counter(identity for sheet in sheets for identity in sheet.identities)
    whole = [n for identity, n in drawn.items() if identity % len(PARTS) == 0]
    assert len(whole) == 18 * SIBLINGS
    assert set(whole) == {5}
    parts = [identity for identity in drawn if identity % len(PARTS)]
    assert {drawn[identity] for identity in parts} == {2}
    assert 0 < len(parts) < 2 * len(whole)  # some brands have no mark
    assert {identity % len(PARTS) for identity in parts} == {1, 2}
    for sheet in sheets:
        assert sheet.html.count('class="logo"') == len(sheet.identities)
    assert [sheet.html for sheet in plan_sheets(3, share=0.02)] == [one.html for one in sheets]


def test_given_marks_are_drawn_too(tmp_path: Path) -> None:
    rows = [
        {"brand": "Acme & Co", "hex": "12ab34", "svg": "<svg viewBox='0 0 1 1'><title>A</title>"
         "<path d='M0 0H1V1Z'/></svg>"},
        {"brand": "???", "hex": "none", "svg": "<svg><path d='M0 0'/></svg>"},
    ]  # fmt: skip
    file = tmp_path / "marks.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    html = "".join(sheet.html for sheet in plan_sheets(3, file, share=0.02))
    assert html.count("M0 0H1V1Z") == 5 + 2  # whole, and alone
    assert 'fill="#12ab34"' in html
    assert "<title>" not in html
    assert "acme  co" in html.lower()
    file.write_bytes(gzip.compress(b'{"brand": 1}'))
    for missing in (file, tmp_path / "none.gz"):
        with pytest.raises(SourceError, match="holds no marks"):
            list(plan_sheets(3, missing, share=0.02))
