"""Runs what applies to a content, all parts at once, and makes one answer of what they say."""

import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.phishing import (
    PHISH_SCORE,
    SUSPICIOUS_SCORE,
    Analyser,
    Analysis,
    Content,
    MailHead,
    ParsedEmail,
    PartResult,
    prediction_of,
)
from soc_copilot.phishing.breaker import FAILURES_TO_OPEN, OPEN_S, Changed, PartBreaker
from soc_copilot.phishing.lane import PartLane, Seen, Ticket

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 2.0  # chosen: well under the 5 s from which a response is alerted
MAX_REASONS: Final = 12  # chosen: more are not read
_CLOSE_S: Final = 5.0

Outcome = Analysis | DetectorError
"""An answer, or why there is none: no part that applies could say anything."""


@dataclass(frozen=True, slots=True)
class PartHealth:
    """How a part is doing.

    Attributes:
        state: "ok", "degraded" (failed lately, still called), "open" (its circuit lets nothing
            through for `retry_in_s`), "half-open" (one call is on trial), "missing" (its model
            could not be loaded).
        detail: One sentence, empty when all is well.
    """

    name: str
    version: str
    state: str
    detail: str = ""
    retry_in_s: float = 0.0


class Orchestrator:
    """Answers for contents.

    Args:
        parts: What can be asked.
        timeout_s: A part that takes longer for what it was handed counts as failed.
        n_failures: In a row, that open a part's circuit.
        open_s: Until an open circuit is tried.
        clock: Where breakers get the time from.
        changed: Told when a breaker's state changes.
        seen: Told of what each part scored.
        missing: Parts that could not be loaded, with the reason; answers for contents that they
            would apply to cannot be told apart from others, so all are called degraded.

    Thread:
        Any; several at once.
    """

    def __init__(
        self,
        parts: Sequence[Analyser],
        *,
        timeout_s: float = TIMEOUT_S,
        n_failures: int = FAILURES_TO_OPEN,
        open_s: float = OPEN_S,
        clock: Clock = SYSTEM_CLOCK,
        changed: Changed = lambda name, state: None,
        seen: Seen = lambda name, state, seconds, n: None,
        missing: Sequence[tuple[str, str]] = (),
    ) -> None:
        names = [part.name for part in parts]
        if len(set(names)) != len(names):
            raise ValueError(f"Two parts have one name: {names}")
        self._timeout_s = timeout_s
        self._lanes = [PartLane(part, seen) for part in parts]
        self._breakers = [
            PartBreaker(name, n_failures=n_failures, open_s=open_s, clock=clock, changed=changed)
            for name in names
        ]
        self._missing = tuple(missing)
        self._told: tuple[tuple[str, ...], str] = ((), "")

    @property
    def version(self) -> str:
        """Of all parts together; another one when a part's changes, as with protected brands."""
        versions = tuple(lane.part.version for lane in self._lanes)
        known, version = self._told
        if known != versions or not version:
            version = version_of([lane.part for lane in self._lanes])
            self._told = versions, version
        return version

    def analyse(self, content: Content, request_id: str) -> Analysis:
        """The answer for one content.

        Raises:
            DetectorError: No part that applies could say anything.
        """
        (outcome,) = self.analyse_many([content], [request_id])
        if isinstance(outcome, DetectorError):
            raise outcome
        return outcome

    def analyse_many(
        self, contents: Sequence[Content], request_ids: Sequence[str]
    ) -> list[Outcome]:
        """Answers for several contents, in order; each part scores its share together."""
        began = time.perf_counter()
        rounds = [
            _Round(lane, breaker, contents, self._timeout_s)
            for lane, breaker in zip(self._lanes, self._breakers, strict=True)
        ]
        for one in rounds:
            one.begin()
        for one in rounds:
            one.finish()
        took_ms = (time.perf_counter() - began) * 1e3
        now, version = datetime.now(UTC), self.version
        return [
            self._answer(
                content,
                request_id,
                [r.results[at] for r in rounds if at in r.results],
                took_ms,
                now,
                version,
            )
            for at, (content, request_id) in enumerate(zip(contents, request_ids, strict=True))
        ]

    def health(self) -> tuple[PartHealth, ...]:
        """How each part is doing."""
        found = []
        for lane, breaker in zip(self._lanes, self._breakers, strict=True):
            state = breaker.state
            if state == "closed":
                state = "degraded" if breaker.cause else "ok"
            found.append(
                PartHealth(
                    lane.part.name, lane.part.version, state, breaker.cause, breaker.retry_in_s
                )
            )
        found += [PartHealth(name, "", "missing", reason) for name, reason in self._missing]
        return tuple(found)

    def close(self) -> bool:
        """End the parts' threads; False when one is still busy."""
        ends = [lane.close(_CLOSE_S) for lane in self._lanes]
        return all(ends)

    def _answer(
        self,
        content: Content,
        request_id: str,
        results: Sequence[PartResult],
        took_ms: float,
        now: datetime,
        version: str,
    ) -> Outcome:
        """The strongest part decides: any one that is sure is enough."""
        said = [result for result in results if result.state == "ok" and result.score is not None]
        silent = [result for result in results if result.state not in {"ok", "skipped"}]
        if not said:
            return DetectorError(_words(content, silent))
        strongest = max(said, key=lambda result: result.score or 0.0)
        score = min(max(strongest.score or 0.0, 0.0), 1.0)
        reasons = sorted(
            (reason for result in said for reason in result.reasons), key=lambda r: -r.weight
        )
        email = content.parsed if isinstance(content.parsed, ParsedEmail) else None
        # Each part that is silent could have said the opposite.
        share = len(said) / (len(said) + len(silent) + len(self._missing))
        return Analysis(
            request_id=request_id,
            content_type=content.kind,
            prediction=prediction_of(score),
            score=score,
            confidence=strongest.confidence * share,
            parts=tuple(results),
            reasons=tuple(reasons[:MAX_REASONS]),
            links=email.links if email is not None else (),
            attachments=email.attachments if email is not None else (),
            degraded=bool(silent or self._missing),
            model_version=version,
            cached=False,
            processing_time_ms=took_ms,
            timestamp=now,
            head=_head(email) if email is not None else None,
        )


