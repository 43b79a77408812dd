"""One typed table of every setting: key, default, unit, limits, help."""

from collections.abc import Mapping
from dataclasses import dataclass

from soc_copilot.domain.errors import PolicyError

Value = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        key: Dotted, lower case.
        default: Its type is the setting's type.
        group: Heading under which the Settings page shows it.
        title: A few words.
        help: One or two plain sentences.
        unit: "s", "lines", "" when it has none.
        low, high: Inclusive limits of a number.
        choices: The only values allowed, for text.
        restart: True when a change waits for the next start of ingestion.
    """

    key: str
    default: Value
    group: str
    title: str
    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    restart: bool = False

    def check(self, value: object) -> Value:
        """The value as the setting's own type.

        Raises:
            PolicyError: Wrong type, outside the limits, or not among the choices.
        """
        kind = type(self.default)
        try:
            parsed = _parse(kind, value)
        except (TypeError, ValueError) as error:
            raise PolicyError(
                f'Setting "{self.key}" takes {_KIND_WORDS[kind]}, not "{value}".'
            ) from error
        if self.choices and parsed not in self.choices:
            raise PolicyError(
                f'Setting "{self.key}" is one of {", ".join(self.choices)}; found "{value}".'
            )
        if isinstance(parsed, int | float) and not isinstance(parsed, bool):
            if self.low is not None and parsed < self.low:
                raise PolicyError(f'Setting "{self.key}" is at least {self.low:g}; found {parsed}.')
            if self.high is not None and parsed > self.high:
                raise PolicyError(f'Setting "{self.key}" is at most {self.high:g}; found {parsed}.')
        return parsed


_KIND_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def _parse(kind: type, value: object) -> Value:
    if kind is bool:
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in {"true", "yes", "on", "1"}:
            return True
        if word in {"false", "no", "off", "0"}:
            return False
        raise ValueError(word)
    if kind is int:
        return int(str(value))
    if kind is float:
        number = float(str(value))
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError(value)
        return number
    return str(value)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ingestion.batch_interval_s",
        1.0,
        "Ingestion",
        "Batch interval",
        "Lines wait at most this long before they are scored and stored together. Shorter is "
        "sooner, longer is cheaper.",
        "s",
        0.1,
        60.0,
        restart=True,
    ),
    Setting(
        "ingestion.max_size",
        10_000,
        "Ingestion",
        "Batch size",
        "A batch is scored and stored as soon as it holds this many lines.",
        "lines",
        100,
        200_000,
        restart=True,
    ),
    Setting(
        "ingestion.poll_interval_s",
        0.1,
        "Ingestion",
        "Poll interval",
        "How often files are looked at when the system gives no hint that they changed.",
        "s",
        0.02,
        10.0,
        restart=True,
    ),
    Setting(
        "detection.device",
        "auto",
        "Detection",
        "Device",
        "Where models run. Auto takes the GPU when there is one.",
        choices=("auto", "cpu", "cuda"),
        restart=True,
    ),
    Setting(
        "detection.web.enabled",
        True,
        "Detection",
        "Web detector",
        "Scores HTTP requests for attacks.",
        restart=True,
    ),
    Setting(
        "detection.web.budget",
        "0.1%",
        "Detection",
        "Web false-positive budget",
        "The share of harmless requests that may be flagged, measured on validation data. A "
        "smaller budget means a higher threshold.",
        choices=("0.1%", "0.5%", "1%"),
        restart=True,
    ),
    Setting(
        "detection.auth.enabled",
        True,
        "Detection",
        "Authentication detector",
        "Looks for brute force, password spraying, logins after failures and sudo abuse.",
        restart=True,
    ),
    Setting(
        "ui.theme",
        "system",
        "Window",
        "Theme",
        "Dark, light, or whatever the system uses.",
        choices=("system", "dark", "light"),
    ),
    Setting(
        "ui.time_zone",
        "local",
        "Window",
        "Times",
        "Show times in this machine's zone or in UTC.",
        choices=("local", "UTC"),
    ),
    Setting(
        "ui.replay_speed",
        60.0,
        "Window",
        "Replay speed",
        "How much faster than real time the sample is played.",
        "x",
        1.0,
        1000.0,
    ),
)

BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}


def get_setting(key: str) -> Setting:
    """The setting with this key.

    Raises:
        PolicyError: There is none.
    """
    try:
        return BY_KEY[key]
    except KeyError:
        raise PolicyError(
            f'There is no setting "{key}". The settings are {", ".join(BY_KEY)}.'
        ) from None
