"""The language models as parts of the pipeline: one for URLs, one for e-mails, one for texts."""

import time
from collections.abc import Sequence
from typing import Final

from soc_copilot.detection.phishing import explain
from soc_copilot.detection.phishing.contents import page_text, url_of
from soc_copilot.detection.phishing.scorer import Floats64, Model, Models, shipped, to_scores
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import (
    SUSPICIOUS_SCORE,
    Analyser,
    Content,
    ParsedEmail,
    PartResult,
    Reason,
    confidence_of,
)

_MAX_REASONS: Final = 16  # chosen


def _results(
    name: str, logits: Floats64, reasons: Sequence[Sequence[Reason]], started: float
) -> list[PartResult]:
    each_ms = (time.perf_counter() - started) * 1_000.0 / max(len(reasons), 1)
    return [
        PartResult(
            name=name,
            score=score,
            confidence=confidence_of(score),
            reasons=tuple(some[:_MAX_REASONS]),
            latency_ms=each_ms,
        )
        for score, some in zip(to_scores(logits).tolist(), reasons, strict=True)
    ]


def _of_text(
    model: Model,
    logits: Floats64,
    texts: Sequence[tuple[str, str]],
    of_rules: Sequence[Sequence[Reason]],
) -> list[list[Reason]]:
    """Reasons of subjects and bodies.

    Single words are told where the whole is suspicious; every harmless text has some.
    """
    is_told = (to_scores(logits) >= SUSPICIOUS_SCORE).tolist()
    return [
        [*rules, *explain.of_text(model, *text, has_words=has_words)]
        for text, rules, has_words in zip(texts, of_rules, is_told, strict=True)
    ]


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
        return self.analyse_many([content])[0]

    def analyse_many(self, contents: Sequence[Content]) -> list[PartResult]:
        """Score URLs; the model passes over them together."""
        started = time.perf_counter()
        urls = [url for content in contents if (url := url_of(content)) is not None]
        if len(urls) != len(contents):
            raise DetectorError("Not all of these are URLs.")
        logits = self._models.parsed_url_logits(urls)
        return _results(self.name, logits, [explain.of_url(url) for url in urls], started)


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
        return self.analyse_many([content])[0]

    def analyse_many(self, contents: Sequence[Content]) -> list[PartResult]:
        """Score e-mails; the model passes over them together."""
        started = time.perf_counter()
        mails = [c.parsed for c in contents if isinstance(c.parsed, ParsedEmail)]
        if len(mails) != len(contents):
            raise DetectorError("Not all of these are e-mails.")
        found, reasons = self._models.mail_logits(mails)
        texts = [(mail.subject, mail.text) for mail in mails]
        told = _of_text(self._models.get("email"), found, texts, reasons)
        return _results(self.name, found, told, started)


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
        return self.analyse_many([content])[0]

    def analyse_many(self, contents: Sequence[Content]) -> list[PartResult]:
        """Score texts; the model passes over them together."""
        started = time.perf_counter()
        texts = [page_text(c) if c.kind == "page" else c.text for c in contents]
        found, reasons = self._models.text_logits(texts)
        told = _of_text(self._models.get("text"), found, [("", text) for text in texts], reasons)
        return _results(self.name, found, told, started)


def analysers(models: Models | None = None) -> list[Analyser]:
    """Every language part, sharing the models."""
    models = models or shipped()
    return [UrlAnalyser(models), MailAnalyser(models), TextAnalyser(models)]
