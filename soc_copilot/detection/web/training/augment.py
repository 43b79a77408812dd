"""Payloads and harmless values put into all kinds of places of realistic requests.

The sets give themselves away: one sends every attack as `p=` of `/`. So values are taken
out of their rows and put elsewhere: any path, parameter name, form, JSON, XML, multipart,
cookie or header, in many encodings. Harmless values travel the same ways, so that neither
place nor name nor encoding nor length tells the label: only what the value says does.
"""

import base64
import html
import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from soc_copilot.detection.web.request import BODY_MARK, Request

_SHORT_NAMES: Final = (
    "id", "q", "p", "s", "page", "name", "search", "query", "file", "url", "cat", "user", "lang",
    "a", "x", "v", "data", "text", "msg", "path", "email", "title", "type", "ref", "key", "value",
    "comment", "content", "callback", "redirect", "next", "return", "sort", "filter", "token",
)  # fmt: skip
# Folders that occur everywhere, among them those that scanners ask for most.
_FOLDERS: Final = (
    "scripts", "javascript", "examples", "modules", "cgi-bin", "admin", "web", "includes", "lib",
    "manager", "static", "assets", "css", "js", "images", "script", "classes", "templates",
    "docs", "blog", "api", "download", "files", "backup", "tools", "src",
    "projects", "python", "php", "jsp", "servlet", "web", "app", "public", "upload", "themes",
    "modules", "plugins", "config", "test", "old", "tmp", "forum", "news", "shop", "search",
    "recordings", "extras", "help", "perl", "java", "media", "user", "account", "login", "index",
)  # fmt: skip
_ENDINGS: Final = (
    "", "", "/", ".php", ".html", ".aspx", ".jsp", ".js", ".png", ".asp", ".py", ".sh", ".css",
    ".min.js", ".txt", ".xml", ".cgi",
)  # fmt: skip
_NAME: Final = re.compile(r"[A-Za-z_][\w.\-\[\]]{0,23}")


def value_of(text: str) -> bytes:
    """The decoded value of the first `name=value`, or of the whole when there is no "="."""
    raw = text.split("=", 1)[-1].replace("+", " ")
    return unquote_to_bytes(raw)


def values_of(text: str) -> list[bytes]:
    """Every decoded value of a query string or form."""
    return [value_of(pair) for pair in text.split("&") if "=" in pair]


def _quote_all(value: bytes) -> str:
    return "".join(f"%{byte:02X}" for byte in value)


