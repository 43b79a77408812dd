"""What the Phishing page says of an answer, in words: no Qt, nothing fetched."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from soc_copilot.detection.phishing.evidence import domain_of
from soc_copilot.domain.findings import Highlight
from soc_copilot.domain.phishing import (
    Analysis,
    Content,
    ContentType,
    ParsedEmail,
    PartResult,
    Prediction,
    Reason,
    defang,
)

HEADLINES: Final[dict[Prediction | None, str]] = {
    "phish": "Phishing",
    "suspicious": "Suspicious",
    "benign": "Looks harmless",
    None: "Not read",
}
WORDS: Final[dict[Prediction | None, str]] = {
    "phish": "Phishing",
    "suspicious": "Suspicious",
    "benign": "Harmless",
    None: "Not read",
}
ROLES: Final[dict[Prediction | None, str]] = {
    "phish": "critical",
    "suspicious": "medium",
    "benign": "ok",
    None: "info",
}
KINDS: Final[dict[ContentType, str]] = {
    "url": "URL",
    "email": "E-mail",
    "text": "Text",
    "page": "Page",
}
PARTS: Final = {"url": "URL", "email": "E-mail", "text": "Text", "visual": "Look of the page"}
STATES: Final = {
    "failed": "failed",
    "timeout": "took too long",
    "open": "left alone for a while, as it failed",
    "skipped": "not asked",
    "missing": "not loaded",
}
TITLE_CHARS: Final = 200  # chosen: of what stands in the table
MAX_WORDS: Final = 8  # chosen: words named in one reason
MAX_SIGNS: Final = 4  # chosen: named in the summary
MIN_MARKED: Final = 0.0  # weight from which a reason's place is highlighted, chosen
_URL: Final = re.compile(r"(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s<>\"']{3,2000}", re.IGNORECASE)
_SIGNS: Final = {  # kinds of reasons as they are told in a sentence
    "sender": "the sender", "reply-to": "where answers go", "link": "a link",
    "attachment": "an attachment", "form": "a form", "hidden": "hidden text",
    "visual": "the look of the page", "brand": "a brand's name", "host": "the host",
    "confusable": "look-alike letters", "user": "what stands before the host",
    "hosting": "where it is hosted", "random": "a made-up name", "words": "its words",
    "word": "its words",
}  # fmt: skip
_WORD: Final = re.compile(r'The word "(.*)" speaks for phishing\.')
_BAIT: Final = re.compile(r"It (.*)\.")
_TITLE: Final = re.compile(r"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HeaderFact:
    """A line of a message's head.

    Attributes:
        name: Of the header, for people.
        value: As the message says.
        finding: What is wrong with it; "" for nothing.
        is_wrong: True where it speaks for phishing, False where it is only worth a look.
    """

    name: str
    value: str
    finding: str = ""
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class PartFact:
    """A part of the pipeline and how it fared.

    Attributes:
        name: For people.
        words: Its score, or why it has none.
        state: As the pipeline calls it, or "missing".
    """

    name: str
    words: str
    state: str


def sureness(confidence: float) -> str:
    """A confidence in [0, 1] in words."""
    for least, words in ((0.9, "very sure"), (0.6, "sure"), (0.3, "fairly sure")):
        if confidence >= least:
            return words
    return "undecided"


def grouped(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """Reasons once each, the strongest first; kinds of bait in one, and single words in one."""
    found: dict[str, Reason] = {}
    baits: dict[str, Reason] = {}
    words: dict[str, Reason] = {}
    for reason in sorted(reasons, key=lambda one: -one.weight):
        if named := _WORD.fullmatch(reason.text):
            words.setdefault(named.group(1), reason)
        elif reason.kind == "words" and (said := _BAIT.fullmatch(reason.text)):
            baits.setdefault(said.group(1), reason)
        else:
            found.setdefault(reason.text, reason)
    if baits:
        text = f"It {_listed(list(baits))}."
        found[text] = Reason("words", text, weight=_heaviest(baits))
    if words:
        more = f" and {len(words) - MAX_WORDS} more" if len(words) > MAX_WORDS else ""
        text = f"Words that speak for phishing: {', '.join(list(words)[:MAX_WORDS])}{more}."
        found[text] = Reason("word", text, weight=_heaviest(words))
    return tuple(sorted(found.values(), key=lambda one: -one.weight))


def _heaviest(reasons: Mapping[str, Reason]) -> float:
    return max(one.weight for one in reasons.values())


def _listed(words: Sequence[str]) -> str:
    """Words as a sentence has them: "one, two and three"."""
    return " and ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def told_reasons(analysis: Analysis) -> tuple[Reason, ...]:
    """What is said of an answer: `grouped`, and of a harmless content no single words."""
    if analysis.prediction != "benign":
        return grouped(analysis.reasons)
    # Any text has words that weigh a little.
    kept = grouped([one for one in analysis.reasons if one.kind != "word"])
    return tuple(sorted(kept, key=lambda one: one.weight >= 0))


def summary_of(analysis: Analysis) -> str:
    """What the verdict rests on, in a sentence; its reasons stand below."""
    reasons = told_reasons(analysis)
    if analysis.prediction == "benign":
        calming = [one.text for one in reasons if one.weight < 0]
        return calming[0] if calming else "Nothing in it speaks strongly for phishing."
    signs = [_SIGNS.get(one.kind, one.kind) for one in reasons if one.weight > 0]
    if not signs:
        return "No single thing stands out; it reads as such messages do."
    told = _listed(list(dict.fromkeys(signs))[:MAX_SIGNS])
    verb = "speak" if " and " in told or told.endswith(("words", "letters")) else "speaks"
    return f"{told[0].upper()}{told[1:]} {verb} for phishing."


def title_of(content: Content, name: str) -> str:
    """What a content is called in the table: its subject, its URL shown safely, its beginning."""
    if isinstance(content.parsed, ParsedEmail):
        return (content.parsed.subject or "(no subject)")[:TITLE_CHARS]
    if content.kind == "url":
        return defang(content.text[: 2 * TITLE_CHARS])[:TITLE_CHARS]
    if content.kind == "page":
        titled = _TITLE.search(content.text[:20_000])
        return " ".join(titled.group(1).split())[:TITLE_CHARS] if titled else name
    first = next((line for line in content.text.splitlines() if line.strip()), "")
    return defanged_text(first.strip()[:TITLE_CHARS]) or name or "(empty)"


def sender_of(content: Content) -> str:
    """Who a mail says it is from, "" for anything else."""
    mail = content.parsed
    if not isinstance(mail, ParsedEmail):
        return ""
    address = f"<{mail.from_address}>" if mail.from_name else mail.from_address
    return f"{mail.from_name} {address}".strip() if mail.from_address else mail.from_name


def header_facts(mail: ParsedEmail, reasons: Sequence[Reason], date: str) -> list[HeaderFact]:
    """The lines of a message's head that an analyst looks at, with what is wrong.

    Args:
        mail: Taken apart.
        reasons: Of the answer.
        date: The message's date as it is shown, "" for none.
    """
    told: dict[str, list[str]] = {}
    for reason in reasons:
        told.setdefault(reason.kind, []).append(reason.text)
    own = domain_of(mail.from_address)
    sender = " ".join(dict.fromkeys(told.get("sender", ())))
    name = f"{mail.from_name} " if mail.from_name else ""
    shown = f"{name}<{mail.from_address}>" if mail.from_address else name or "none given"
    found = [HeaderFact("From", shown, sender, bool(sender))]
    if mail.reply_to:
        wrong = " ".join(dict.fromkeys(told.get("reply-to", ())))
        other = _other_domain(mail.reply_to, own, "Answers go to")
        found.append(HeaderFact("Reply-To", mail.reply_to, wrong or other, bool(wrong)))
    if mail.return_path:
        other = _other_domain(mail.return_path, own, "Bounces go to")
        if other:
            other += " Mailing services do that, too."
        found.append(HeaderFact("Return-Path", mail.return_path, other))
    if date:
        found.append(HeaderFact("Date", date))
    return found


def _other_domain(address: str, own: str, words: str) -> str:
    theirs = domain_of(address)
    if not theirs or not own or theirs == own:
        return ""
    return f"{words} {defang(theirs)}, not to the sender's {defang(own)}."


def part_facts(
    parts: Sequence[PartResult], missing: Sequence[tuple[str, str]]
) -> tuple[PartFact, ...]:
    """How each part fared; those that could not be loaded at the end."""
    found = []
    for part in parts:
        name = PARTS.get(part.name, part.name)
        if part.state == "ok":
            words = "nothing to say" if part.score is None else f"{part.score:.3f}"
        else:
            words = f"{STATES.get(part.state, part.state)}. {part.detail}".strip()
        found.append(PartFact(name, words, part.state))
    for part_name, reason in missing:
        words = f"{STATES['missing']}. {reason}".strip()
        found.append(PartFact(PARTS.get(part_name, part_name), words, "missing"))
    return tuple(found)


def degraded_words(parts: Sequence[PartFact]) -> str:
    """Why an answer is degraded, "" where it is not."""
    silent = [one for one in parts if one.state not in {"ok", "skipped"}]
    if not silent:
        return ""
    told = "; ".join(f"{one.name}: {one.words.rstrip('.')}" for one in silent)
    return f"Degraded: not every part gave an answer, so this is less sure. {told}."


def marks_of(reasons: Sequence[Reason], text: str = "") -> tuple[Highlight, ...]:
    """Places that speak for phishing, in order.

    Args:
        reasons: Of the answer.
        text: The content's, to mark whole words where a model found a part of one; "" not to.
    """
    return tuple(
        sorted(
            _whole(text, one.start, one.end)
            for one in reasons
            if one.start is not None and one.end is not None and one.weight > MIN_MARKED
        )
    )


def _whole(text: str, start: int, end: int) -> Highlight:
    while 0 < start < len(text) and text[start].isalnum() and text[start - 1].isalnum():
        start -= 1
    while 0 < end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    return start, end


def defanged_text(text: str) -> str:
    """A text whose URLs can be read and not be followed."""
    return _URL.sub(lambda found: defang(found.group()), text)


def defanged_spans(
    text: str, spans: Sequence[Highlight], *, is_url: bool = False
) -> tuple[str, tuple[Highlight, ...]]:
    """`defanged_text` with ranges, whose places move as signs are put in.

    Args:
        text: Any.
        spans: [start, end) character ranges of `text`.
        is_url: All of it is one URL.
    """
    pieces: list[str] = []
    places: list[int] = []
    at = 0
    for start, end in [(0, len(text))] if is_url else [one.span() for one in _URL.finditer(text)]:
        n_before = sum(map(len, pieces))
        pieces.append(text[at:start])
        places += range(n_before, n_before + start - at)
        shown = defang(text[start:end])
        places += [n_before + start - at + one for one in _aligned(text[start:end], shown)]
        pieces.append(shown)
        at = end
    n_before = sum(map(len, pieces))
    pieces.append(text[at:])
    places += range(n_before, n_before + len(text) - at + 1)
    last = len(text)
    moved = tuple(
        (places[min(max(a, 0), last)], places[min(b - 1, last)] + 1)
        for a, b in spans
        if a < b and a < last
    )
    return "".join(pieces), moved


def _aligned(raw: str, shown: str) -> list[int]:
    """Where each character of a URL stands in its defanged form, which only puts brackets in."""
    found, at = [], 0
    for char in raw:
        while at < len(shown) - 1 and shown[at] != char and shown[at] in "[]":
            at += 1
        found.append(min(at, len(shown) - 1))
        at += 1
    return found
