"""Where the program's own files lie, in a checkout and in an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def bundled(kind: str) -> Path:
    """The folder of files shipped with the program.

    Args:
        kind: One of "resources", "models", "data".

    Returns:
        `soc_copilot/_bundle/<kind>` of an installed wheel, or `<checkout>/<kind>`.
    """
    installed = _PACKAGE / "_bundle" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind
