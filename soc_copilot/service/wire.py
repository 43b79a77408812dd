"""From JSON bodies to requests: strict, bounded, and each refusal in plain words."""

import ipaddress
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn
from urllib.parse import quote_plus

from soc_copilot.detection.web.request import Request
from soc_copilot.domain.errors import SocCopilotError

MAX_METHOD_CHARS: Final = 32  # chosen: longer than any registered method
MAX_HEADERS: Final = 200  # chosen: twice what Apache takes
MAX_PARAMETERS: Final = 5_000  # chosen: five times what PHP takes
MAX_ID_CHARS: Final = 128  # chosen
_METHOD: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")  # RFC 9110: token
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_KEYS: Final = (
    "method", "path", "query", "query_params", "headers", "body", "client_ip", "id",
)  # fmt: skip
_KEY_SET: Final = frozenset(_KEYS)


_GOOD_NAMES: Final[set[str]] = set()  # of headers met before
_MAX_GOOD_NAMES: Final = 1_000  # chosen: more than programs use, and bounded


class RefusedError(SocCopilotError):
    """A call that is answered with an error.

    Attributes:
        status: Of the answer.
        code: One word for programs: "bad_json".
        retry_after_s: When it may be tried again; None where that would not help.
    """

    def __init__(
        self, status: int, code: str, message: str, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Checked:
    """A request to be scored, and what the caller said of it.

    Attributes:
        client_ip: Who sent the request, as the caller knows; empty when not said.
        id: The caller's own, comes back in the answer; empty when none was given.
    """

    request: Request
    client_ip: str = ""
    id: str = ""


class Number(str):
    """A JSON number as it was written."""

    __slots__ = ()


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RefusedError(
            422,
            "duplicate_key",
            f'The key "{_shown(twice)}" stands twice in one object; programs differ in which '
            "one they take. Send a list where a name has several values.",
        )
    return found


def _constant(name: str) -> NoReturn:
    raise RefusedError(400, "bad_json", f"{name} is no JSON value.")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=Number, parse_float=Number, parse_constant=_constant
)


def read_json(body: bytes) -> Any:
    """The body's JSON value; numbers as `Number`.

    Raises:
        RefusedError: It is none, or has a key twice or half a surrogate pair.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedError(
            400, "bad_json", f"The body is not UTF-8 at byte {error.start}."
        ) from None
    try:
        value, end = _DECODER.raw_decode(text.strip(" \t\r\n"))
    except RecursionError:
        raise RefusedError(400, "bad_json", "The JSON is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise RefusedError(
            400, "bad_json", f"The body is no JSON at character {error.pos}: {error.msg}."
        ) from None
    if end != len(text.strip(" \t\r\n")):
        raise RefusedError(400, "bad_json", f"More follows the JSON at character {end}.")
    return value


def read_check(value: Any, where: str = "") -> Checked:
    """A request from its JSON value.

    Args:
        value: {"method", "path", "query" or "query_params", "headers", "body", "client_ip", "id"};
            "path" alone is needed.
        where: Begins each name in messages, "[3]." in a batch.

    Raises:
        RefusedError: Something in it is not as documented; the message names it.
    """
    if type(value) is not dict:
        _wrong(f"{where or 'The body'} must be an object, not {_kind(value)}")
    if not value.keys() <= _KEY_SET:
        unknown = next(key for key in value if key not in _KEY_SET)
        _wrong(f'"{where}{_shown(unknown)}" is not known; a request has {", ".join(_KEYS)}')
    if "path" not in value:
        _wrong(f'"{where}path" is missing')
    method = _text(value, "method", where) or "GET"
    if _METHOD.fullmatch(method) is None:
        _wrong(f'"{where}method" must be a word of at most {MAX_METHOD_CHARS} letters')
    path = _text(value, "path", where) or "/"
    query = _text(value, "query", where)
    if "?" in path and not query:
        path, _, query = path.partition("?")
    params = value.get("query_params")
    if params is not None:
        more = _query(params, where)
        query = f"{query}&{more}" if query and more else query or more
    body = _text(value, "body", where)
    headers = _headers(value.get("headers"), where)
    client_ip = _text(value, "client_ip", where)
    if client_ip and not is_address(client_ip):
        _wrong(f'"{where}client_ip" is no IP address')
    own_id = _text(value, "id", where)
    if len(own_id) > MAX_ID_CHARS:
        _wrong(f'"{where}id" has more than {MAX_ID_CHARS} letters')
    return Checked(Request(method, path, query, headers, body), client_ip, own_id)


def read_batch(value: Any, most: int) -> list[Checked]:
    """Requests from {"requests": [...]}.

    Raises:
        RefusedError: As `read_check`; or there is none, or there are too many.
    """
    if type(value) is not dict or value.keys() != {"requests"}:
        _wrong('The body must be {"requests": [...]}')
    rows = value["requests"]
    if type(rows) is not list:
        _wrong(f'"requests" must be a list, not {_kind(rows)}')
    if not rows:
        _wrong('"requests" is empty')
    if len(rows) > most:
        raise RefusedError(
            413, "too_many", f'"requests" has {len(rows):,} entries; at most {most:,} are taken.'
        )
    return [read_check(row, f"requests[{i}].") for i, row in enumerate(rows)]


def is_address(text: str) -> bool:
    """True for an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _text(value: Mapping[str, Any], key: str, where: str) -> str:
    found = value.get(key)
    if found is None:
        return ""
    if type(found) is not str:
        _wrong(f'"{where}{key}" must be text, not {_kind(found)}')
    return _whole(found, f"{where}{key}")


