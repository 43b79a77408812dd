"""Contents that an analyst hands over, and what the pipeline says of them. No Qt here."""

import itertools
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soc_copilot.detection.phishing.contents import guess_kind
from soc_copilot.detection.phishing.mailboxes import Place, places, read
from soc_copilot.domain.brand import BrandMatch
from soc_copilot.domain.errors import (
    DetectorError,
    KillSwitchEngagedError,
    ParseError,
    SocCopilotError,
)
from soc_copilot.domain.phishing import Analysis, Content, ContentType, Prediction
from soc_copilot.phishing.reading import read_content
from soc_copilot.ui.phishing_facts import sender_of, title_of, told_reasons

if TYPE_CHECKING:
    from soc_copilot.phishing.loading import Loaded
    from soc_copilot.phishing.orchestrator import Orchestrator

logger = logging.getLogger(__name__)

TIMEOUT_S: Final = 5.0  # chosen: a person rather waits a little than gets half an answer
BATCH: Final = 16  # chosen: scored together; half a tenth of a second
MAX_ROWS: Final = 100_000  # chosen: about 100 MB; a larger mailbox is checked from a terminal
MAX_REASONS: Final = 6  # chosen: sentences kept of a row
PNG: Final = b"\x89PNG\r\n\x1a\n"
_PICTURES: Final = (b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")  # JPEG, GIF, WebP, bitmap


@dataclass(frozen=True, slots=True)
class Given:
    """What an analyst handed over.

    Attributes:
        name: Of the file, or "pasted".
        raw: As pasted; None for what is read from its place.
        place: Where it is read, each time it is looked at.
        kind: None to have it recognised.
        screenshot: A PNG of the page, None for none.
    """

    name: str
    raw: bytes | None = None
    place: Place | None = None
    kind: ContentType | None = None
    screenshot: bytes | None = None


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """A content in the table.

    Attributes:
        number: Unlike any other row's, also when it is checked again.
        prediction: None where it could not be read.
        title: Subject, URL (defanged), or beginning.
        sender: Of a mail.
        reasons: Why, the strongest first.
        problem: Why it could not be read or analysed.
    """

    number: int
    given: Given
    kind: ContentType | None
    prediction: Prediction | None
    score: float = 0.0
    confidence: float = 0.0
    is_degraded: bool = False
    title: str = ""
    sender: str = ""
    reasons: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Detail:
    """All that is known of a content.

    Attributes:
        analysis: None where it could not be analysed.
        missing: Parts that are not loaded, with the reason.
        match: The brand that it looks like, None for none.
    """

    row: CheckedRow
    content: Content | None = None
    analysis: Analysis | None = None
    missing: tuple[tuple[str, str], ...] = ()

    @property
    def match(self) -> BrandMatch | None:
        """The brand that its screenshot is most like."""
        parts = self.analysis.parts if self.analysis is not None else ()
        return next((part.match for part in parts if part.match is not None), None)


class Checker:
    """Asks the pipeline's parts, which are loaded when the first content comes.

    Args:
        load: Finds and loads them; None for our own and what else is installed.

    Thread:
        Any but the GUI's; several at once.
    """

    def __init__(self, load: "Callable[[], Loaded] | None" = None) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._orchestrator: Orchestrator | None = None
        self._missing: tuple[tuple[str, str], ...] = ()
        self._names: frozenset[str] = frozenset()
        self._numbers = itertools.count(1)

    @property
    def is_loaded(self) -> bool:
        """True once the models are there."""
        return self._orchestrator is not None

    def check(self, given: Given, former: CheckedRow | None = None) -> Detail:
        """Analyse one content.

        Args:
            given: What it is.
            former: Its row, when it is analysed again.

        Raises:
            SocCopilotError: It cannot be read, or no part can say anything of it.
        """
        orchestrator = self._ready()
        content = self._content(given)
        analysis = orchestrator.analyse(content, uuid.uuid4().hex)
        if problem := _blank(content, analysis):
            raise ParseError(problem)
        number = next(self._numbers) if former is None else former.number
        row = _row(number, given, content, analysis)
        return Detail(row, content, analysis, self._missing)

    def again(self, row: CheckedRow) -> Detail:
        """All about a row; what cannot be read any more is said within."""
        try:
            return self.check(row.given, row)
        except SocCopilotError as error:
            return Detail(replace(row, problem=str(error)))

    def rows(self, givens: Sequence[Given]) -> list[CheckedRow]:
        """Analyse several together; one row each, in order.

        Raises:
            DetectorError: The models cannot be loaded.
        """
        orchestrator = self._ready()
        contents: dict[int, Content] = {}
        problems: dict[int, str] = {}
        for at, given in enumerate(givens):
            try:
                contents[at] = self._content(given)
            except SocCopilotError as error:
                problems[at] = str(error)
            except Exception:
                logger.exception("A content cannot be read.")
                problems[at] = "It cannot be taken apart; see the log."
        outcomes = dict(
            zip(
                contents,
                orchestrator.analyse_many(
                    list(contents.values()), [uuid.uuid4().hex for _ in contents]
                ),
                strict=True,
            )
        )
        found = []
        for at, given in enumerate(givens):
            number, outcome = next(self._numbers), outcomes.get(at)
            if isinstance(outcome, Analysis):
                problems[at] = _blank(contents[at], outcome)
                row = _row(number, given, contents[at], outcome)
            else:
                problems.setdefault(at, str(outcome))
            if problems[at]:
                row = CheckedRow(number, given, None, None, title=given.name, problem=problems[at])
            found.append(row)
        return found

    def close(self) -> bool:
        """End the parts' threads; False when one is still busy."""
        with self._lock:
            orchestrator, self._orchestrator = self._orchestrator, None
        return orchestrator is None or orchestrator.close()

    def _ready(self) -> "Orchestrator":
        from soc_copilot.phishing.loading import load_parts
        from soc_copilot.phishing.orchestrator import Orchestrator

        with self._lock:
            if self._orchestrator is None:
                loaded = (self._load or load_parts)()
                if not loaded.parts:
                    told = "; ".join(f"{name}: {reason}" for name, reason in loaded.missing)
                    raise DetectorError(f"No phishing model can be loaded. {told}")
                self._missing = loaded.missing
                self._names = frozenset(part.name for part in loaded.parts)
                self._orchestrator = Orchestrator(
                    loaded.parts, timeout_s=TIMEOUT_S, missing=loaded.missing
                )
            return self._orchestrator

    def _content(self, given: Given) -> Content:
        """Read it, and take it apart.

        Raises:
            SocCopilotError: It cannot be read, or is no kind that is read.
        """
        raw = given.raw if given.raw is not None else read(_place_of(given))
        screenshot = given.screenshot
        if raw.startswith(PNG):
            if "visual" not in self._names:
                raise DetectorError(
                    "A screenshot is compared with your brands by the visual model, which is not "
                    "loaded here. Give the page's URL or its HTML."
                )
            return Content("page", b"", "", None, raw)
        if raw.startswith(_PICTURES):
            raise ParseError("A screenshot has to be a PNG. Save it as one and give that.")
        if not raw.strip():
            raise ParseError("There is nothing in it.")
        return read_content(given.kind or guess_kind(raw), raw, screenshot)


def check_all(
    checker: Checker,
    paths: Iterable[Path],
    *,
    halted: Callable[[], str],
    take: Callable[[list[CheckedRow]], None],
    report: Callable[[int, int], None],
    most: int = MAX_ROWS,
) -> int:
    """Analyse every message of files, mboxes, maildirs and folders; for a long job.

    Args:
        checker: Asks the parts.
        paths: What to go through.
        halted: Why nothing may be analysed now, "" when it may.
        take: Given rows as they are done.
        report: Told how many of how many are done; may raise to end it.
        most: Rows at most.

    Returns:
        How many there were; more than `most` where some were left out.

    Raises:
        KillSwitchEngagedError: Processing is halted.
        SourceError: A folder or file cannot be read.
    """
    report(0, 0)
    all_places = itertools.chain.from_iterable(places(path) for path in paths)
    found = list(islice(all_places, most + 1))
    total = min(len(found), most)
    for at in range(0, total, BATCH):
        refuse_halted(halted())
        some = found[at : min(at + BATCH, total)]
        take(checker.rows([Given(place.name, place=place) for place in some]))
        report(at + len(some), total)
    return len(found)


def refuse_halted(reason: str) -> None:
    """Go on only while processing is permitted.

    Raises:
        KillSwitchEngagedError: It is not.
    """
    if reason:
        raise KillSwitchEngagedError(f"The kill switch is engaged: nothing is checked. {reason}")


def _blank(content: Content, analysis: Analysis) -> str:
    """Why an answer to a screenshot alone is none: the parts that read had nothing to read."""
    if content.raw or any(
        part.name == "visual" and part.score is not None for part in analysis.parts
    ):
        return ""
    told = "; ".join(part.detail for part in analysis.parts if part.detail)
    return (
        f"It looks like none of your brands, and a picture says no more. {told} Give the page's "
        "URL or its HTML, and add the screenshot to that."
    )


def _place_of(given: Given) -> Place:
    if given.place is None:
        raise ParseError("There is nothing in it.")
    return given.place


def _row(number: int, given: Given, content: Content, analysis: Analysis) -> CheckedRow:
    reasons = tuple(one.text for one in told_reasons(analysis))[:MAX_REASONS]
    return CheckedRow(
        number, given, content.kind, analysis.prediction, analysis.score, analysis.confidence,
        analysis.degraded, title_of(content, given.name), sender_of(content), reasons,
    )  # fmt: skip
