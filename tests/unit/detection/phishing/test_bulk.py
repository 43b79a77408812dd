from soc_copilot.detection.phishing.bulk import verdicts
from soc_copilot.detection.phishing.scorer import shipped


def test_verdicts_come_in_the_order_of_contents() -> None:
    contents = [
        ("text", "see you at 8?"),
        ("url", "http://paypal-login.pages.dev/"),
        ("email", "Subject: minutes\n\nthanks for the patch, it works"),
        ("url", "https://www.python.org/"),
    ]
    found = verdicts(shipped(), contents)
    assert [one["prediction"] for one in found] == ["benign", "phish", "benign", "benign"]
    assert all(set(one) == {"prediction", "score", "confidence", "reasons"} for one in found)
    assert any("paypal" in reason for reason in found[1]["reasons"])


def test_nothing_gives_nothing() -> None:
    assert verdicts(shipped(), []) == []
