"""Why a score is what it is: reasons in plain words, and what drove it.

Reasons come from the features of the moment, for how much, and from the stream's last events,
for which files. What drove a score is measured: features are silenced one by one over the
window and the score is computed again; events are weighed by what they added to the counters.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host.deeds import SENSITIVE, Deed
from soc_copilot.detection.host.features import FEATURES, N_FEATURES
from soc_copilot.detection.host.features import Feature as F  # noqa: N817 - as in the other modules
from soc_copilot.detection.host.prediction import Components

if TYPE_CHECKING:
    from soc_copilot.detection.host.activity import HostEvent
    from soc_copilot.detection.host.buffer import StreamBuffer, Window
    from soc_copilot.detection.host.detector import HybridThreatDetector

Floats = npt.NDArray[np.float32]
Done = Mapping[int, Sequence[int]]  # a `Deed` -> places in the window, the last one first

MAX_REASONS: Final = 6  # chosen: more are not read
MAX_EVENTS: Final = 10  # chosen: events named as driving a score
_MIN_TOLD: Final = 0.3  # chosen: weighed files from which a counter is told
_NAMED: Final = 2  # chosen: files named in a reason
_NAME_CHARS: Final = 80  # chosen: of a path shown
_NEUTRAL: Final = 0.55  # chosen: forest scores below are those of ordinary events
_SURE: Final = 0.8  # chosen: from here the sequence model is a reason by itself
_OFTEN: Final = 3.0  # chosen: folders with the same small file from which that is told


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason.

    Attributes:
        feature: Name of the feature behind it; "deep" and "isolation_forest" for those parts.
        weight: Strength, in files lost or their like.
        text: A plain sentence.
    """

    feature: str
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class FeatureEffect:
    """What a feature did to the score.

    Attributes:
        value: In the moment, as in `FEATURES`.
        effect: Logits by which the score is higher with it than without.
    """

    name: str
    title: str
    value: float
    effect: float


@dataclass(frozen=True, slots=True)
class EventEffect:
    """An event that drove the score.

    Attributes:
        share: Of all that the window's events added, [0, 1].
    """

    event: "HostEvent"
    deed: Deed
    share: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a stream's latest score is what it is; strongest first in each list."""

    reasons: tuple[Reason, ...]
    features: tuple[FeatureEffect, ...]
    events: tuple[EventEffect, ...]


# Counters that are told with files: counter, deed, weight, one file, several files.
_COUNTED: Final = (
    (F.OVERWRITTEN, Deed.OVERWRITTEN, 1.0,
     "1 file that was there holds unreadable content now",
     "{n} files that were there hold unreadable content now"),
    (F.REPLACED, Deed.REPLACED, 1.0,
     "1 file is gone, and an unreadable one has its name",
     "{n} files are gone, and unreadable ones have their names"),
    (F.WIPED, Deed.WIPED, 1.0,
     "1 file was emptied, or overwritten and then deleted",
     "{n} files were emptied, or overwritten and then deleted"),
    (F.RENAMED, Deed.RENAMED, 0.3,
     "1 file took an extension that no file here had",
     "{n} files took an extension that no file here had"),
    (F.DELETED, Deed.DELETED, 0.15,
     "1 file that was there was deleted without a copy",
     "{n} files that were there were deleted without a copy"),
    (F.REWRITTEN, Deed.REWRITTEN, 0.1,
     "1 file was rewritten in place",
     "{n} files were rewritten in place"),
)  # fmt: skip
_HARMFUL: Final = (Deed.OVERWRITTEN, Deed.REPLACED, Deed.WIPED)
_CONTEXT: Final = (F.DELETED, F.REWRITTEN)  # told from the third file on: work does so, too
_MANY: Final = 3
_MANY_FORMATS: Final = 5  # chosen: fewer are one project


