import random

from soc_copilot.detection.web.classes import NAMES
from soc_copilot.detection.web.normalise import normalise, pack
from soc_copilot.detection.web.training import synthetic


def test_every_template_can_be_filled() -> None:
    rng = random.Random(1)  # noqa: S311
    templates = [*synthetic.BENIGN, *synthetic.HEADERS]
    templates += [t for kind in synthetic.ATTACKS.values() for t in kind]
    assert all(isinstance(synthetic.fill(t, rng), str) for t in templates for _ in range(5))


def test_attack_classes_are_known() -> None:
    assert set(synthetic.ATTACKS) <= set(NAMES)


def test_the_same_seed_makes_the_same_texts() -> None:
    first, second = (
        [
            (synthetic.attack(rng), synthetic.benign(rng), synthetic.header(rng))
            for rng in [random.Random(4)]  # noqa: S311
            for _ in range(50)
        ]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) > 45


def test_a_cut_text_is_whole_again_once_it_is_read() -> None:
    rng = random.Random(3)  # noqa: S311
    for text, kind in (("eval('document')", "xss"), ("; whoami /all", "cmdi")):
        cut = {synthetic.cut(text, kind, rng) for _ in range(40)}
        assert len(cut) > 10
        read = normalise(pack([each.encode() for each in cut]))
        word = b"document" if kind == "xss" else b"whoami"
        assert sum(word in read.text(i) for i in range(len(cut))) > 0.9 * len(cut)
    assert synthetic.cut("../../etc/passwd", "traversal", rng) == "../../etc/passwd"


def test_no_attack_is_a_bare_word() -> None:
    rng = random.Random(2)  # noqa: S311
    assert not any(synthetic.attack(rng)[0].isalnum() for _ in range(2_000))