def _whole(text: str, where: str) -> str:
    """The text itself, when it can be written as UTF-8."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            _wrong(f'"{where}" holds half a surrogate pair, which is no text')
    return text


def _headers(value: Any, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if type(value) is not dict:
        _wrong(f'"{where}headers" must be an object, not {_kind(value)}')
    if len(value) > MAX_HEADERS:
        _wrong(f'"{where}headers" has more than {MAX_HEADERS} entries')
    found: dict[str, str] = {}
    for name, given in value.items():
        if name not in _GOOD_NAMES and not _is_name(name):
            _wrong(f'"{where}headers" has a name that no header can have')
        # Several headers of one name mean the same as one with commas: RFC 9110, 5.3.
        texts = given if type(given) is list else (given,)
        for text in texts:
            if type(text) is not str and type(text) is not Number:
                _wrong(f'"{where}headers.{name}" must be text, not {_kind(text)}')
        joined = texts[0] if len(texts) == 1 else ", ".join(texts)
        found[name] = _whole(joined, f"{where}headers.{name}")
    return found


def _is_name(text: str) -> bool:
    if _HEADER_NAME.fullmatch(text) is None:
        return False
    if len(_GOOD_NAMES) < _MAX_GOOD_NAMES:
        _GOOD_NAMES.add(text)
    return True


def _query(value: Any, where: str) -> str:
    """A query string of parameters: an object, or a list of pairs where the order counts."""
    pairs: list[tuple[str, Any]]
    if type(value) is dict:
        pairs = list(value.items())
    elif type(value) is list:
        if not all(type(p) is list and len(p) == 2 and type(p[0]) is str for p in value):
            _wrong(f'"{where}query_params" must be an object or a list of [name, value]')
        pairs = [(name, one) for name, one in value]
    else:
        _wrong(f'"{where}query_params" must be an object, not {_kind(value)}')
    parts = []
    for name, given in pairs:
        key = _encoded(name, where)
        several = given if type(given) is list else (given,)
        parts += [f"{key}={_encoded(_scalar(one, name, where), where)}" for one in several]
    if len(parts) > MAX_PARAMETERS:
        _wrong(f'"{where}query_params" has more than {MAX_PARAMETERS:,} entries')
    return "&".join(parts)


def _scalar(value: Any, name: str, where: str) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if type(value) is not bool:
        _wrong(f'"{where}query_params.{_shown(name)}" must be text, not {_kind(value)}')
    return "true" if value else "false"


def _encoded(text: str, where: str) -> str:
    """As a browser would send it, so that "&" and "=" in a value stay in it."""
    return text if text.isalnum() and text.isascii() else quote_plus(_whole(text, where))


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "a number")


def _shown(text: str) -> str:
    return ascii(text[:40])[1:-1]


def _wrong(words: str) -> NoReturn:
    raise RefusedError(422, "bad_request", f"{words}.")
