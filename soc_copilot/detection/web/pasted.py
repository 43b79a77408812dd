"""Requests that a person pastes: raw HTTP, a curl command, or a URL alone."""

import base64
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from soc_copilot.detection.web.request import Request
from soc_copilot.domain.errors import ParseError
from soc_copilot.domain.text import render_safe

MAX_CHARS: Final = 262_144  # chosen: far more than servers take in line and headers
_SHOWN: Final = 40  # chosen: characters of what is quoted in a message

_METHOD: Final = re.compile(r"[A-Za-z][A-Za-z-]{0,31}")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # token, RFC 9110 5.6.2
_VERSION: Final = re.compile(r"HTTP/\d(\.\d)?")
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)

# curl's options that shape the request, by what they stand for. Source: curl(1), 8.5.
_VALUED: Final = {
    "-X": "method", "--request": "method", "-H": "header", "--header": "header",
    "-d": "data", "--data": "data", "--data-ascii": "data", "--data-raw": "raw",
    "--data-binary": "data", "--data-urlencode": "encoded", "--json": "json",
    "-A": "agent", "--user-agent": "agent", "-e": "referer", "--referer": "referer",
    "-b": "cookie", "--cookie": "cookie", "-u": "user", "--user": "user", "--url": "url",
    "-F": "form", "--form": "form", "--form-string": "form", "-T": "upload",
    "--upload-file": "upload", "--url-query": "query", "-K": "config", "--config": "config",
}  # fmt: skip
_FLAGS: Final = {"-G": "get", "--get": "get", "-I": "head", "--head": "head"}
# Options with a value that say how to talk, and those without: neither is in the request.
_SKIPPED_VALUED: Final = frozenset({
    "-o", "--output", "-m", "--max-time", "--connect-timeout", "--retry", "-x", "--proxy",
    "--cacert", "-E", "--cert", "--key", "-w", "--write-out", "-c", "--cookie-jar", "--resolve",
    "--interface", "--max-redirs", "-D", "--dump-header",
})  # fmt: skip
_ONE_LETTER_VALUED: Final = frozenset(
    name[1] for name in (*_VALUED, *_SKIPPED_VALUED) if len(name) == 2
)
_REFUSED: Final = {
    "form": "Multipart forms (-F) are built by curl itself: paste the raw request instead.",
    "upload": "An upload (-T) reads a file, which is not done here: paste the raw request.",
    "config": "A configuration file (-K) is not read here: paste the whole command.",
}


def parse_pasted(text: str) -> Request:
    """The request that a text stands for. Nothing is sent, and no file is read.

    Args:
        text: Raw HTTP, a curl command, a URL, or a path with its query.

    Raises:
        ParseError: It is none of these; the message says what is missing.
    """
    if len(text) > MAX_CHARS:
        raise ParseError(
            f"The text has {len(text):,} characters; at most {MAX_CHARS:,} are taken. "
            "Shorten the body."
        )
    text = _clean(text.replace("\r\n", "\n").lstrip())
    if not text:
        raise ParseError("There is nothing to score. Paste a raw HTTP request or a curl command.")
    if re.match(r"(\$\s*)?curl(\.exe)?\s", text) or text.strip() == "curl":
        return _curl(text)
    first, _, rest = text.partition("\n")
    if not rest.strip() and (_SCHEME.match(first) or first.startswith("/")):
        return _request("GET", first.strip(), {}, "")
    return _raw(first, rest)


# -- raw HTTP


def _raw(first: str, rest: str) -> Request:
    words = first.rstrip().split(" ")
    if len(words) < 2 or not _METHOD.fullmatch(words[0]):
        raise ParseError(
            f"Line 1, {_quoted(first)}, is no request line. Write a method, a space and a path, "
            'like "GET /search?q=1 HTTP/1.1", or begin with "curl".'
        )
    if _VERSION.fullmatch(words[-1]) and len(words) > 2:
        words.pop()
    # A target may hold spaces when somebody typed it: it is taken as it stands.
    target = " ".join(words[1:]).strip()
    if not (target.startswith("/") or target == "*" or _SCHEME.match(target)):
        raise ParseError(
            f"The target {_quoted(target)} does not begin with a slash. Write the path as on the "
            'request line, like "/search?q=1".'
        )
    head, _, body = rest.partition("\n\n") if not rest.startswith("\n") else ("", "", rest[1:])
    return _request(words[0].upper(), target, dict(_headers(head)), body)


def _headers(head: str) -> Iterator[tuple[str, str]]:
    found: dict[str, str] = {}
    last = ""
    for number, line in enumerate(head.split("\n"), start=2):
        if not line.strip():
            continue
        if line[0] in " \t" and last:  # folded: belongs to the header above
            found[last] += f" {line.strip()}"
            continue
        name, colon, value = line.partition(":")
        if not colon or not _NAME.fullmatch(name.strip()):
            raise ParseError(
                f"Line {number}, {_quoted(line)}, is no header. Write a name, a colon and a value; "
                "put an empty line before the body."
            )
        last = name.strip()
        value = value.strip()
        found[last] = f"{found[last]}, {value}" if last in found else value
    yield from found.items()


# -- curl


