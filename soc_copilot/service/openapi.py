"""The interface's description (OpenAPI) by FastAPI, which also answers the less busy endpoints."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.exceptions import HTTPException

from soc_copilot import __version__
from soc_copilot.service.front import CALL, App, Route, answer_of
from soc_copilot.service.wire import MAX_ID_CHARS, MAX_METHOD_CHARS

_TOKEN_CHARS: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105 - RFC 9110's "token"
_Scalar = str | float | bool | None
_Example: Final[dict[str, Any]] = {
    "method": "GET",
    "path": "/api/users",
    "query_params": {"id": "123"},
    "headers": {},
    "body": None,
}


class CheckRequest(BaseModel):
    """A request to be checked, as it was sent; no part is decoded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [_Example]})

    path: str = Field(description="Path, percent-encoding as sent; may hold the query.")
    method: str | None = Field(
        None, pattern=f"^({_TOKEN_CHARS}{{1,{MAX_METHOD_CHARS}}})?$", description="Default GET."
    )
    query: str | None = Field(None, description='What follows "?", as sent.')
    query_params: (
        dict[str, _Scalar | list[_Scalar]] | list[tuple[str, _Scalar | list[_Scalar]]] | None
    ) = Field(None, description="Decoded parameters, instead of query; a list keeps the order.")
    headers: dict[str, str | float | list[str | float]] | None = Field(
        None,
        description="By name; a list where one was sent several times.",
        json_schema_extra={"propertyNames": {"pattern": f"^{_TOKEN_CHARS}{{1,256}}$"}},
    )
    body: str | None = Field(None, description="As text.")
    client_ip: Annotated[
        str | None,
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "format": "ipv4"},
                    {"type": "string", "format": "ipv6"},
                    {"type": "null"},
                ],
                "description": "Who sent it, an IP address; alerts are about this address.",
            }
        ),
    ] = None
    id: str | None = Field(None, max_length=MAX_ID_CHARS, description="Comes back in the answer.")


class BatchRequest(BaseModel):
    """Several requests."""

    model_config = ConfigDict(extra="forbid")

    requests: list[CheckRequest] = Field(min_length=1)


class Verdict(BaseModel):
    """What the detector says of one request."""

    score: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    is_threat: bool
    confidence: float = Field(ge=0, le=1, description="Chance that is_threat is right.")
    attack_class: str | None
    attack_title: str | None
    techniques: list[str] = Field(description="ATT&CK and CAPEC ids.")
    part: str | None = Field(description='"path", "query", "body" or "header NAME".')
    marked: list[str] = Field(description="The strongest signs, strongest first.")
    decoding: list[str] = Field(description="Disguises that were undone, in that order.")
    reasons: list[str]
    model_version: str
    id: str | None = None


class _Stamp(BaseModel):
    request_id: str
    time: str = Field(description="UTC, ISO 8601.")
    took_ms: float


class CheckAnswer(Verdict, _Stamp):
    """The verdict on one request."""


class BatchAnswer(_Stamp):
    """Verdicts in the order of the requests."""

    n_threats: int
    results: list[Verdict]


class Event(BaseModel):
    """What happened to a file."""

    model_config = ConfigDict(extra="forbid")

    timestamp: float = Field(ge=0, le=1e11, description="Seconds since 1970 UTC.")
    operation: Literal["create", "write", "rename", "delete", "attributes", "other"]
    path: str = Field(min_length=1, max_length=4096)
    target: str | None = Field(None, max_length=4096, description="Where a renamed one went.")
    size: float | None = Field(None, ge=0, le=2.0**63, description="Bytes after the event.")
    previous_size: float | None = Field(None, ge=0, le=2.0**63)
    entropy: float | None = Field(None, ge=0, le=8, description="Bits per byte of the content.")
    previous_entropy: float | None = Field(None, ge=0, le=8)
    is_folder: bool = False
    stream: str | None = Field(None, max_length=4096, description="Whose events belong together.")
    user: str | None = Field(None, max_length=4096)
    process: str | None = Field(None, max_length=4096)
    event_id: str | None = Field(None, max_length=4096, description="Comes back.")