def reasons(row: Floats, components: Components, window: "Window") -> tuple[Reason, ...]:
    """Why an event's score is high.

    Args:
        row: Its features, shape (30,).
        components: Of its score.
        window: The stream's events up to this one, oldest first.

    Returns:
        At most `MAX_REASONS`, strongest first, never none.
    """
    done = _by_deed(window)
    found = _counted(row, window, done) + _around(row, window, done)
    harm = sum(reason.weight for reason in found if reason.weight >= _MIN_TOLD)
    if components.deep >= _SURE or not found:
        found.append(
            Reason(
                "deep", components.deep if harm else 2.0 * components.deep,
                "The order of events is like that of attacks "
                f"(sequence model: {components.deep:.2f}).",
            )
        )  # fmt: skip
    if components.isolation_forest >= _NEUTRAL:
        found.append(
            Reason(
                "isolation_forest", 2.0 * (components.isolation_forest - 0.5),
                "It is unlike ordinary file activity "
                f"(isolation forest: {components.isolation_forest:.2f}; 0.5 is ordinary).",
            )
        )  # fmt: skip
    found.sort(key=lambda reason: -reason.weight)
    return tuple(found[:MAX_REASONS])


def words(row: Floats, components: Components, window: "Window") -> tuple[str, ...]:
    """The same reasons as sentences."""
    return tuple(reason.text for reason in reasons(row, components, window))


def _counted(row: Floats, window: "Window", done: Done) -> list[Reason]:
    """Reasons that are numbers of files."""
    found: list[tuple[float, F, Deed, str]] = []
    for counter, deed, weight, one, many in _COUNTED:
        counted = math.expm1(float(row[counter]))
        if counted < _MIN_TOLD:
            continue
        paths = _paths(window, done.get(deed, ()))
        n = max(len(paths), math.ceil(counted - 0.1), 1)
        if counter in _CONTEXT and n < _MANY:
            continue
        # Weights are at most 1 a file and fade: there were at least so many files.
        at_least = "At least " if n > len(paths) and n > 1 else ""
        text = at_least + (one if n == 1 else many.format(n=f"{n:,}"))
        found.append((weight * counted, counter, deed, text))
    found.sort(key=lambda told: -told[0])
    told = []
    is_first = True
    for weight, counter, deed, text in found:
        if deed in _HARMFUL and is_first:
            text, is_first = text + _breadth(row), False
        told.append(
            Reason(FEATURES[counter].name, weight, f"{text}{_last(window, done.get(deed, ()))}.")
        )
    return told


def _around(row: Floats, window: "Window", done: Done) -> list[Reason]:
    """Reasons besides numbers of files."""
    found = []

    def add(feature: F, weight: float, text: str) -> None:
        found.append(Reason(FEATURES[feature].name, weight, text))

    lost, recent = math.expm1(row[F.HARM_SLOW]), math.expm1(row[F.HARM_FAST])
    formats = round(2.0 ** (3.0 * float(row[F.EXTENSION_FUNNEL])) - 1.0)
    if formats > 1:
        extension = _extension(window, done)
        text = f"Files of {formats} formats now end in one new extension{extension}."
        add(F.EXTENSION_FUNNEL, float(formats), text)
    notes = math.expm1(row[F.NOTES])
    if notes >= _OFTEN - 0.5:
        add(F.NOTES, notes / 2, f"The same small file was put into {round(notes)} folders.")
    counters = (F.OVERWRITTEN, F.REPLACED, F.WIPED)
    if lost > 2 * sum(math.expm1(row[counter]) for counter in counters) + 1:
        add(F.HARM_SLOW, lost, f"At least {lost:.0f} files were lost in the last half hour.")
    if recent >= _MANY:
        add(F.HARM_FAST, recent / 2, f"At least {recent:.0f} files were lost within 10 s.")
    if row[F.HARM_SHARE] > 0.5 and lost >= 1:
        share = float(row[F.HARM_SHARE])
        text = f"{100 * share:.0f}% of the files touched in the last minutes were lost."
        add(F.HARM_SHARE, 1.5 * share, text)
    place = _sensitive(window, done)
    if place:
        places = "logs, keys, start-up entries or backups"
        add(F.SENSITIVE, 1.0, f"A sensitive place was changed ({places}): {place}.")
    formats = round(math.expm1(row[F.REWRITTEN_FORMATS]))
    if formats >= _MANY_FORMATS:
        add(F.REWRITTEN_FORMATS, formats / 2, f"Files of {formats} formats were written in place.")
    if row[F.NOVELTY] >= 0.5:
        add(F.NOVELTY, 0.4, "The user or program was not seen at work here before.")
    return found


