from soc_copilot.detection.phishing.training.synthetic_texts import synthetic


def test_every_label_in_every_part_of_the_world() -> None:
    found = synthetic(2_000, 1)
    places = {
        label: {name.partition("-")[2] for _, said, name in found if said == label}
        for label in ("benign", "spam", "phish")
    }
    assert places["benign"] == places["spam"] == places["phish"]
    assert len(places["benign"]) == 9


def test_no_slot_or_choice_is_left_open() -> None:
    assert not any(set("[]<>~") & set(text) for text, _, _ in synthetic(2_000, 2))


def test_a_seed_gives_the_same_texts() -> None:
    assert synthetic(50, 1) == synthetic(50, 1) != synthetic(50, 2)


def test_capitals_are_no_label() -> None:
    found = synthetic(3_000, 3)
    shares = [
        sum(text.isupper() for text in some) / len(some)
        for label in ("benign", "spam", "phish")
        if (some := [text for text, said, _ in found if said == label])
    ]
    assert max(shares) - min(shares) < 0.05