def _quote_wide(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    return "".join(c if c.isalnum() and c.isascii() else f"%u{ord(c) & 0xFFFF:04X}" for c in text)


def _raw(value: bytes) -> str:
    # What a tolerant client sends: only what would break the request line is encoded.
    return quote(value, safe="!\"#$&'()*,/:;<=>?@[\\]^`{|}~")


_QUERY_CODES: Final[tuple[tuple[float, Callable[[bytes], str]], ...]] = (
    (0.32, lambda v: quote(v, safe="")),
    (0.20, lambda v: quote(v, safe="!'()*~,/:;@")),
    (0.20, lambda v: quote_plus(v)),
    (0.16, _raw),
    (0.04, lambda v: quote(quote(v, safe=""), safe="")),
    (0.02, _quote_all),
    (0.01, _quote_wide),
    (0.05, lambda v: quote(base64.b64encode(v).decode().rstrip("="), safe="")),
)


class Placer:
    """Puts values into requests, with everything drawn from one seeded source."""

    def __init__(self, carriers: Sequence[Request], agents: Sequence[str], seed: int) -> None:
        """Ready to place values.

        Args:
            carriers: Real harmless requests.
            agents: Real User-Agent values.
            seed: Of all that is drawn.
        """
        self._carriers = carriers
        self._agents = agents
        self.rng = random.Random(seed)  # noqa: S311 - not for secrets
        names = {pair.split("=")[0] for r in carriers for pair in r.query.split("&") if "=" in pair}
        self._names = [*sorted(n for n in names if _NAME.fullmatch(n)), *_SHORT_NAMES * 5]
        segments = {s for r in carriers for s in r.path.split("/") if 0 < len(s) <= 40}
        self._segments = sorted(segments) or ["index"]

    def name(self) -> str:
        """A parameter name."""
        return self.rng.choice(_SHORT_NAMES if self.rng.random() < 0.4 else self._names)

    def path(self) -> str:
        """A harmless path: a real one, "/", or a few real segments put together."""
        draw = self.rng.random()
        if draw < 0.25:
            return "/"
        if draw < 0.6:
            return self.rng.choice(self._carriers).path
        picked = self.rng.choices(self._segments, k=self.rng.randint(1, 3))
        if self.rng.random() < 0.6:
            picked.insert(0, self.rng.choice(_FOLDERS[: self.rng.choice((8, len(_FOLDERS)))]))
        end = self.rng.choice(_ENDINGS)
        return "/" + "/".join(picked) + end

    def _code(self, value: bytes) -> str:
        weights = [weight for weight, _ in _QUERY_CODES]
        return self.rng.choices([code for _, code in _QUERY_CODES], weights)[0](value)

    def simple(self, value: bytes) -> str:
        """The value as the only parameter, in the query or in a form."""
        pair = f"{self.name()}={self._code(value)}"
        if self.rng.random() < 0.25:
            return f"{self.path()}{BODY_MARK}{pair}"
        return f"{self.path()}?{pair}"

    def anywhere(self, value: bytes) -> str:
        """The value somewhere in a real request, or as a header's text."""
        places = (self._in_query, self._in_path, self._in_form, self._in_json, self._in_multipart,
                  self._in_xml, self._in_cookie, self._in_header, self._repeated)  # fmt: skip
        return self.rng.choices(places, (30, 12, 12, 14, 6, 4, 9, 13, 3))[0](value)

    def _carrier(self) -> Request:
        return self.rng.choice(self._carriers)

    def _pairs(self, text: str, value: bytes) -> str:
        pairs = [pair for pair in text.split("&") if pair][:30]
        new = f"{self.name()}={self._code(value)}"
        if pairs and self.rng.random() < 0.4:
            at = self.rng.randrange(len(pairs))
            pairs[at] = f"{pairs[at].split('=')[0]}={self._code(value)}"
        else:
            pairs.insert(self.rng.randint(0, len(pairs)), new)
        return "&".join(pairs)

    def _in_query(self, value: bytes) -> str:
        carrier = self._carrier()
        target = f"{carrier.path}?{self._pairs(carrier.query, value)}"
        return f"{target}{BODY_MARK}{carrier.body}" if carrier.body else target

    def _repeated(self, value: bytes) -> str:
        words = value.split(b" ")
        if len(words) == 1:
            return self._in_query(value)
        at = self.rng.randrange(1, len(words))
        name = self.name()
        both = (b" ".join(words[:at]), b" ".join(words[at:]))
        pairs = "&".join(f"{name}={self._code(part)}" for part in both)
        return f"{self.path()}{self.rng.choice(('?', BODY_MARK))}{pairs}"

    def _in_path(self, value: bytes) -> str:
        carrier = self._carrier()
        coded = self._code(value).replace("?", "%3F").replace("+", "%20")
        parts = carrier.path.rstrip("/").split("/")
        if self.rng.random() < 0.5 and len(parts) > 1:
            parts[-1] = coded
        else:
            parts.append(coded)
        path = "/".join(parts) if parts[0] == "" else "/" + "/".join(parts)
        return f"{path}?{carrier.query}" if carrier.query and self.rng.random() < 0.5 else path

    def _in_form(self, value: bytes) -> str:
        carrier = self._carrier()
        query = carrier.query if self.rng.random() < 0.5 else ""
        return f"{carrier.path}{BODY_MARK}{self._pairs(query, value)}"

    def _in_json(self, value: bytes) -> str:
        text = value.decode("utf-8", "replace")
        fields: dict[str, object] = {
            self.name(): self.rng.choice((1, True, None, "on", self.name(), self.rng.random()))
            for _ in range(self.rng.randint(0, 4))
        }
        fields[self.name()] = text if self.rng.random() < 0.8 else [text, self.name()]
        if self.rng.random() < 0.3:
            fields = {"id": self.rng.randint(1, 9999), self.name(): fields}
        ascii_only = self.rng.random() < 0.5
        separators = (",", ":") if self.rng.random() < 0.6 else (", ", ": ")
        body = json.dumps(fields, ensure_ascii=ascii_only, separators=separators)
        return f"{self._carrier().path}{BODY_MARK}{body}"

    def _in_multipart(self, value: bytes) -> str:
        mark = f"----WebKitFormBoundary{self.rng.getrandbits(64):016x}"
        text = value.decode("utf-8", "replace")
        part = f'--{mark}\r\nContent-Disposition: form-data; name="{self.name()}"'
        if self.rng.random() < 0.2:
            part += f'; filename="{self.name()}.txt"\r\nContent-Type: text/plain'
        body = f"{part}\r\n\r\n{text}\r\n--{mark}--\r\n"
        return f"{self._carrier().path}{BODY_MARK}{body}"

    def _in_xml(self, value: bytes) -> str:
        text = value.decode("utf-8", "replace")
        text = html.escape(text) if self.rng.random() < 0.6 else f"<![CDATA[{text}]]>"
        name = self.name().split("[")[0]
        count = self.rng.randint(0, 99)
        body = f'<?xml version="1.0"?><{name}><item>{text}</item><n>{count}</n></{name}>'
        return f"{self._carrier().path}{BODY_MARK}{body}"

    def _in_cookie(self, value: bytes) -> str:
        pair = f"{self.name()}={self._code(value).replace(';', '%3B')}"
        real = self._carrier().headers.get("Cookie", "")
        pairs = [p for p in real.split("; ") if p][:8]
        pairs.insert(self.rng.randint(0, len(pairs)), pair)
        return "; ".join(pairs)

    def _in_header(self, value: bytes) -> str:
        text = value.decode("utf-8", "replace")
        draw = self.rng.random()
        if draw < 0.4:
            return text
        if draw < 0.7:
            agent = self.rng.choice(self._agents)
            return f"{agent} {text}" if self.rng.random() < 0.5 else f"{text} {agent}"
        return f"https://www.{self.name()}.com{self.path()}?{self.name()}={self._code(value)}"
