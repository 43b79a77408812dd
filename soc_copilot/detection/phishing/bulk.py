"""Verdicts for many contents at once, as `score phishing` writes them."""

from collections.abc import Sequence
from typing import Any, Final

from soc_copilot.detection.phishing import explain
from soc_copilot.detection.phishing.mail import parse_email
from soc_copilot.detection.phishing.scorer import Models, to_scores
from soc_copilot.detection.phishing.urls import parse_url
from soc_copilot.domain.phishing import Reason, confidence_of, prediction_of

_DIGITS: Final = 6  # chosen: decimals of scores
_MAX_REASONS: Final = 6  # chosen: sentences per content


def verdicts(models: Models, contents: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Prediction, score, confidence and reasons of contents, in their order.

    Args:
        models: To score with.
        contents: (kind, content) pairs; kinds are "url", "email" and "text".

    Raises:
        DetectorError: A model cannot be loaded.
    """
    found: list[dict[str, Any]] = [{}] * len(contents)
    for kind in ("url", "email", "text"):
        at = [i for i, (name, _) in enumerate(contents) if name == kind]
        if at:
            for i, one in zip(
                at, _of_kind(models, kind, [contents[i][1] for i in at]), strict=True
            ):
                found[i] = one
    return found


def _of_kind(models: Models, kind: str, contents: Sequence[str]) -> list[dict[str, Any]]:
    reasons: list[list[Reason]]
    if kind == "url":
        urls = [parse_url(content) for content in contents]
        logits = models.parsed_url_logits(urls)
        reasons = [explain.of_url(url) for url in urls]
    elif kind == "email":
        mails = [parse_email(content.encode("utf-8", "replace")) for content in contents]
        logits, of_rules = models.mail_logits(mails)
        model = models.get("email")
        reasons = [
            [*rules, *explain.of_text(model, mail.subject, mail.text)]
            for mail, rules in zip(mails, of_rules, strict=True)
        ]
    else:
        logits, of_rules = models.text_logits(contents)
        model = models.get("text")
        reasons = [
            [*rules, *explain.of_text(model, "", content)]
            for content, rules in zip(contents, of_rules, strict=True)
        ]
    return [
        _verdict(float(score), why) for score, why in zip(to_scores(logits), reasons, strict=True)
    ]


def _verdict(score: float, why: Sequence[Reason]) -> dict[str, Any]:
    return {
        "prediction": prediction_of(score),
        "score": round(score, _DIGITS),
        "confidence": round(confidence_of(score), _DIGITS),
        "reasons": list(dict.fromkeys(reason.text for reason in why))[:_MAX_REASONS],
    }
