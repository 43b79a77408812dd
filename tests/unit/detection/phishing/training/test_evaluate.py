import numpy as np

from soc_copilot.detection.phishing.training.data import Row
from soc_copilot.detection.phishing.training.evaluate import evaluate, of_kind, table


def row(dataset: str, label: str, kind: str, content: str, year: int = 2020) -> Row:
    return Row(dataset, content, label, kind, content, year)


URLS = [
    row("brandpages", "benign", "url", "http://a.com/login"),
    row("brandpages", "benign", "url", "http://b.com"),
    row("feed", "phish", "url", "http://c.com/x", 2025),
    row("feed", "phish", "url", "http://d.com"),
]


def test_hard_parts_of_urls_stand_apart() -> None:
    found = of_kind("url", URLS, np.array([0.6, 0.1, 0.9, 0.2]))
    assert found["url: all"].auc == 0.75
    assert found["url: bare hosts"].rows == 2
    assert found["url: with a path"].auc == 1.0
    assert found["url: brand pages, with a path"].fpr_here == 1.0
    assert found["url: brand pages, bare"].fpr_here == 0.0
    assert found["url: of 2024 and later"].rows == 1
    assert found["url: feed"].tpr_here == 0.5


def test_spam_is_no_phish_in_mail_and_unwanted_in_texts() -> None:
    labels = ("benign", "spam", "phish")
    mails = [row("sa-hard_ham" if x == "benign" else "s", x, "email", x) for x in labels]
    found = of_kind("email", mails, np.array([0.1, 0.9, 0.8]))
    assert found["email: all"].rows == 2
    assert found["email: spam, for comparison"].fpr_here == 1.0
    assert found["email: hard ham"].rows == 1
    texts = [row("s", x, "text", x) for x in labels]
    found = of_kind("text", texts, np.array([0.1, 0.9, 0.8]))
    assert found["text: all"].attacks == 2
    assert found["text: phish alone"].attacks == 1


def test_a_table_has_a_line_for_each_name() -> None:
    found = evaluate(URLS, lambda kind, contents: np.linspace(0, 1, len(contents)))
    lines = table(found).splitlines()
    assert len(lines) == len(found) + 2
    assert lines[1].startswith("url: all")
