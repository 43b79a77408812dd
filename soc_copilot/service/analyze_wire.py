"""Calls of /analyze and their answers: strict, bounded, and each refusal in plain words."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from soc_copilot.domain.errors import (
    DetectorError,
    KillSwitchEngagedError,
    ParseError,
    SocCopilotError,
)
from soc_copilot.domain.phishing import Analysis, ContentType
from soc_copilot.phishing.queue import QueueFullError
from soc_copilot.phishing.tasks import Job, Priority, Task
from soc_copilot.service.wire import RefusedError

MAX_JOBS: Final = 1_000  # chosen: of one question about jobs
MAX_ECHO_CHARS: Final = 2_048  # chosen: of the content that comes back
_USER: Final = r"^[A-Za-z0-9._@+-]{0,128}$"
_SUMMARIES: Final[Mapping[str, str]] = {
    "phish": "This looks like phishing.",
    "suspicious": "Something about this is like phishing; look closer.",
    "benign": "Nothing about this looks like phishing.",
}
_PRIORITIES: Final = {
    "interactive": Priority.INTERACTIVE,
    "drop": Priority.DROP,
    "bulk": Priority.BULK,
}

Word = Annotated[str, msgspec.Meta(pattern=_USER)]
Name = Annotated[str, msgspec.Meta(pattern=_USER, min_length=1)]


class AnalyzeCall(msgspec.Struct, forbid_unknown_fields=True):
    """What POST /analyze takes."""

    content: str
    content_type: ContentType
    encoding: Literal["text", "base64"] = "text"
    screenshot: str = ""
    user_id: Word = ""
    session_id: Word = ""
    force_reanalyze: bool = False
    wait: bool = True
    priority: Literal["interactive", "drop", "bulk"] = "interactive"


class JobsCall(msgspec.Struct, forbid_unknown_fields=True):
    """What asks about jobs, or cancels them."""

    job_ids: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=128)]],
        msgspec.Meta(min_length=1, max_length=MAX_JOBS),
    ]


class SessionCall(msgspec.Struct, forbid_unknown_fields=True):
    """What asks about a session."""

    session_id: Name
    user_id: Word = ""


T = TypeVar("T", bound=msgspec.Struct)


def read_call(body: bytes, kind: type[T]) -> T:
    """What a JSON body says.

    Raises:
        RefusedError: It is no JSON (400), or not as documented (422); the message names it.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise RefusedError(422, "bad_request", f"{str(error)[:300]}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(400, "bad_json", f"The body is no JSON: {str(error)[:200]}.") from None
    except RecursionError:
        raise RefusedError(400, "bad_json", "The JSON is nested too deeply.") from None


def task_of(call: AnalyzeCall, request_id: str) -> Task:
    """The task that a call asks for.

    Raises:
        RefusedError: There is nothing in it, or what is Base64 is none (422).
    """
    if call.encoding == "base64":
        raw = _decoded(call.content, "content")
    else:
        raw = call.content.encode() if call.content.strip() else b""
    if not raw and not call.screenshot:
        raise RefusedError(422, "bad_request", '"content" is empty.')
    screenshot = _decoded(call.screenshot, "screenshot") if call.screenshot else None
    return Task(
        request_id, call.content_type, raw, screenshot, call.user_id, call.session_id,
        _PRIORITIES[call.priority], call.force_reanalyze,
    )  # fmt: skip


def answer_to(task: Task, analysis: Analysis, took_ms: float) -> dict[str, Any]:
    """An answer as it is told."""
    shown = task.raw[: MAX_ECHO_CHARS * 4].decode("utf-8", "replace")[:MAX_ECHO_CHARS]
    words = _SUMMARIES[analysis.prediction]
    if analysis.degraded:
        silent = [part.name for part in analysis.parts if part.state not in {"ok", "skipped"}]
        words += f" Not everything could be asked: {', '.join(silent) or 'a model'} is missing."
    return {
        "request_id": task.id,
        "content": shown,
        "content_type": task.kind,
        "prediction": analysis.prediction,
        "score": round(analysis.score, 6),
        "confidence": round(analysis.confidence, 6),
        "explanation": {
            "summary": words,
            "reasons": analysis.reasons,
            "parts": [
                {
                    "name": part.name,
                    "state": part.state,
                    "score": part.score,
                    "confidence": part.confidence,
                    "latency_ms": round(part.latency_ms, 3),
                    "detail": part.detail,
                }
                for part in analysis.parts
            ],
        },
        "links": [{"text": link.text, "defanged": link.defanged} for link in analysis.links],
        "attachments": analysis.attachments,
        "degraded": analysis.degraded,
        "model_version": analysis.model_version,
        "user_id": task.user_id,
        "session_id": task.session_id,
        "processing_time_ms": round(took_ms, 3),
        "cached": analysis.cached,
        "timestamp": analysis.timestamp,
    }


def job_told(job: Job) -> dict[str, Any]:
    """How far a job has come, as it is told."""
    told: dict[str, Any] = {"request_id": job.id, "status": job.state}
    if job.analysis is not None:
        told |= {
            "content_type": job.analysis.content_type,
            "prediction": job.analysis.prediction,
            "score": round(job.analysis.score, 6),
            "confidence": round(job.analysis.confidence, 6),
            "degraded": job.analysis.degraded,
            "cached": job.analysis.cached,
            "timestamp": job.analysis.timestamp,
        }
    if job.error is not None:
        told["error"] = str(job.error)
    if job.session_id:
        told["session_id"] = job.session_id
    return told


def update_of(job: Job) -> dict[str, Any]:
    """How far a job has come, for those who listen."""
    return {"type": "analysis_update", **job_told(job)}


def refusal_of(error: SocCopilotError) -> RefusedError:
    """Why there is no answer, as it is told."""
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, KillSwitchEngagedError):
        return RefusedError(503, "kill_switch", str(error))
    if isinstance(error, QueueFullError):
        return RefusedError(503, "queue_full", str(error), 1.0)
    if isinstance(error, ParseError):
        return RefusedError(422, "unreadable", str(error))
    code = "failed" if isinstance(error, DetectorError) else "not_ready"
    return RefusedError(503, code, str(error), 1.0)


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(422, "bad_request", f'"{name}" is no Base64.') from None
