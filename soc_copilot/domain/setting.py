"""What a setting is: key, default, unit, limits, help; and how a value is checked."""

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
