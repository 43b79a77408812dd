from collections import Counter

from soc_copilot.detection.phishing.training.visual.pages import SPLITS, plan


def test_every_part_has_every_kind_and_its_own_layouts() -> None:
    pages = {split: list(plan(split, 3, 7)) for split in SPLITS}
    kinds = {"reference", "clone", "altered", "no_mark", "own", "unrelated", "showing",
             "sign_in_with"}  # fmt: skip
    for split, some in pages.items():
        counts = Counter(page.kind for page in some)
        own = {"free"} if split == "train" else {"sibling", "changed"}
        assert counts.keys() == kinds | own
        assert {page.split for page in some} == {split}
    layouts = {split: {page.layout for page in some} for split, some in pages.items()}
    assert not layouts["test"] & layouts["train"]
    assert not layouts["test"] & layouts["validation"]
    assert not layouts["validation"] & layouts["train"]


def test_references_are_of_registered_brands_and_siblings_are_not() -> None:
    pages = list(plan("test", 3, 7))
    registered = {page.brand for page in pages if page.kind == "reference"}
    assert registered == {0, 2, 4}
    assert {page.brand for page in pages if page.kind == "sibling"} == {1, 3, 5}
    for page in pages:
        if page.kind in {"showing", "sign_in_with"}:
            assert page.brand == -1
            assert registered & set(page.shown)
        if page.kind in {"clone", "no_mark"}:
            known = {p.layout for p in pages if p.kind == "reference" and p.brand == page.brand}
            assert page.layout in known
        if page.kind == "altered":
            known = {p.layout for p in pages if p.kind == "reference" and p.brand == page.brand}
            assert page.layout not in known
        if page.brand >= 0:
            assert ('class="logo own"' in page.html) == (page.kind != "no_mark")


def test_the_same_seed_gives_the_same_pages() -> None:
    assert list(plan("validation", 2, 7)) == list(plan("validation", 2, 7))
    assert list(plan("validation", 2, 7)) != list(plan("validation", 2, 8))
