"""HTTP requests as the detector takes them, and the texts in them that it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

BODY_MARK: Final = "\n\n"  # between target and body in the text that the model reads

# Headers that say how to talk, never what: values of a fixed grammar that no program
# takes apart beyond it. Every other header's value is read like any text.
_SKIPPED: Final = frozenset({"host", "connection", "content-length", "date", "dnt", "age"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Text is as sent: percent-encoding and the like are left alone."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @property
    def target(self) -> str:
        """Path and query as on the request line."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def texts(self) -> list[str]:
        """What the model reads: target with body, then every header value worth reading."""
        main = f"{self.target}{BODY_MARK}{self.body}" if self.body else self.target
        return [main, *(self.headers[name] for name in self.headers_read())]

    def headers_read(self) -> list[str]:
        """Names of the headers whose values are read, in the order of `texts()[1:]`."""
        return [k for k, v in self.headers.items() if v and k.lower() not in _SKIPPED]

    def place(self, text: int, at: int) -> str:
        """Which part of the request a character of one of its texts is in.

        Args:
            text: Index in `texts()`.
            at: Character of it.

        Returns:
            "path", "query", "body" or "header NAME".
        """
        if text > 0:
            return f"header {self.headers_read()[text - 1]}"
        if at < len(self.path):
            return "path"
        return "query" if at < len(self.target) or not self.body else "body"


def from_row(row: Mapping[str, Any]) -> Request:
    """A request from a JSON row of the shape {"method","path","query","headers","body"}.

    Raises:
        ValueError: A field has the wrong type; the message names it.
    """
    texts = {}
    for name, default in (("method", "GET"), ("path", "/"), ("query", ""), ("body", "")):
        value = row.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f'"{name}" must be text, not {type(value).__name__}')
        texts[name] = value or default
    headers = row.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError(f'"headers" must be an object, not {type(headers).__name__}')
    return Request(headers={str(k): str(v) for k, v in headers.items()}, **texts)
