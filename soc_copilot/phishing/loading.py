"""Finds and loads the parts of the phishing pipeline; one that fails does not stop the others."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from soc_copilot.domain.phishing import Analyser

logger = logging.getLogger(__name__)

GROUP: Final = "soc_copilot.analysers"
"""Entry points: name = "package.module:factory"; the factory takes nothing, returns an Analyser."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was found.

    Attributes:
        parts: Ready to be asked, by name.
        missing: Names of those that could not be loaded, each with the reason.
    """

    parts: tuple[Analyser, ...]
    missing: tuple[tuple[str, str], ...]


def load_parts(points: Iterable[EntryPoint] | None = None) -> Loaded:
    """Load every part that is installed.

    Args:
        points: Where to find them; None for what is installed.
    """
    found = entry_points(group=GROUP) if points is None else points
    parts: list[Analyser] = []
    missing = []
    for point in sorted(found, key=lambda one: one.name):
        try:
            part = point.load()()
            if not isinstance(part, Analyser):
                raise TypeError("it is no Analyser")
        except Exception as error:
            logger.exception(
                "A part of the phishing pipeline cannot be loaded. name=%s", point.name
            )
            missing.append((point.name, f"{type(error).__name__}: {error}"[:300]))
            continue
        parts.append(part)
    return Loaded(tuple(parts), tuple(missing))
