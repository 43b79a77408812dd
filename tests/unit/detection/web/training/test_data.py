import gzip
import json
from pathlib import Path

import pytest

from soc_copilot.detection.web.training.data import data_files, json_rows, read_rows
from soc_copilot.domain.errors import SourceError

ROW = {"id": "g1~set-1", "label": "attack", "kind": "SQLi", "method": "GET", "path": "/a"}


def test_plain_and_packed_files_read_alike(tmp_path: Path) -> None:
    text = json.dumps(ROW) + "\n\n" + json.dumps({**ROW, "label": "normal", "kind": None}) + "\n"
    (tmp_path / "a.jsonl").write_text(text)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    plain, packed = (list(read_rows(path)) for path in data_files(tmp_path))
    assert [row.is_attack for row in plain] == [True, False]
    assert plain[0].kind == "sqli"
    assert [row.request for row in plain] == [row.request for row in packed]


def test_the_split_depends_on_the_group_alone(tmp_path: Path) -> None:
    rows = [{**ROW, "id": f"g{i // 3}~set-{i}"} for i in range(900)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    found = list(read_rows(tmp_path / "a.jsonl"))
    by_group = {row.group: row.is_validation for row in found}
    assert all(by_group[row.group] == row.is_validation for row in found)
    assert 0.1 < sum(row.is_validation for row in found) / len(found) < 0.3


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON"),
        ("[1]", "object"),
        ('{"label":"odd"}', "label"),
        ('{"label":"attack","path":4}', "path"),
    ],
)
def test_a_bad_line_is_named_with_its_file(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(ROW) + "\n" + line + "\n")
    with pytest.raises(SourceError, match=rf'bad\.jsonl", line 2.*{words}'):
        list(read_rows(path))


def test_a_missing_cut_or_undecodable_file_is_an_error_for_the_operator(tmp_path: Path) -> None:
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(json.dumps(ROW).encode() * 100)[:-30])
    odd = tmp_path / "odd.jsonl"
    odd.write_bytes(b"\xff\xfe{}")
    for path in (cut, odd, tmp_path / "none.jsonl"):
        with pytest.raises(SourceError, match=path.name):
            list(json_rows(path))
    with pytest.raises(SourceError, match="folder"):
        data_files(tmp_path / "empty")
