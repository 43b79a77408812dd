"""What was analysed for phishing, as one line of the service's spool for each answer.

Kept of each: kind, length and SHA-256 of the content, verdict, who asked. What it says is kept of
what is not benign only, its beginning at most; of URLs, which logs hold anyway, always.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from soc_copilot.domain import columns as c
from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.mail_lines import hosts_of
from soc_copilot.domain.phishing import Analysis, ContentType
from soc_copilot.ingestion.spool import MAX_TEXT_BYTES
from soc_copilot.phishing.tasks import Task

MAX_TEXT_CHARS: Final = 4_096  # chosen: of a content in a line, as of a checked request's body
MAX_LATER: Final = 10_000  # chosen: queued contents whose beginning is kept until they are answered
_MAX_REASONS: Final = 6  # chosen
_MAX_FILES: Final = 40  # chosen


@dataclass(frozen=True, slots=True)
class Asked:
    """What is kept of a content until it is answered.

    Attributes:
        start: Its first bytes.
    """

    kind: ContentType
    size_bytes: int
    sha256: str
    start: bytes
    user_id: str


def asked_of(task: Task) -> Asked:
    """What is kept of a task."""
    return Asked(
        task.kind,
        len(task.raw),
        hashlib.sha256(task.raw).hexdigest(),
        task.raw[: 4 * MAX_TEXT_CHARS],
        task.user_id,
    )


def line_of(asked: Asked, analysis: Analysis, at: datetime) -> bytes:
    """An answer as one line of the "service" format."""
    line = _line(asked, analysis, at, MAX_TEXT_CHARS)
    if len(line) > MAX_TEXT_BYTES:  # letters that take six bytes each
        line = _line(asked, analysis, at, MAX_TEXT_CHARS // 8)
    return line


def _line(asked: Asked, analysis: Analysis, at: datetime, limit: int) -> bytes:
    told: dict[str, Any] = {
        c.TIMESTAMP: at.isoformat(timespec="microseconds"),
        c.PHISH_KIND: asked.kind,
        c.PHISH_VERDICT: analysis.prediction,
        c.PHISH_SCORE: round(analysis.score, 6),
        c.PHISH_VERSION: analysis.model_version,
        c.PHISH_HASH: asked.sha256,
        c.PHISH_USER: asked.user_id,
        "http.request.id": analysis.request_id,
        "size_bytes": asked.size_bytes,
        "cached": analysis.cached,
        "degraded": analysis.degraded,
    }
    if asked.kind == "url":
        url = _text(asked.start, limit)
        told[c.PHISH_CONTENT] = url
        told[c.EMAIL_DOMAINS] = " ".join(hosts_of([url]))
    if analysis.prediction != "benign":
        told |= _shown(asked, analysis, limit)
    return msgspec.json.encode({name: value for name, value in told.items() if value != ""})


def _shown(asked: Asked, analysis: Analysis, limit: int) -> dict[str, Any]:
    """What is told of a content that is not benign."""
    reasons = [one for one in analysis.reasons if one.text][:_MAX_REASONS]
    told: dict[str, Any] = {
        c.PHISH_CONTENT: _text(asked.start, limit),
        c.PHISH_REASONS: " ".join(one.text[:300] for one in reasons),
        "reasons": [[one.kind, one.text[:300], round(one.weight, 4)] for one in reasons],
    }
    if asked.kind != "url":
        told[c.EMAIL_DOMAINS] = " ".join(hosts_of(link.target for link in analysis.links))
    head = analysis.head
    if head is None:
        return told
    files = analysis.attachments[:_MAX_FILES]
    return told | {
        c.EMAIL_SUBJECT: head.subject,
        c.EMAIL_FROM: head.from_address,
        c.EMAIL_FROM_NAME: head.from_name,
        c.EMAIL_REPLY_TO: head.reply_to,
        c.EMAIL_FILES: ", ".join((file.name or file.content_type)[:200] for file in files),
        c.EMAIL_HASHES: " ".join(file.sha256 for file in files if file.sha256),
    }


def _text(raw: bytes, limit: int) -> str:
    text = raw[: 4 * limit].decode("utf-8", "replace").replace("\0", "")
    return text if len(text) <= limit else text[:limit] + "..."


class AnalysisRecorder:
    """Hands answers on to be stored, as `record` says: all of them, or phishing alone.

    Args:
        keep: Takes lines; never waits.
        lose: Told of how many answers could not be recorded.
        record: "all" or "threats".
        clock: Where the time comes from.

    Thread:
        The event loop's.
    """

    def __init__(
        self,
        keep: Callable[[Sequence[bytes]], None],
        lose: Callable[[int], None] = lambda n: None,
        record: str = "all",
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._keep = keep
        self._lose = lose
        self._is_all = record == "all"
        self._clock = clock
        self._later: OrderedDict[str, Asked] = OrderedDict()

    def answered(self, asked: Asked, analysis: Analysis) -> None:
        """Record an answer."""
        if self._is_all or analysis.prediction == "phish":
            at = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
            self._keep([line_of(asked, analysis, at)])

    def queued(self, job_id: str, asked: Asked) -> None:
        """Remember what was asked until it is answered; of too many the oldest are forgotten."""
        self._later[job_id] = asked
        if len(self._later) > MAX_LATER:
            self._later.popitem(last=False)
            self._lose(1)

    def ended(self, job_id: str, analysis: Analysis | None) -> None:
        """Record a queued content's answer, if it was one and there is an answer."""
        asked = self._later.pop(job_id, None)
        if asked is not None and analysis is not None:
            self.answered(asked, analysis)