class EventsRequest(BaseModel):
    """Events in the order in which they happened."""

    model_config = ConfigDict(extra="forbid")

    events: list[Event] = Field(min_length=1)


class Components(BaseModel):
    """The parts of a threat score."""

    deep: float
    isolation_forest: float
    heuristic: float
    boosted_trees: float


class Prediction(BaseModel):
    """What the host detector says of one event."""

    event_id: str
    timestamp: float
    threat_score: float = Field(ge=0, le=1)
    is_threat: bool
    confidence: float = Field(ge=0, le=1)
    components: Components
    reasons: list[str]


class PredictAnswer(_Stamp):
    """Predictions in the order of the events."""

    n_threats: int
    model_version: str
    results: list[Prediction]


class PipelineHealth(BaseModel):
    """How the models behind /analyze stand."""

    state: Literal["ok", "degraded", "open"]
    models: dict[str, str] = Field(description="State of each: ok, degraded, open, half-open, "
                                   "missing.")  # fmt: skip


class Health(BaseModel):
    """Whether requests are scored now."""

    status: Literal["ok", "degraded", "halted"]
    detail: str
    phishing: PipelineHealth | None = Field(None, description="Left out where it is off.")


class ErrorDetail(BaseModel):
    """Why a call was refused."""

    code: str = Field(description="One word for programs.")
    message: str
    retry_after_s: float | None = Field(None, description="When it may be tried again.")


class Error(BaseModel):
    """A refusal."""

    error: ErrorDetail


_WORDS: Final[Mapping[int, str]] = {
    400: "The body is no JSON, or the call is malformed.",
    401: "The bearer token is missing or wrong.",
    403: "The origin is not allowed.",
    404: "It is switched off.",
    405: "Another method is needed; Allow names it.",
    413: "The body is too large, or holds too many entries.",
    415: "The body is compressed or not application/json.",
    421: "The Host header names no host of this service.",
    422: "The JSON is not as described; the message names what.",
    429: "Too many requests; Retry-After says how long to wait.",
    500: "The service failed.",
    503: "Nothing is scored now: the kill switch is engaged, or the queue is full.",
    504: "It was not scored in time.",
}
_COMMON: Final = (400, 401, 403, 405, 421, 500)
_SCORING: Final = (*_COMMON, 413, 415, 422, 429, 503, 504)
_ORIGINAL_HEADERS: Final = (
    ("X-Original-URI", "Path and query of the visitor's request.", True),
    ("X-Original-Method", "Its method.", False),
    ("X-Original-Host", "Its Host header.", False),
    ("X-Real-IP", "Who sent it.", False),
)


def make_description(
    routes: Mapping[str, Route], more: Mapping[str, dict[str, Any]] | None = None
) -> App:
    """The FastAPI application that describes and answers the endpoints, and says 404.

    Args:
        routes: By path.
        more: Descriptions by the route's name, of those that `make_routes` does not know.
    """
    app = FastAPI(
        title="SOC Copilot checking service",
        version=__version__,
        description="Is this HTTP request an attack? Every answer is recorded as an event.",
        docs_url=None,  # they would load scripts from elsewhere
        redoc_url=None,
    )
    described = {**_DESCRIBED, **(more or {})}
    for path, route in routes.items():
        said = described[route.name]
        app.add_api_route(
            path,
            _serving(route),
            methods=sorted(route.methods) or ["POST"],  # of any method one is described
            summary=said["summary"],
            description=said.get("description", ""),
            operation_id=route.name,
            response_model=said.get("model"),
            status_code=said.get("status", 200),
            response_class=said.get("class", JSONResponse),
            responses={**_errors(said["errors"]), **said.get("responses", {})},
            openapi_extra=_extra(route, said),
        )
    app.add_exception_handler(HTTPException, _not_found)
    _finish(app, [model for said in described.values() for model in said.get("body", ())])
    return app


