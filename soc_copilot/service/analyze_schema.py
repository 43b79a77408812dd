"""The description of the phishing pipeline's endpoints (OpenAPI)."""

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from soc_copilot.service.analyze_wire import MAX_ECHO_CHARS, MAX_JOBS

_WORD: Final = r"^[A-Za-z0-9._@+-]{0,128}$"
# RFC 4648, at least one byte.
_BASE64: Final = "([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)"
_STATUSES: Final = (400, 401, 403, 405, 413, 415, 421, 422, 429, 500, 503, 504)
_JOBS: Final = (400, 401, 403, 405, 413, 415, 421, 422, 500, 503)
_Kind = Literal["url", "email", "text", "page"]
_Prediction = Literal["phish", "suspicious", "benign"]
_JobId = str


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    content_type: _Kind
    screenshot: str = Field(
        "", pattern=f"^({_BASE64})?$", description="A PNG of the page, in Base64."
    )
    user_id: str = Field("", pattern=_WORD, description="Who is told at /ws/USER.")
    session_id: str = Field("", pattern=_WORD, description="The caller's own; comes back.")
    force_reanalyze: bool = Field(False, description="Do not take an answer known already.")
    wait: bool = Field(True, description="False answers 202 at once.")
    priority: Literal["interactive", "drop", "bulk"] = Field(
        "interactive", description="Whose turn it is first."
    )


class AnalyzeRequest(_Asked):
    """A content to be analysed. Nothing it names is fetched."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"content": "http://x.example/", "content_type": "url"}]}
    )

    content: str = Field(
        pattern=r"[^\s]", description="A URL; a message (RFC 5322); a text; a page's HTML."
    )
    encoding: Literal["text"] = "text"


class AnalyzeEncodedRequest(_Asked):
    """The same in Base64, for a message that is not UTF-8."""

    content: str = Field(pattern=f"^{_BASE64}$")
    encoding: Literal["base64"]


class AnalyzeAnswer(BaseModel):
    """What the pipeline says of a content."""

    request_id: str
    content: str = Field(description=f"Its first {MAX_ECHO_CHARS} characters.")
    content_type: _Kind
    prediction: _Prediction
    score: float = Field(ge=0, le=1)
    confidence: float = Field(ge=0, le=1)
    explanation: dict[str, Any] = Field(description="summary, reasons and parts.")
    links: list[dict[str, str]] = Field(description="text and defanged target.")
    attachments: list[dict[str, Any]]
    degraded: bool = Field(description="A model that applies gave no answer.")
    model_version: str
    user_id: str
    session_id: str
    processing_time_ms: float
    cached: bool
    timestamp: datetime


class Queued(BaseModel):
    """A content that waits its turn."""

    request_id: str
    status: Literal["queued"]


class JobsRequest(BaseModel):
    """Which jobs are meant."""

    model_config = ConfigDict(extra="forbid")

    job_ids: list[_JobId] = Field(
        min_length=1, max_length=MAX_JOBS, description="At most 128 characters each.",
        json_schema_extra={"items": {"type": "string", "maxLength": 128}},
    )  # fmt: skip


class JobsAnswer(BaseModel):
    """How far jobs have come: queued, running, done, failed, cancelled or unknown."""

    jobs: list[dict[str, Any]]


class SessionRequest(BaseModel):
    """Which session is meant."""

    model_config = ConfigDict(extra="forbid")

    session_id: str = Field(min_length=1, pattern=_WORD)
    user_id: str = Field("", pattern=_WORD, description="As it was given with the contents.")


class SessionAnswer(BaseModel):
    """Its last answers, the newest first; none 300 s after the last one."""

    answers: list[dict[str, Any]]


class CancelAnswer(BaseModel):
    """Jobs that were taken back; the others ran already."""

    cancelled: list[str]


DESCRIBED: Final[dict[str, dict[str, Any]]] = {
    "root": {
        "summary": "What this is, and where it is described",
        "model": dict[str, str],
        "errors": (400, 401, 403, 405, 421, 500),
    },
    "analyze": {
        "summary": "Is this phishing?",
        "description": "A URL, e-mail, text or page; answered by every model that applies.",
        "body": (AnalyzeRequest, AnalyzeEncodedRequest),
        "model": AnalyzeAnswer,
        "responses": {202: {"model": Queued, "description": "It waits its turn."}},
        "errors": _STATUSES,
    },
    "analyze_jobs": {
        "summary": "How far jobs have come",
        "body": (JobsRequest,),
        "model": JobsAnswer,
        "errors": _JOBS,
    },
    "analyze_session": {
        "summary": "What was answered lately in a session",
        "body": (SessionRequest,),
        "model": SessionAnswer,
        "errors": _JOBS,
    },
    "analyze_cancel": {
        "summary": "Take back jobs that still wait",
        "body": (JobsRequest,),
        "model": CancelAnswer,
        "errors": _JOBS,
    },
}