@dataclass(slots=True)
class _Curl:
    """What a command's options add up to."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    query: list[str] = field(default_factory=list)
    is_get: bool = False
    is_json: bool = False


def _curl(text: str) -> Request:
    found = _Curl()
    for kind, value in _options(_words(text)):
        _take(found, kind, value)
    if not found.urls:
        raise ParseError("The curl command names no URL. Add one, like https://example.org/path.")
    if len(found.urls) > 1:
        raise ParseError(
            f"The curl command names {len(found.urls)} URLs. Leave the one that is to be scored."
        )
    url = found.urls[0]
    if not _SCHEME.match(url) and not url.startswith("/"):
        url = f"http://{url}"  # as curl takes it
    body = "" if found.is_json else "&".join(found.data)
    if found.is_json:
        body = "".join(found.data)
        found.headers.setdefault("Content-Type", "application/json")
    elif found.data and not found.is_get:
        found.headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    extra = [*found.query, *([body] if found.is_get and body else [])]
    if extra:
        url += ("&" if "?" in url else "?") + "&".join(extra)
    body = "" if found.is_get else body
    return _request(found.method or ("POST" if body else "GET"), url, found.headers, body)


def _words(text: str) -> list[str]:
    """A command's words as a shell gives them; $'…' as browsers copy it."""
    text = re.sub(r"\\\n|\^\n|`\n", " ", text)
    text = re.sub(r"\$'((?:[^'\\]|\\.)*)'", _ansi, text, flags=re.DOTALL)
    try:
        words = shlex.split(text)
    except ValueError as error:
        what = "A quotation mark is never closed" if "quotation" in str(error) else str(error)
        raise ParseError(f"The curl command cannot be read: {what}.") from None
    return words[words.index("$") + 2 if words[0] == "$" else 1 :]


_ANSI: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"', "0": "\0"}


def _ansi(match: re.Match[str]) -> str:
    def plain(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "xu" and len(code) > 1:
            return _clean(chr(int(code[1:], 16)))
        return _ANSI.get(code, code)

    inside = re.sub(r"\\(x[0-9A-Fa-f]{1,2}|u[0-9A-Fa-f]{1,4}|.)", plain, match[1], flags=re.DOTALL)
    return shlex.quote(inside)


def _options(words: list[str]) -> Iterator[tuple[str, str]]:
    """What each word means, with its value."""
    rest = iter(words)
    for word in rest:
        if word == "--" or not word.startswith("-") or word == "-":
            if word != "--":
                yield "url", word
            continue
        name, given = word, None
        if not word.startswith("--"):  # "-sXPOST": letters without a value, then one with
            place = next((i for i, c in enumerate(word) if i and c in _ONE_LETTER_VALUED), 0)
            for letter in word[1 : place or None]:
                if f"-{letter}" in _FLAGS:
                    yield _FLAGS[f"-{letter}"], ""
            if not place:
                continue
            name, given = f"-{word[place]}", word[place + 1 :] or None
        elif "=" in word and word.partition("=")[0] in _VALUED:
            name, _, given = word.partition("=")
        if name in _FLAGS:
            yield _FLAGS[name], ""
        if name in _VALUED or name in _SKIPPED_VALUED:
            value = given if given is not None else next(rest, None)
            if value is None:
                raise ParseError(f'The option "{name}" is the last word, and its value is missing.')
            if name in _VALUED:
                yield _VALUED[name], value


def _take(found: _Curl, kind: str, value: str) -> None:
    if kind in _REFUSED:
        raise ParseError(_REFUSED[kind])
    if kind in {"data", "encoded", "json"} and value.startswith("@"):
        raise ParseError(
            f"The data {_quoted(value)} names a file, which is not read here. Paste its content "
            "with --data-raw."
        )
    if kind == "url":
        found.urls.append(value)
    elif kind == "method":
        found.method = value.upper()
    elif kind == "header":
        name, colon, text = value.partition(":")
        if not colon or not _NAME.fullmatch(name.strip()):
            raise ParseError(
                f'The header {_quoted(value)} has no name and colon, like "Accept: x".'
            )
        found.headers[name.strip()] = text.strip()
    elif kind in {"data", "raw", "json"}:
        found.data.append(value)
        found.is_json = found.is_json or kind == "json"
    elif kind in {"encoded", "query"}:
        (found.data if kind == "encoded" else found.query).append(_encoded(value))
    elif kind in {"agent", "referer", "cookie"}:
        name = {"agent": "User-Agent", "referer": "Referer", "cookie": "Cookie"}[kind]
        found.headers[name] = value
    elif kind == "user":
        coded = base64.b64encode(value.encode("utf-8", "replace")).decode("ascii")
        found.headers.setdefault("Authorization", f"Basic {coded}")
    elif kind == "get":
        found.is_get = True
    elif kind == "head":
        found.method = found.method or "HEAD"


def _encoded(value: str) -> str:
    """As "name=content" with the content percent-encoded, like curl does it."""
    name, equals, content = value.partition("=")
    if not equals:
        return quote(name, safe="")
    return f"{name}={quote(content, safe='')}" if name else quote(content, safe="")


# -- both


def _request(method: str, url: str, headers: dict[str, str], body: str) -> Request:
    match = _SCHEME.match(url)
    if match:  # the authority is no part of what the detector reads
        rest = url[match.end() :]
        cut = next((i for i, char in enumerate(rest) if char in "/?#"), len(rest))
        headers = headers if _has(headers, "host") else {"Host": rest[:cut], **headers}
        url = rest[cut:]
    url = url.partition("#")[0] if match else url
    path, _, query = url.partition("?")
    return Request(method, path or "/", query, headers, body)


def _has(headers: dict[str, str], name: str) -> bool:
    return any(one.lower() == name for one in headers)


def _clean(text: str) -> str:
    """The text with a question mark for every half of a surrogate pair, which no wire carries."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _quoted(text: str) -> str:
    return f"“{render_safe(text.strip(), _SHOWN)}”"