class _Round:
    """One part's share of a batch."""

    def __init__(
        self, lane: PartLane, breaker: PartBreaker, contents: Sequence[Content], timeout_s: float
    ) -> None:
        self._lane = lane
        self._breaker = breaker
        self._timeout_s = timeout_s
        self._contents = contents
        self._left: list[int] = []
        self._ticket: Ticket | None = None
        self._until_s = 0.0
        self.results: dict[int, PartResult] = {}

    def begin(self) -> None:
        """Hand the part what it applies to."""
        for at, content in enumerate(self._contents):
            try:
                applies = self._lane.part.applies(content)
            except Exception:
                logger.exception("A part cannot say whether it applies. part=%s", self._name)
                self.results[at] = self._silent("failed", "It cannot say whether it applies.")
                continue
            if applies:
                self._left.append(at)
        self._hand_over()

    def finish(self) -> None:
        """Wait for the results; what comes after one that hung is handed over again."""
        while self._ticket is not None:
            ticket = self._ticket
            try:
                ticket.done.result(max(self._until_s - time.monotonic(), 0.0))
            except TimeoutError:
                self._give_up(ticket)
            else:
                self._take(ticket.results)
                self._left = []
            self._hand_over()

    @property
    def _name(self) -> str:
        return self._lane.part.name

    def _hand_over(self) -> None:
        self._ticket = None
        if not self._left:
            return
        if not self._breaker.admit():
            words = f"Its circuit is open: {self._breaker.cause}"
            for at in self._left:
                self.results[at] = self._silent("open", words)
            self._left = []
            return
        self._until_s = time.monotonic() + self._timeout_s
        self._ticket = self._lane.start([self._contents[at] for at in self._left])

    def _give_up(self, ticket: Ticket) -> None:
        """Keep what is there; the first without a result is what the part hangs on."""
        words = f"No answer within {self._timeout_s:g} s."
        self._lane.renew(ticket)
        done = list(ticket.results)[: len(self._left)]
        for at, result in zip(self._left, done, strict=False):
            self.results[at] = result
        if len(done) < len(self._left):
            self.results[self._left[len(done)]] = self._silent("timeout", words)
        self._left = self._left[len(done) + 1 :]
        self._breaker.failed(words)

    def _take(self, results: Sequence[PartResult]) -> None:
        self.results.update(zip(self._left, results, strict=True))
        failed = [result for result in results if result.state == "failed"]
        if len(failed) == len(results):
            self._breaker.failed(failed[0].detail)
        else:
            self._breaker.succeeded()

    def _silent(self, state: str, words: str) -> PartResult:
        assert state in {"failed", "timeout", "open"}  # noqa: S101 - our own words
        return PartResult(self._name, None, state=state, detail=words)  # type: ignore[arg-type]


def version_of(parts: Sequence[Analyser]) -> str:
    """One short word for all that decides about an answer: models and thresholds."""
    told = [f"{part.name}={part.version}" for part in parts]
    told += [f"{PHISH_SCORE}", f"{SUSPICIOUS_SCORE}"]
    return "phishing-" + hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _head(email: ParsedEmail) -> MailHead:
    return MailHead(email.subject, email.from_address, email.from_name, email.reply_to)


def _words(content: Content, silent: Sequence[PartResult]) -> str:
    if not silent:
        return f"No part of the pipeline applies to this {content.kind}."
    told = "; ".join(f"{result.name}: {result.detail or result.state}" for result in silent)
    return f"Nothing can be said of this {content.kind} now. {told}"
