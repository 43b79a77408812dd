"""What the parts of the phishing pipeline hand each other: contents, findings, answers.

All content is hostile or unknown. Nothing named here is ever fetched; links are shown defanged.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, runtime_checkable

from soc_copilot.domain.brand import BrandMatch

ContentType = Literal["url", "email", "text", "page"]
CONTENT_TYPES: Final[tuple[ContentType, ...]] = ("url", "email", "text", "page")
Prediction = Literal["phish", "suspicious", "benign"]
PartState = Literal["ok", "failed", "timeout", "open", "skipped"]

PHISH_SCORE: Final = 0.7  # from here on "phish": the product's specification
SUSPICIOUS_SCORE: Final = 0.4  # from here on "suspicious": the product's specification

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*?)(://)", re.IGNORECASE)
_SHOWN_SCHEMES: Final = {"http": "hxxp", "https": "hxxps", "ftp": "fxp"}


def prediction_of(score: float) -> Prediction:
    """The verdict's word for a score."""
    if score >= PHISH_SCORE:
        return "phish"
    return "suspicious" if score >= SUSPICIOUS_SCORE else "benign"


def confidence_of(score: float) -> float:
    """How far a score is from the undecided middle: 0 at 0.5, 1 at 0 and at 1."""
    return min(1.0, abs(score - 0.5) * 2.0)


def defang(url: str) -> str:
    """A URL as it may be shown: nothing makes a link of it, and a reader can still read it.

    `https://a.example/x` becomes `hxxps[://]a[.]example/x`.
    """
    found = _SCHEME.match(url)
    head, rest = "", url
    if found:
        scheme = found.group(1).lower()
        head, rest = _SHOWN_SCHEMES.get(scheme, scheme) + "[://]", url[found.end() :]
    host, cut, path = _split_host(rest)
    host = host.replace(".", "[.]").replace("@", "[@]")
    return head + host.replace(":", "[:]") + cut + path.replace("://", "[://]")


