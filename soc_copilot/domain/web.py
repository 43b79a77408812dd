"""How the web detector judged the requests of a batch: for screens, never stored."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from soc_copilot.domain.findings import Highlight

MAX_COUNTS: Final = 64  # chosen: addresses and paths of one batch, those with the most threats
MAX_REQUESTS: Final = 12  # chosen: requests of one batch that are shown, the highest scores
MAX_NAME: Final = 256  # chosen: characters of an address or a path; longer ones are cut
MAX_TEXT: Final = 2_048  # chosen: characters of a request's part; longer ones are cut


@dataclass(frozen=True, slots=True)
class WebCount:
    """Threats of one batch that have something in common.

    Attributes:
        name: The class, the path, or the address.
        n_threats: How many.
        kind: The class that most of them have, by its name.
    """

    name: str
    n_threats: int
    kind: str


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request that was taken for a threat. Every text is as it was sent: hostile.

    Attributes:
        at: When it came.
        source_id: Where it was read.
        address: Who sent it, "" when the log does not say.
        method: "" when the log does not say.
        path: Without the query.
        status: The server's answer, None when the log does not say.
        score: In [0, 1].
        kind: Name of the attack class.
        title: The class for people, "SQL injection".
        technique: ATT&CK id.
        capec: CAPEC id, "" where there is none.
        text: The part that scored highest: target with body, or a header's value.
        marked: What speaks for an attack, as characters [start, end) of `text`.
        decoding: Steps by which it was made readable, in the order they were taken.
        words: What the marked parts say once decoded, strongest first.
    """

    at: datetime
    source_id: int
    address: str
    method: str
    path: str
    status: int | None
    score: float
    kind: str
    title: str
    technique: str
    capec: str
    text: str
    marked: tuple[Highlight, ...] = ()
    decoding: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WebStanding:
    """The requests of one batch.

    Attributes:
        n_requests: That were scored.
        n_threats: That reached the threshold.
        classes: Threats by class, the most first.
        targets: Threats by path, the most first, at most `MAX_COUNTS`.
        attackers: Threats by address, the most first, at most `MAX_COUNTS`.
        requests: Threats in full, distinct ones, the highest scores first.
    """

    n_requests: int
    n_threats: int = 0
    classes: tuple[WebCount, ...] = ()
    targets: tuple[WebCount, ...] = ()
    attackers: tuple[WebCount, ...] = ()
    requests: tuple[WebRequest, ...] = ()
