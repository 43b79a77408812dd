import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from soc_copilot.detection.phishing.scorer import Models, shipped, to_scores
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.paths import bundled

URLS = ["http://paypa1-secure-login.pages.dev/verify", "https://github.com/settings/security"]
MAIL = (
    "From: PayPal <x@evil.example>\nSubject: Your account is suspended\n\n"
    "Dear customer, verify your account within 24 hours or it will be terminated. Click here."
)
HAM = "From: Tom <tom@firm.example>\nSubject: minutes\n\nThanks, see the patch. I will test it."


def test_phish_score_high_and_others_low() -> None:
    models = shipped()
    assert models.scores("url", URLS)[0] > 0.9
    assert models.scores("url", URLS)[1] < 0.2
    phish, ham = models.scores("email", [MAIL, HAM])
    assert phish > 0.9
    assert ham < 0.2
    smish, chat = models.scores(
        "text", ["URGENT: your bank account is locked, call 09061234567 to claim", "see you at 8?"]
    )
    assert smish > 0.5
    assert chat < 0.2


@pytest.mark.parametrize("kind", ["url", "email", "text"])
def test_scores_do_not_depend_on_what_stands_beside(kind: str) -> None:
    contents = [*URLS, MAIL, HAM, "", "\u0000", "\ud800", "x" * 9_000]
    together = shipped().scores(kind, contents)
    apart = [float(shipped().scores(kind, [one])[0]) for one in contents]
    assert np.allclose(together, apart, atol=1e-5)
    assert np.isfinite(together).all()


def test_a_brands_own_page_needs_more_proof() -> None:
    own, other = shipped().url_logits(
        ["https://mail.google.com/mail/u/0/#inbox", "https://x.com.tk/"]
    )
    assert own < 0
    assert np.isfinite(other)


def test_nothing_to_score() -> None:
    assert len(shipped().scores("url", [])) == 0


def test_urls_are_remembered() -> None:
    models = Models()
    first = models.url_logits([URLS[0], URLS[1], URLS[0]])
    assert first[0] == first[2]
    assert models.url_logits(URLS) == first[:2]


def test_to_scores_is_a_probability() -> None:
    assert to_scores(np.array([-1e9, 0.0, 1e9])).tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)


def test_shipped_weights_never_saw_what_may_not_be_shipped() -> None:
    for kind in ("url", "email", "text"):
        folder = bundled("models") / "phishing" / kind
        card = json.loads((folder / "card.json").read_text())
        assert card["shippable"] is True
        assert not {one["set"] for one in card["data"]} & {"openphish", "phishing_pot"}
        assert sum(file.stat().st_size for file in folder.iterdir()) <= 10 * 1024**2


def test_a_missing_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"card\.json"):
        Models(tmp_path).get("url")


def test_a_model_of_another_kind_is_said(tmp_path: Path) -> None:
    shutil.copytree(bundled("models") / "phishing" / "text", tmp_path / "url")
    with pytest.raises(DetectorError, match="train phishing"):
        Models(tmp_path).get("url")


def test_the_version_names_all_three() -> None:
    assert all(f"phishing-{kind}-" in shipped().version for kind in ("url", "email", "text"))
