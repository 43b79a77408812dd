"""What is done to a host's files, in an analyst's words: summaries, bars, next steps."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from soc_copilot.detection.host import explain, heuristics
from soc_copilot.detection.host.deeds import Deed
from soc_copilot.detection.host.features import FEATURES
from soc_copilot.detection.host.features import Feature as F  # noqa: N817 - as elsewhere here
from soc_copilot.detection.host.prediction import Components
from soc_copilot.detection.host.rules import UNUSUAL, Rule
from soc_copilot.domain.findings import Component, Severity

if TYPE_CHECKING:
    from soc_copilot.detection.host.buffer import Window

Floats = npt.NDArray[np.float32]

DRIVING: Final = (Deed.OVERWRITTEN, Deed.REPLACED, Deed.WIPED, Deed.RENAMED, Deed.DELETED)
_EVIDENT: Final = 0.3  # chosen: weighed files from which a kind of harm is taken for real
_RENAMED: Final = 0.3  # chosen: of a file only renamed, against one destroyed
_SHARE: Final = 0.5  # chosen: of deeds in sensitive places, from which they are the aim
_CRITICAL: Final = 10.0  # chosen: weighed files lost, from which the whole tree is at risk
_ENCRYPTION, _WIPING, _TAMPERING, _UNUSUAL = range(4)  # as in `rules.RULES`
_FULL: Final = 20.0  # chosen: files at which a counter's bar is full


def choose(rows: Floats, places: Floats) -> npt.NDArray[np.intp]:
    """Which rule's evidence is strongest for each event.

    Args:
        rows: Features, shape (n, 30).
        places: Deeds in sensitive places, as in `Deeds`.

    Returns:
        Numbers of `rules.RULES`.
    """

    def files(counter: F) -> Floats:
        found: Floats = np.expm1(rows[:, counter])
        return found

    lost = files(F.OVERWRITTEN) + files(F.REPLACED)
    gone = files(F.WIPED) + files(F.DELETED)
    encrypted = lost + _RENAMED * files(F.RENAMED)
    wiped = files(F.WIPED) + _RENAMED * files(F.DELETED)
    deeds = lost + gone + files(F.RENAMED) + files(F.REWRITTEN)
    tampered = (places >= 1 - _EVIDENT) & (places >= _SHARE * deeds)
    # Who encrypts to a new file deletes the old one, so wiping must outweigh by far.
    is_wiped = (wiped >= _EVIDENT) & (wiped > 2 * encrypted)
    is_encrypted = (encrypted >= _EVIDENT) | (files(F.HARM_SLOW) >= 1)
    return np.select(
        [tampered, is_wiped, is_encrypted], [_TAMPERING, _WIPING, _ENCRYPTION], _UNUSUAL
    )


def severity(rule: Rule, row: Floats) -> Severity:
    """How soon a person should look."""
    lost = float(heuristics.loss(row[None])[0])
    return Severity.CRITICAL if rule is not UNUSUAL and lost >= _CRITICAL else rule.severity


def facts(
    rule: Rule, row: Floats, components: Components, window: "Window", user: str, process: str
) -> dict[str, Any]:
    """What is said of a moment, as JSON values: summary, components, next steps.

    Args:
        rule: What it is.
        row: Features of the moment.
        components: Of its score.
        window: The stream's events up to it.
        user: Who did it, "" when not known.
        process: With which program, "" when not known.
    """
    found = explain.reasons(row, components, window)
    where = folder_of(window)
    who = "".join((f" as {user}" if user else "", f" ({process})" if process else ""))
    by = " and ".join(filter(None, (f"user {user}" if user else "", process)))
    first = found[0].text.rstrip(".")
    return {
        "summary": f"Under {where}: {first[0].lower()}{first[1:]}{f'; by {by}' if by else ''}.",
        "components": _bars(components, found, row),
        "steps": [step.format(where=where, who=who) for step in rule.next_steps],
        "severity": int(severity(rule, row)),
    }


def components(values: Sequence[Sequence[Any]]) -> tuple[Component, ...]:
    """Bars, from the JSON values that `facts` made."""
    return tuple(Component(str(name), str(value), float(weight)) for name, value, weight in values)


def named_parts(parts: Components) -> tuple[tuple[str, float], ...]:
    """The score's parts, with the names that screens give them."""
    return (
        ("Rule: files lost", parts.heuristic),
        ("Sequence of events", parts.deep),
        ("Like known attacks", parts.boosted_trees),
        ("Unlike ordinary work", parts.isolation_forest),
    )


def _bars(
    parts: Components, found: Sequence[explain.Reason], row: Floats
) -> list[tuple[str, str, float]]:
    bars = [(name, f"{value:.2f}", value) for name, value in named_parts(parts)]
    titles = {told.name: (i, told) for i, told in enumerate(FEATURES)}
    for reason in found:
        if reason.feature in titles:
            i, told = titles[reason.feature]
            value = float(row[i])
            shown = f"{math.expm1(value):.1f}" if told.unit.startswith("ln(") else f"{value:.2f}"
            bars.append((told.title, shown, min(reason.weight / _FULL, 1.0)))
    bars.sort(key=lambda bar: -bar[2])
    return bars


def folder_of(window: "Window") -> str:
    """The deepest folder that holds all files that the last events harmed."""
    driving = np.flatnonzero(np.isin(window.deeds, DRIVING)).tolist()
    if not driving:
        driving = [len(window) - 1]
    folders = [_parts(window.path_of(place))[:-1] for place in driving]
    common = folders[0]
    for folder in folders[1:]:
        same = 0
        while same < min(len(common), len(folder)) and common[same] == folder[same]:
            same += 1
        common = common[:same]
    separator = "\\" if "\\" in window.path_of(driving[0]) else "/"
    return separator.join(common) or separator


def _parts(path: str) -> list[str]:
    return path.replace("\\", "/").split("/")
