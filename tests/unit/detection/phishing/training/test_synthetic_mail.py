from soc_copilot.detection.phishing.training.synthetic_mail import synthetic


def test_both_labels_in_every_language() -> None:
    found = synthetic(200, 1)
    assert sum(is_phish for _, _, is_phish, _ in found) == 200
    languages = {label: {lang for _, _, p, lang in found if p == label} for label in (True, False)}
    assert languages[True] == languages[False]
    assert len(languages[True]) == 8


def test_no_slot_is_left_open() -> None:
    assert not any("{" in subject + body for subject, body, _, _ in synthetic(300, 2))


def test_a_seed_gives_the_same_mails() -> None:
    assert synthetic(20, 1) == synthetic(20, 1) != synthetic(20, 2)
