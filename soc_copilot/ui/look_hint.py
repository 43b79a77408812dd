"""Where the look of the last run is kept, so that the first frame is right at once."""

import os
from pathlib import Path

import platformdirs

NAME = "window.ini"


def hint_path(db: str | None) -> Path:
    """The file beside the database, or in the user's data folder. Only a hint: may be missing.

    Args:
        db: Value of `--db`: a path, an URL, or None.
    """
    if db is not None and "://" not in db:
        return Path(f"{db}.{NAME}")
    home = os.environ.get("SOC_COPILOT_HOME")
    return (Path(home) if home else platformdirs.user_data_path("soc-copilot")) / NAME
