"""The part that looks at screenshots: like a protected brand's page, in a foreign place."""

import time
from typing import Final

from soc_copilot.detection.phishing.visual.embedder import Embedder, Thresholds, shipped
from soc_copilot.detection.phishing.visual.matching import Matcher, NoBrands, Registry
from soc_copilot.domain.brand import BrandMatch
from soc_copilot.domain.errors import DetectorError, ParseError
from soc_copilot.domain.phishing import (
    Content,
    ParsedUrl,
    PartResult,
    Reason,
    confidence_of,
    defang,
)

# All chosen: what a similarity beyond a threshold is worth.
_SURE: Final = 0.9
_SUREST: Final = 0.99
_NEAR: Final = 0.45  # "suspicious"
_PLACE_UNKNOWN: Final = 0.6  # alike, but the page may be the brand's own: "suspicious"
_WEIGHT: Final = 4.0  # of the reason, as a strong one of the other parts


class VisualAnalyser:
    """Compares screenshots with those of protected brands.

    Args:
        registry: Where brands are found; None for no brand.
        embedder: The model; None for the one that comes with the program.
    """

    name = "visual"
    takes_brands = True

    def __init__(self, registry: Registry | None = None, embedder: Embedder | None = None) -> None:
        self._embedder = embedder or shipped()
        self._matcher = Matcher(self._embedder, registry or NoBrands())

    @property
    def version(self) -> str:
        """Of the model and of the registered brands."""
        return f"{self._embedder.version}.{self._matcher.revision}"

    def applies(self, content: Content) -> bool:
        """True for what has a screenshot."""
        return content.screenshot is not None

    def analyse(self, content: Content) -> PartResult:
        """Compare a screenshot.

        Raises:
            DetectorError: The model cannot be loaded.
            StoreError: The brands cannot be read.
        """
        started = time.perf_counter()
        if content.screenshot is None:
            raise DetectorError("This content has no screenshot.")
        try:
            seen = self._embedder.see(content.screenshot)
        except ParseError as error:
            # The caller's picture, not the model's fault: no circuit opens for it.
            return PartResult(
                self.name,
                None,
                reasons=(Reason("visual", str(error)),),
                latency_ms=_since(started),
                state="skipped",
                detail=str(error),
            )
        url = content.parsed if isinstance(content.parsed, ParsedUrl) else None
        match = self._matcher.match(seen, url.ascii_host if url else "")
        return self._result(match, url, started)

    def _result(
        self, match: BrandMatch | None, url: ParsedUrl | None, started: float
    ) -> PartResult:
        if match is None:
            words = "No protected brand is registered to compare the screenshot with."
            return PartResult(self.name, None, latency_ms=_since(started), detail=words)
        limits = self._embedder.thresholds
        if match.similarity < limits.near:
            return PartResult(self.name, None, latency_ms=_since(started))
        score = score_of(match, limits, is_place_known=url is not None)
        reason = Reason("visual", _words(match, url, limits), weight=_WEIGHT * (score - 0.25))
        return PartResult(
            self.name,
            score,
            confidence_of(score),
            (reason,),
            _since(started),
            match=match,
        )


def score_of(match: BrandMatch, limits: Thresholds, *, is_place_known: bool) -> float:
    """A match at or above the near threshold as a score in [0, 1]."""
    if match.is_own_domain:
        return 0.0
    if match.similarity < limits.sure:
        return _NEAR
    if not is_place_known:
        return _PLACE_UNKNOWN
    share = (match.similarity - limits.sure) / max(1.0 - limits.sure, 1e-6)
    return _SURE + (_SUREST - _SURE) * min(max(share, 0.0), 1.0)


def _words(match: BrandMatch, url: ParsedUrl | None, limits: Thresholds) -> str:
    how = "looks like" if match.similarity >= limits.sure else "looks somewhat like"
    logo = "no logo found" if match.logo is None else f"logo {match.logo:.2f}"
    alike = f"similarity {match.similarity:.2f}: {logo}, look {match.look:.2f}"
    page = f'The page {how} "{match.brand}" ({alike})'
    if url is None:
        return f"{page}; compare its address with the brand's own, which is not known here."
    if match.is_own_domain:
        return f"{page} and stands on the brand's own domain."
    return f"{page}, but {defang(url.registered_domain)} is none of the brand's domains."


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1e3