def _breadth(row: Floats) -> str:
    """Words such as: , in 5 folders and 4 formats."""
    folders = round(math.expm1(row[F.HARM_FOLDERS]))
    formats = round(math.expm1(row[F.HARM_EXTENSIONS]))
    parts = [f"{n} {noun}" for n, noun in ((folders, "folders"), (formats, "formats")) if n > 1]
    return f", in {' and '.join(parts)}" if parts else ""


def _by_deed(window: "Window") -> Done:
    """Places of the events that did something, by what they did, the last one first."""
    found: dict[int, list[int]] = {}
    kinds = window.deeds.tolist()
    for place in range(len(kinds) - 1, -1, -1):
        if kinds[place]:
            found.setdefault(kinds[place], []).append(place)
    return found


def _paths(window: "Window", places: Sequence[int]) -> list[str]:
    """Different paths of events, in their order."""
    return list(dict.fromkeys(window.path_of(place) for place in places))


def _last(window: "Window", places: Sequence[int]) -> str:
    named: list[str] = []
    for place in places:
        path = short(window.path_of(place))
        if path not in named:
            named.append(path)
        if len(named) == _NAMED:
            break
    return f" (last: {', '.join(named)})" if named else ""


def _extension(window: "Window", done: Done) -> str:
    for deed in (Deed.RENAMED, Deed.OVERWRITTEN, Deed.REPLACED):
        for place in done.get(deed, ()):
            name = window.path_of(place).replace("\\", "/").rpartition("/")[2]
            stem, dot, extension = name.rpartition(".")
            if stem and dot and extension:
                return f" (.{short(extension)})"
    return ""


def _sensitive(window: "Window", done: Done) -> str:
    is_place = (window.features[:, F.SENSITIVE] >= SENSITIVE).tolist()
    if not any(is_place):
        return ""
    touched = [
        place
        for deed, places in done.items()
        if deed != Deed.KEPT
        for place in places
        if is_place[place]
    ]
    return short(window.path_of(max(touched))) if touched else ""


def short(path: str) -> str:
    """The end of a long path."""
    return path if len(path) <= _NAME_CHARS else f"…{path[1 - _NAME_CHARS :]}"


def explain(detector: "HybridThreatDetector", buffer: "StreamBuffer") -> Explanation:
    """Why the latest score of a stream is what it is, as far as its window tells.

    Args:
        detector: Scores the window again, and without each feature; some 10 ms.
        buffer: The stream's window.
    """
    window = buffer.window()
    if not len(window):
        return Explanation((), (), ())
    last = detector.score(window.features).components(len(window) - 1)
    return Explanation(
        reasons(window.features[-1], last, window),
        _feature_effects(detector.raw, window.features),
        _event_effects(window),
    )


def _feature_effects(
    raw: Callable[[Floats], Floats], sequence: Floats
) -> tuple[FeatureEffect, ...]:
    """What each feature adds: the last fused logit with it, less that without it."""
    silenced = np.repeat(sequence[None], N_FEATURES + 1, 0)
    silenced[np.arange(N_FEATURES), :, np.arange(N_FEATURES)] = 0.0
    logits = raw(silenced)[:, -1]
    effects = [
        FeatureEffect(told.name, told.title, float(sequence[-1, i]), float(logits[-1] - logits[i]))
        for i, told in enumerate(FEATURES)
    ]
    effects.sort(key=lambda effect: -abs(effect.effect))
    return tuple(effect for effect in effects if effect.effect)


def _event_effects(window: "Window") -> tuple[EventEffect, ...]:
    """Events by what they added, harm first; a deed that does no harm counts a tenth."""
    is_harm = np.isin(window.deeds, _HARMFUL)
    weights = window.weights * np.where(is_harm, 1.0, 0.1)
    total = float(weights.sum())
    if not total:
        return ()
    order = np.argsort(-weights, kind="stable")[:MAX_EVENTS]
    return tuple(
        EventEffect(window.event_of(i), Deed(int(window.deeds[i])), float(weights[i] / total))
        for i in order.tolist()
        if weights[i]
    )
