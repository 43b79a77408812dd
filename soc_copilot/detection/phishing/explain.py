"""Why a content has its score, in plain words and with places to highlight."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from soc_copilot.detection.phishing import words
from soc_copilot.detection.phishing.brands import is_own_place, known_brands, out_of_place
from soc_copilot.detection.phishing.hashing import rows_of_words
from soc_copilot.detection.phishing.scorer import Model
from soc_copilot.detection.phishing.url_features import BAIT
from soc_copilot.detection.phishing.url_shape import entropy
from soc_copilot.detection.phishing.urls import is_mixed
from soc_copilot.domain.phishing import ParsedUrl, Reason, defang

MAX_REASONS: Final = 12  # chosen
MAX_MARKED: Final = 12  # words highlighted, chosen
_BAIT_SAYS: Final = {
    "haste": "It urges to act at once",
    "closing": "It says that something is blocked or suspicious",
    "proving": "It asks to confirm or update something",
    "account": "It speaks of accounts or passwords",
    "click": "It asks to click",
    "money": "It speaks of payments",
    "prize": "It promises a prize or gift",
    "parcel": "It speaks of a parcel",
    "heir": "It speaks of great sums or secrecy",
    "you": "It addresses nobody by name",
    "shame": "It threatens with exposure",
    "deal": "It advertises",
}
_PLACE_SAYS: Final = {
    "label": "in a domain that is not its own",
    "subdomain": "before a domain that is not its own",
    "path": "in the path of a site that is not its own",
}
# Words that any text has; the model weighs them, but they explain nothing.
_COMMON: Final = frozenset(
    {"your", "you", "this", "that", "with", "from", "have", "been", "will", "and", "for", "the"}
    | {"are", "our", "now", "not", "was", "has", "out", "who", "all", "any", "get", "can", "may"}
)
_BAIT_WEIGHT: Final = 0.3  # chosen
_MIN_WORD_WEIGHT: Final = 0.02  # of the linear part: a word below says nothing, chosen
_RANDOM_BITS: Final = 3.3  # entropy of a label that looks made up by a machine, chosen


def of_url(url: ParsedUrl) -> list[Reason]:
    """What stands out in a URL, places as in `url.raw`."""
    found = []
    for place, seen in out_of_place(url, known_brands()).items():
        for one in seen[:2]:
            text = f'The name "{one.brand.name}" stands {_PLACE_SAYS[place]}.'
            weight = {"label": 1.5, "subdomain": 1.8, "path": 1.0}[place]
            found.append(_at(url, one.brand.name, "brand", text, weight))
    if url.is_ip:
        found.append(_at(url, url.host, "host", "The host is a number, not a name.", 1.5))
    if url.host != url.ascii_host:
        text = f"The host has letters beyond Latin ones: {defang(url.ascii_host)}."
        found.append(_at(url, url.host, "confusable", text, 1.0))
    if any(is_mixed(label) for label in url.host.split(".")):
        found.append(_at(url, url.host, "confusable", "The host mixes alphabets.", 2.0))
    if url.user:
        found.append(_at(url, url.user, "user", "What stands before @ is no host.", 1.5))
    if url.is_tenant:
        text = f"Anyone gets a name under {defang(url.suffix)}."
        found.append(_at(url, url.suffix, "hosting", text, 0.6))
    label = url.registered_domain.partition(".")[0]
    if not url.is_ip and len(label) > 9 and entropy(label) > _RANDOM_BITS:
        found.append(_at(url, label, "random", "The name looks made up by a machine.", 0.4))
    bait = sorted(set(BAIT.findall(url.host)))
    if bait:
        text = f"The host speaks of {', '.join(bait[:4])}."
        found.append(_at(url, bait[0], "words", text, 0.4))
    if is_own_place(url, known_brands()):
        text = "The domain is a known brand's own."
        found.append(_at(url, url.registered_domain, "own", text, -1.0))
    found.sort(key=lambda reason: -reason.weight)
    return found[:MAX_REASONS]


def _at(url: ParsedUrl, wanted: str, kind: str, text: str, weight: float) -> Reason:
    start = url.raw.lower().find(wanted.lower()) if wanted else -1
    if start < 0:
        return Reason(kind, text, weight=weight)
    return Reason(kind, text, start, start + len(wanted), weight)


def of_text(model: Model, subject: str, body: str, *, has_words: bool = True) -> list[Reason]:
    """Kinds of bait in a text, and the words that the model weighs most; places as in `body`.

    Args:
        model: Of e-mails or texts.
        subject: "" for a short text.
        body: What a reader sees.
        has_words: False leaves the words out; what else is told does not change.
    """
    found = []
    for kind, start, end in words.baits(body[: words.MAX_CHARS].lower()):
        found.append(Reason("words", f"{_BAIT_SAYS[kind]}.", start, end, _BAIT_WEIGHT))
    if not has_words and not found:
        return []
    weightiest = _weightiest(model, subject, body)
    n_first = sum(weight > _BAIT_WEIGHT for _, weight in weightiest)
    if not has_words and len(found) + n_first <= MAX_REASONS:
        return found  # no word has taken the place of one of these
    plain = words.plain(body) if weightiest else ""
    for word, weight in weightiest:
        if (place := words.place(plain, word)) is not None:
            text = f'The word "{word}" speaks for phishing.'
            found.append(Reason("word", text, *place, weight))
    found.sort(key=lambda reason: -reason.weight)
    return [one for one in found[:MAX_REASONS] if has_words or one.kind != "word"]


def _weightiest(model: Model, subject: str, body: str) -> Sequence[tuple[str, float]]:
    """Words whose own weights in the linear part speak most for phishing."""
    said = words.said(subject, body)
    if not said:
        return []
    rows = rows_of_words([(words.WORDS, f"w:{word}") for word in said], model.bits)
    weights = model.word_weights[rows]
    order = np.argsort(-weights)[:MAX_MARKED].tolist()
    return [
        (said[i], float(weights[i]))
        for i in order
        if weights[i] >= _MIN_WORD_WEIGHT and _explains(said[i])
    ]


def _explains(word: str) -> bool:
    return len(word) > 2 and word[0] != "#" and word not in _COMMON
