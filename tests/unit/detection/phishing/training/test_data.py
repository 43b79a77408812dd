import json
from pathlib import Path

import pytest

from soc_copilot.detection.phishing.training.data import Row, read_all, read_rows
from soc_copilot.domain.errors import SourceError

ROW = {
    "id": "enron-abc-def",
    "label": "benign",
    "content_type": "email",
    "content": "Subject: x\n\ny",
    "source": "enron",
    "date": "2001-05-06",
}


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def test_a_row_and_its_group(tmp_path: Path) -> None:
    url = {**ROW, "content_type": "url", "content": "https://a.b.pages.dev/x", "date": ""}
    text = {**ROW, "content_type": "text", "content": "Hi 123 There!", "date": "soon"}
    found = read_all([write(tmp_path / "a.jsonl", ROW, url, text)])
    assert found[0] == Row("enron", "abc", "benign", "email", "Subject: x\n\ny", 2001)
    assert [row.group for row in found[1:]] == ["b.pages.dev", "hithere"]
    assert [row.year for row in found[1:]] == [None, None]


def test_the_split_depends_on_the_group_alone(tmp_path: Path) -> None:
    rows = [
        {**ROW, "content_type": "url", "content": f"http://{i % 3}.d{i // 3}.com/"}
        for i in range(900)
    ]
    found = read_all([write(tmp_path / "a.jsonl", *rows)])
    by_group = {row.group: row.is_validation for row in found}
    assert len(by_group) == 300
    assert all(by_group[row.group] == row.is_validation for row in found)
    assert 0.1 < sum(row.is_validation for row in found) / len(found) < 0.3


@pytest.mark.parametrize("odd", [{"label": "bad"}, {"content_type": "fax"}, {"content": 7}])
def test_a_bad_line_is_named(tmp_path: Path, odd: dict[str, object]) -> None:
    path = write(tmp_path / "a.jsonl", ROW, {**ROW, **odd})
    with pytest.raises(SourceError, match=r'a\.jsonl", line 2'):
        list(read_rows(path))
