"""Names of the ATT&CK techniques that our detectors use."""

import json
from functools import cache

from soc_copilot.domain.paths import bundled


@cache
def _names() -> dict[str, dict[str, str]]:
    table: dict[str, dict[str, str]] = json.loads(
        (bundled("resources") / "attack.json").read_text(encoding="utf-8")
    )
    return table


def technique_name(technique: str) -> str:
    """The technique's name, or an empty string for an id we do not carry."""
    return _names().get(technique, {}).get("name", "")


def technique_tactic(technique: str) -> str:
    """The tactic under which we file the technique, or an empty string."""
    return _names().get(technique, {}).get("tactic", "")


def technique_ids() -> tuple[str, ...]:
    """Every technique id that we carry, sorted."""
    return tuple(sorted(_names()))
