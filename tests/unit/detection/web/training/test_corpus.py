from soc_copilot.detection.web.classes import NAMES
from soc_copilot.detection.web.request import Request
from soc_copilot.detection.web.training.corpus import Corpus, class_of
from soc_copilot.detection.web.training.data import Row


def row(dataset: str, kind: str, request: Request, *, attack: bool = True) -> Row:
    return Row(dataset, "g", attack, kind, request)


ROWS = [
    row("wcp", "xss", Request(path="/", query="p=%3Cscript%3Ealert(1)%3C/script%3E")),
    row("wcp", "", Request("GET", "/a/b", "c=d", {"User-Agent": "ua"}), attack=False),
    row("fwaf", "unlabelled", Request(path="/scripts/list.php")),
    row("deepxss", "xss", Request(path="/", query="a=1&b=<svg onload=x()>")),
]


def test_single_values_never_stay_where_the_set_put_them() -> None:
    texts = [e.raw.decode() for e in Corpus(ROWS * 30, 1, n_synthetic=0).examples() if e.target]
    moved = [text for text in texts if "script" in text and "scripts/list" not in text]
    assert len({text.split("=")[0] for text in moved}) > 5
    assert sum(text.startswith("/?p=") for text in moved) < 0.3 * len(moved)


def test_attacks_without_a_sign_of_one_weigh_little() -> None:
    weights = {e.raw: e.weight for e in Corpus(ROWS, 1, n_synthetic=0).examples()}
    assert weights[b"/scripts/list.php"] < weights[b"/?a=1&b=<svg onload=x()>"]


def test_classes_come_from_the_set_or_from_what_is_missing() -> None:
    assert class_of(ROWS[0]) == NAMES.index("xss")
    assert class_of(ROWS[1]) == -1
    assert class_of(ROWS[2]) == NAMES.index("probe")
    assert class_of(row("fwaf", "unlabelled", Request(path="/a?x=<script>"))) == -1


def test_the_same_seed_makes_the_same_corpus() -> None:
    first, second = (Corpus(ROWS, 9, n_synthetic=40).examples() for _ in range(2))
    assert first == second
    made_up = [e for e in first if e.target == 0]
    assert len(made_up) >= 40