def _split_host(rest: str) -> tuple[str, str, str]:
    ends = [at for at in map(rest.find, "/?#\\") if at >= 0]
    end = min(ends, default=len(rest))
    return rest[:end], rest[end : end + 1], rest[end + 1 :]


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks for or against phishing.

    Attributes:
        kind: Short word of a fixed set: "words", "brand", "sender", "link", "host", ...
        text: A sentence for the analyst.
        start: Where it stands in the content's text (characters), None for nowhere.
        end: One behind the last of those characters.
        weight: Higher speaks more for phishing, negative speaks against it.
    """

    kind: str
    text: str
    start: int | None = None
    end: int | None = None
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a content.

    Attributes:
        text: What a reader sees, "" for nothing.
        target: Where it leads; never to be fetched nor made clickable.
        defanged: The target as it may be shown.
    """

    text: str
    target: str
    defanged: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file within a message, listed and never opened.

    Attributes:
        name: As the message says, "" for none.
        content_type: As the message says.
        size_bytes: Decoded.
        sha256: Of the decoded bytes, hexadecimal; "" where limits cut it.
    """

    name: str
    content_type: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ParsedUrl:
    """A URL taken apart.

    Attributes:
        raw: As given.
        scheme: Lower case, "" for none given.
        host: Lower case, in letters (punycode decoded), without user and port.
        ascii_host: The host as DNS has it.
        registered_domain: One label below the public suffix (private suffixes included, so
            that a hosting tenant is a domain of its own); the host itself where there is none.
        icann_domain: One label below the ICANN suffix: the hosting service of a tenant.
        suffix: The public suffix, "" for an address or an unknown one.
        subdomain: Labels before the registered domain.
        path: With its slash; "" for none.
        query: Without "?".
        fragment: Without "#".
        user: Before "@", "" for none.
        port: None for none given.
        is_ip: The host is an address.
        is_tenant: The registered domain stands under a private suffix.
    """

    raw: str
    scheme: str
    host: str
    ascii_host: str
    registered_domain: str
    icann_domain: str
    suffix: str
    subdomain: str
    path: str
    query: str
    fragment: str
    user: str = ""
    port: int | None = None
    is_ip: bool = False
    is_tenant: bool = False

    @property
    def is_bare(self) -> bool:
        """True for a host with nothing behind it."""
        return self.path in {"", "/"} and not self.query and not self.fragment


@dataclass(frozen=True, slots=True)
class ParsedEmail:
    """What an analyst and a model may see of a message.

    Attributes:
        subject: Decoded.
        from_name: Display name of the sender.
        from_address: Lower case.
        reply_to: Address that answers go to, lower case, "" for none given.
        return_path: Address that bounces go to, lower case, "" for none given.
        text: What a reader sees: the plain text, or the HTML's.
        links: In order of appearance, each target once per text.
        attachments: Listed, never opened.
        has_html: There is an HTML part.
        n_forms: Forms in the HTML.
        n_images: Pictures in the HTML.
        n_hidden: Pieces of HTML that a reader does not see.
        date: As the message says, None where it does not.
        notes: What was cut or malformed, a sentence each.
    """

    subject: str = ""
    from_name: str = ""
    from_address: str = ""
    reply_to: str = ""
    return_path: str = ""
    text: str = ""
    links: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    has_html: bool = False
    n_forms: int = 0
    n_images: int = 0
    n_hidden: int = 0
    date: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """One thing to be analysed.

    Attributes:
        kind: What it is.
        raw: As received.
        text: What highlights point into: the URL, the mail's text, the text, the page's HTML.
        parsed: The URL or e-mail taken apart, None for the other kinds.
        screenshot: A PNG of the page, None for none.
    """

    kind: ContentType
    raw: bytes
    text: str
    parsed: ParsedEmail | ParsedUrl | None = None
    screenshot: bytes | None = None


@dataclass(frozen=True, slots=True)
class PartResult:
    """What one part says.

    Attributes:
        name: Of the part.
        score: In [0, 1], higher is more like phishing; None where the part has nothing to say.
        confidence: In [0, 1].
        reasons: The strongest first.
        latency_ms: Wall clock time.
        state: "open": its circuit breaker let nothing through. "skipped": not its kind.
        detail: What failed, for the operator.
        match: The protected brand that the content looks like, None for none.
    """

    name: str
    score: float | None
    confidence: float = 0.0
    reasons: tuple[Reason, ...] = ()
    latency_ms: float = 0.0
    state: PartState = "ok"
    detail: str = ""
    match: BrandMatch | None = None


@dataclass(frozen=True, slots=True)
class MailHead:
    """What an e-mail says of itself, as in `ParsedEmail`."""

    subject: str
    from_address: str
    from_name: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """The pipeline's answer.

    Attributes:
        request_id: Of this answer; a cached one has the id of the request it now answers.
        content_type: Of the content.
        prediction: By the score.
        score: In [0, 1], higher is more like phishing.
        confidence: In [0, 1].
        parts: Every part that applies, and how it fared.
        reasons: Of all parts, the strongest first.
        links: Of the content.
        attachments: Of the content.
        degraded: A part that applies gave no answer.
        model_version: Of all parts together.
        cached: The answer was known already.
        processing_time_ms: Wall clock time of this request.
        timestamp: When it was made, aware, UTC.
        head: Of an e-mail.
    """

    request_id: str
    content_type: ContentType
    prediction: Prediction
    score: float
    confidence: float
    parts: tuple[PartResult, ...]
    reasons: tuple[Reason, ...]
    links: tuple[Link, ...]
    attachments: tuple[Attachment, ...]
    degraded: bool
    model_version: str
    cached: bool
    processing_time_ms: float
    timestamp: datetime = field(compare=False)
    head: MailHead | None = None


@runtime_checkable
class Analyser(Protocol):
    """One part of the pipeline.

    Thread:
        `analyse` may be called from several threads at once.
    """

    @property
    def name(self) -> str:
        """Short and stable: for metrics, breakers and answers."""
        ...

    @property
    def version(self) -> str:
        """Of its model: answers of another version are not reused."""
        ...

    def applies(self, content: Content) -> bool:
        """True where this part has something to say about such a content."""
        ...

    def analyse(self, content: Content) -> PartResult:
        """Score a content that it applies to.

        Raises:
            DetectorError: The model failed; the pipeline answers without this part.
        """
        ...