def _serving(route: Route) -> Any:
    async def serve(request: Request) -> Response:
        answer = await answer_of(route, request.scope[CALL])
        headers = {name.decode(): value.decode() for name, value in answer.headers}
        headers["content-type"] = answer.content_type.decode()
        return Response(answer.body, answer.status, headers)

    return serve


async def _not_found(request: Request, error: Exception) -> Response:
    detail = {"code": "not_found", "message": "There is no such endpoint; see /openapi.json."}
    status = error.status_code if isinstance(error, HTTPException) else 404
    return JSONResponse({"error": detail}, status)


def _errors(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Error, "description": _WORDS[status]} for status in statuses}


def _extra(route: Route, said: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {} if route.is_open else {"security": [{"bearer": []}]}
    if (body := said.get("body")) is not None:
        schema = {"oneOf": [_ref(model) for model in body]} if len(body) > 1 else _ref(body[0])
        extra["requestBody"] = {"required": True, "content": {"application/json": {
            "schema": schema}}}  # fmt: skip
    if said.get("original"):
        extra["parameters"] = [
            {
                "name": name, "in": "header", "required": is_needed, "description": text,
                "schema": {"type": "string", "minLength": int(is_needed)},
            }
            for name, text, is_needed in _ORIGINAL_HEADERS
        ]  # fmt: skip
    return extra


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _finish(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Add to the description what FastAPI does not find by itself; made once."""
    schema = app.openapi()
    parts = schema.setdefault("components", {})
    parts["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for model in bodies:
        found = model.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, inner in found.pop("$defs", {}).items():
            parts["schemas"].setdefault(name, inner)
        parts["schemas"][model.__name__] = found


_VERDICT_HEADERS: Final = {
    "X-SOC-Verdict": {"schema": {"type": "string", "enum": ["pass", "threat"]}},
    "X-SOC-Score": {"schema": {"type": "string"}},
    "X-SOC-Class": {"schema": {"type": "string"}},
    "X-SOC-Request-Id": {"schema": {"type": "string"}},
}
_DESCRIBED: Final[Mapping[str, dict[str, Any]]] = {
    "check": {
        "summary": "Score one request",
        "body": (CheckRequest,),
        "model": CheckAnswer,
        "errors": _SCORING,
    },
    "check_batch": {
        "summary": "Score several requests",
        "body": (BatchRequest,),
        "model": BatchAnswer,
        "errors": _SCORING,
    },
    "check_nginx": {
        "summary": "Score the request that nginx asks about (auth_request)",
        "description": "200 lets it in, 403 does not. Other headers are the visitor's own.",
        "original": True,
        "class": Response,
        "responses": {
            200: {"description": "No threat.", "headers": _VERDICT_HEADERS},
            403: {
                "description": "A threat; or the origin is not allowed.",
                "headers": _VERDICT_HEADERS,
                "content": {"application/json": {"schema": {}}},
            },
        },
        "errors": tuple(status for status in _SCORING if status not in {403, 415}),
    },
    "check_mirror": {
        "summary": "Queue the request that nginx mirrors",
        "description": "Answered before it is scored. The body is the visitor's.",
        "original": True,
        "status": 204,
        "class": Response,
        "errors": tuple(status for status in _SCORING if status not in {415, 504}),
    },
    "predict": {
        "summary": "Score host events",
        "body": (EventsRequest, Event),
        "model": PredictAnswer,
        "errors": (*_SCORING, 404),
    },
    "health": {
        "summary": "Whether requests are scored now",
        "model": Health,
        "responses": {503: {"model": Health, "description": "The kill switch is engaged."}},
        "errors": (400, 403, 405, 421, 500),
    },
    "model_info": {
        "summary": "Which models are loaded",
        "model": dict[str, Any],
        "errors": _COMMON,
    },
    "metrics": {
        "summary": "Counters for Prometheus",
        "class": Response,
        "responses": {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        "errors": _COMMON,
    },
}
