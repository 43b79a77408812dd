"""What is to be analysed, on its way through a queue, and how far it has come."""

import base64
import binascii
import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, get_args

import msgspec

from soc_copilot.domain.errors import ParseError, SocCopilotError
from soc_copilot.domain.phishing import Analysis, ContentType

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
ENDED: Final = frozenset({"done", "failed", "cancelled"})


class Priority(IntEnum):
    """Whose turn it is first; the lowest number is."""

    INTERACTIVE = 0  # somebody waits for the answer
    DROP = 1  # a watched folder
    BULK = 2  # a folder or mailbox gone through


@dataclass(frozen=True, slots=True)
class Task:
    """A content to be analysed.

    Attributes:
        id: Of the request, and so of the job and the answer.
        raw: As received.
        screenshot: A PNG of the page, None for none.
        user_id: Who is told how it went; "" for nobody.
        session_id: The caller's own.
        is_forced: What is known already is not taken for an answer.
    """

    id: str
    kind: ContentType
    raw: bytes
    screenshot: bytes | None = None
    user_id: str = ""
    session_id: str = ""
    priority: Priority = Priority.INTERACTIVE
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """How far a task has come.

    Attributes:
        analysis: The answer, once "done".
        error: Why there is none, once "failed".
    """

    id: str
    state: JobState
    priority: Priority
    user_id: str = ""
    session_id: str = ""
    analysis: Analysis | None = None
    error: SocCopilotError | None = None


def key_of(task: Task, version: str) -> str:
    """Under what an answer is known again: content, and version of models and thresholds."""
    digest = hashlib.sha256(f"{task.kind}\0{version}\0{len(task.raw)}\0".encode())
    digest.update(task.raw)
    digest.update(task.screenshot or b"")
    return digest.hexdigest()


def encode_task(task: Task) -> str:
    """A task as JSON text."""
    told = {
        "id": task.id,
        "kind": task.kind,
        "raw": base64.b64encode(task.raw).decode("ascii"),
        "screenshot": base64.b64encode(task.screenshot or b"").decode("ascii"),
        "user_id": task.user_id,
        "session_id": task.session_id,
        "priority": int(task.priority),
        "is_forced": task.is_forced,
    }
    return msgspec.json.encode(told).decode()


class _Told(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    kind: ContentType
    raw: str
    screenshot: str
    user_id: str
    session_id: str
    priority: int
    is_forced: bool


def decode_task(data: str | bytes) -> Task:
    """The task that `encode_task` wrote.

    Raises:
        ParseError: It is none.
    """
    try:
        told = msgspec.json.decode(data, type=_Told)
        raw = base64.b64decode(told.raw, validate=True)
        screenshot = base64.b64decode(told.screenshot, validate=True) or None
        priority = Priority(told.priority)
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise ParseError(f"This is no job of the phishing pipeline: {error}.") from error
    return Task(
        told.id, told.kind, raw, screenshot, told.user_id, told.session_id, priority,
        told.is_forced,
    )  # fmt: skip


def encode_analysis(analysis: Analysis) -> bytes:
    """An answer as JSON."""
    return msgspec.json.encode(analysis)


def decode_analysis(data: bytes | str) -> Analysis:
    """The answer that `encode_analysis` wrote.

    Raises:
        ParseError: It is none.
    """
    try:
        return msgspec.json.decode(data, type=Analysis)
    except (msgspec.DecodeError, ValueError) as error:
        raise ParseError(f"This is no answer of the phishing pipeline: {error}.") from error
