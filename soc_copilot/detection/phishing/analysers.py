"""The language models as parts of the pipeline: one for URLs, one for e-mails, one for texts."""

import time
from collections.abc import Sequence
from typing import Final

from soc_copilot.detection.phishing import explain
from soc_copilot.detection.phishing.contents import page_text, url_of
from soc_copilot.detection.phishing.scorer import Models, shipped, to_scores
from soc_copilot.domain.phishing import (
    Analyser,
    Content,
    ParsedEmail,
    PartResult,
    Reason,
    confidence_of,
)

_MAX_REASONS: Final = 16  # chosen


def _result(name: str, logit: float, reasons: Sequence[Reason], started: float) -> PartResult:
    import numpy as np

    score = float(to_scores(np.array([logit]))[0])
    return PartResult(
        name=name,
        score=score,
        confidence=confidence_of(score),
        reasons=tuple(reasons[:_MAX_REASONS]),
        latency_ms=(time.perf_counter() - started) * 1_000.0,
    )


class UrlAnalyser:
    """Scores URLs."""

    name = "url"

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or shipped()

    @property
    def version(self) -> str:
        """Of the URL model."""
        return self._models.get("url").version

    def applies(self, content: Content) -> bool:
        """True for URLs."""
        return url_of(content) is not None

    def analyse(self, content: Content) -> PartResult:
        """Score a URL."""
        started = time.perf_counter()
        url = url_of(content)
        if url is None:
            return PartResult(self.name, None, state="skipped")
        logit = float(self._models.parsed_url_logits([url])[0])
        return _result(self.name, logit, explain.of_url(url), started)


class MailAnalyser:
    """Scores e-mails: their text, and what sender, links and attachments say."""

    name = "email"

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or shipped()

    @property
    def version(self) -> str:
        """Of the e-mail model and the URL model, which weighs links."""
        return f"{self._models.get('email').version}+{self._models.get('url').version}"

    def applies(self, content: Content) -> bool:
        """True for e-mails."""
        return isinstance(content.parsed, ParsedEmail)

    def analyse(self, content: Content) -> PartResult:
        """Score an e-mail."""
        started = time.perf_counter()
        mail = content.parsed
        if not isinstance(mail, ParsedEmail):
            return PartResult(self.name, None, state="skipped")
        found, reasons = self._models.mail_logits([mail])
        of_words = explain.of_text(
            self._models.get("email"), mail.subject, mail.text, is_short=False
        )
        return _result(self.name, float(found[0]), [*reasons[0], *of_words], started)


class TextAnalyser:
    """Scores short texts, and the visible text of saved pages."""

    name = "text"

    def __init__(self, models: Models | None = None) -> None:
        self._models = models or shipped()

    @property
    def version(self) -> str:
        """Of the text model and the URL model, which weighs links."""
        return f"{self._models.get('text').version}+{self._models.get('url').version}"

    def applies(self, content: Content) -> bool:
        """True for texts and pages."""
        return content.kind in {"text", "page"}

    def analyse(self, content: Content) -> PartResult:
        """Score a text."""
        started = time.perf_counter()
        text = page_text(content) if content.kind == "page" else content.text
        found, reasons = self._models.text_logits([text])
        of_words = explain.of_text(self._models.get("text"), "", text, is_short=True)
        return _result(self.name, float(found[0]), [*reasons[0], *of_words], started)


def analysers(models: Models | None = None) -> list[Analyser]:
    """Every language part, sharing the models."""
    models = models or shipped()
    return [UrlAnalyser(models), MailAnalyser(models), TextAnalyser(models)]
