"""The service's configuration: one typed table, and a YAML file checked against it."""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.setting import Setting, Value
from soc_copilot.settings import get_setting

MAX_BYTES: Final = 1024 * 1024  # chosen: no configuration is longer; a log given by mistake is
DEFAULT_PORT: Final = 8765  # chosen: free of well-known uses


def _option(
    key: str, default: Value, text: str, unit: str = "", low: float | None = None,
    high: float | None = None, choices: tuple[str, ...] = (),
) -> Setting:  # fmt: skip
    group = key.partition(".")[0]
    return Setting(key, default, group, key, text, unit, low, high, choices)


OPTIONS: Final = (
    _option("host", "127.0.0.1", "Address to listen on; anything but loopback also needs its "
            "names in allowed_hosts."),
    _option("port", DEFAULT_PORT, "Port; 0 takes a free one.", "", 0, 65_535),
    _option("workers", 1, "Processes; only 1, because model, queue and rate limits are one "
            "process's. Scoring threads are inference.max_workers.", "", 1, 1),
    _option("timeout_s", 5.0, "A request that is not scored in this time is answered 504.",
            "s", 0.05, 300),
    _option("model", "", "Folder of the web model; empty takes the one shipped."),
    _option("budget", "0.1%", "False-positive budget whose threshold is used.",
            choices=get_setting("detection.web.budget").choices),
    _option("threshold", 0.0, "Score from which a request is a threat; 0 takes the budget's.",
            "", 0, 1),
    _option("device", "cpu", "Where the model runs.", choices=("auto", "cpu", "cuda")),
    _option("token_file", "", "File of the bearer token, made at the first start; empty puts "
            "service.token beside the database's keys."),
    _option("record", "all", "Which requests and contents are recorded and become events: all, or "
            "threats only.", choices=("all", "threats")),
    _option("host_events", True, "Load the host detector for /predict."),
    _option("inference.max_workers", 1, "Scoring threads, a model for each.", "", 1, 32),
    _option("inference.batch_size", 32, "Requests gathered before they are scored; of a backlog "
            "up to four times as many are scored together.", "requests", 1, 4096),
    # Measured: at 1,000 requests/s over 100 connections half are answered within 2.3 ms, of 5.7
    # with 3 ms; as many a second at most, because batches form while the one before is scored.
    _option("inference.batch_timeout_ms", 0.0, "A request waits at most this long for company; "
            "never when no other connection could bring any. 0 scores together what came while "
            "the batch before was scored.", "ms", 0, 1000),
    _option("inference.quantization", "auto", "Numbers of the model; auto takes what its card "
            "says.", choices=("auto", "none", "int8")),
    _option("inference.compiled", "auto", "Compiled graph; auto takes what the model's card "
            "says.", choices=("auto", "true", "false")),
    _option("rate_limit.global_per_s", 100, "Requests a second over all clients; 0 sets no "
            "limit.", "1/s", 0, 1_000_000),
    _option("rate_limit.per_address_per_s", 100, "Requests a second from one address; 0 sets no "
            "limit.", "1/s", 0, 1_000_000),
    _option("queue.size", 1000, "Requests waiting to be scored; more are answered 503.",
            "requests", 1, 1_000_000),
    _option("limits.body_kib", 1024, "Largest body of a call.", "KiB", 1, 65_536),
    _option("limits.header_kib", 64, "Largest head of a call, its request line included.", "KiB",
            4, 1024),
    _option("limits.batch", 100, "Requests in one /check/batch, events in one /predict.",
            "requests", 1, 10_000),
    _option("limits.connections", 1000, "Open connections; more are answered 503.", "", 1, 65_535),
    _option("limits.read_timeout_s", 10.0, "A call that is not sent completely in this time is "
            "cut off.", "s", 0.5, 600),
    _option("phishing.enabled", True, "Load the phishing models for /analyze, and send live "
            "updates to /ws/USER."),
    _option("phishing.part_timeout_s", 2.0, "A phishing model that takes longer counts as "
            "failed.", "s", 0.05, 60),
    _option("phishing.queue_size", 10_000, "Contents that may wait to be analysed.", "contents",
            1, 1_000_000),
    _option("phishing.cache_file", "", "File that keeps known answers over a restart; empty keeps "
            "none."),
    _option("phishing.redis_url", "", "Redis that keeps answers and jobs for several machines, "
            "such as redis://127.0.0.1:6379/0; empty keeps them in this process."),
    _option("phishing.sockets", 1_000, "Open WebSockets; more are answered 503.", "", 1, 65_535),
)  # fmt: skip

LISTS: Final[Mapping[str, str]] = {
    "allowed_hosts": "Names that the Host header may have, without ports.",
    "allowed_origins": "Web pages that may call, such as https://desk.example; none by default.",
}
_ONE_PROCESS: Final = (
    '"workers" can only be 1, found "{}": one process holds the model, the queue in which requests '
    "are gathered into batches, and the counts of the rate limits; each further one would have "
    "its own. For more scoring threads set inference.max_workers."
)
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")
_BY_KEY: Final = {option.key: option for option in OPTIONS}
_GROUPS: Final = frozenset(key.partition(".")[0] for key in _BY_KEY if "." in key)


@dataclass(frozen=True, slots=True)
class Inference:
    """How requests are scored; units as in `OPTIONS`."""

    max_workers: int = 1
    batch_size: int = 32
    batch_timeout_ms: float = 0.0
    quantization: str = "auto"
    compiled: str = "auto"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Requests a second; 0 sets no limit."""

    global_per_s: int = 100
    per_address_per_s: int = 100


@dataclass(frozen=True, slots=True)
class Queue:
    """Requests that may wait to be scored."""

    size: int = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes beyond which a call is refused; units as in `OPTIONS`."""

    body_kib: int = 1024
    header_kib: int = 64
    batch: int = 100
    connections: int = 1000
    read_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Phishing:
    """How contents are analysed; units as in `OPTIONS`."""

    enabled: bool = True
    part_timeout_s: float = 2.0
    queue_size: int = 10_000
    cache_file: str = ""
    redis_url: str = ""
    sockets: int = 1_000


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Everything that can be set for the service; meanings and units as in `OPTIONS`."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    workers: int = 1
    timeout_s: float = 5.0
    model: str = ""
    budget: str = "0.1%"
    threshold: float = 0.0
    device: str = "cpu"
    token_file: str = ""
    record: str = "all"
    host_events: bool = True
    allowed_hosts: tuple[str, ...] = _LOOPBACK
    allowed_origins: tuple[str, ...] = ()
    inference: Inference = field(default_factory=Inference)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    queue: Queue = field(default_factory=Queue)
    limits: Limits = field(default_factory=Limits)
    phishing: Phishing = field(default_factory=Phishing)

    @property
    def most_per_call(self) -> int:
        """Requests that one call may hold: what both the batch limit and the rates let through."""
        rates = (self.rate_limit.global_per_s, self.rate_limit.per_address_per_s)
        return min(self.limits.batch, self.queue.size, *(rate for rate in rates if rate))


def make_config(values: Mapping[str, Any]) -> ServiceConfig:
    """A configuration from values by dotted key; what is not given has its default.

    Raises:
        PolicyError: A key is unknown, or a value is not allowed.
    """
    flat: dict[str, Any] = {}
    groups: dict[str, dict[str, Any]] = {name: {} for name in _GROUPS}
    for key, value in values.items():
        if key in LISTS:
            flat[key] = tuple(_texts(key, value))
            continue
        option = _known(key)
        if key == "workers" and str(value).strip() != "1":
            raise PolicyError(_ONE_PROCESS.format(value))
        checked = option.check(value)
        group, dot, name = key.partition(".")
        if dot:
            groups[group][name] = checked
        else:
            flat[key] = checked
    return ServiceConfig(
        **flat,
        inference=Inference(**groups["inference"]),
        rate_limit=RateLimit(**groups["rate_limit"]),
        queue=Queue(**groups["queue"]),
        limits=Limits(**groups["limits"]),
        phishing=Phishing(**groups["phishing"]),
    )


def load_config(path: str | os.PathLike[str]) -> ServiceConfig:
    """Read and check a YAML file.

    Relative paths in it start at the file's folder, "~" is the user's own.

    Raises:
        PolicyError: It cannot be read, or something in it is not allowed; the message names
            file, line and key, what was found, and what is allowed.
    """
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PolicyError(f'Cannot read the configuration "{file}": {error.strerror}.') from error
    if len(data) > MAX_BYTES:
        raise PolicyError(f'"{file}" has more than {MAX_BYTES:,} bytes: it is no configuration.')
    values: dict[str, Any] = {}
    for key, value, line in _entries(file, _root(file, data)):
        if key in values:
            _fail(file, line, f'"{key}" stands here twice.')
        try:
            make_config({key: value})
        except PolicyError as error:
            _fail(file, line, str(error))
        values[key] = value
    for key in ("model", "token_file", "phishing.cache_file"):
        if values.get(key):
            values[key] = str(file.absolute().parent / Path(values[key]).expanduser())
    return make_config(values)


def _known(key: str) -> Setting:
    option = _BY_KEY.get(key)
    if option is None:
        names = (*_BY_KEY, *LISTS)
        close = difflib.get_close_matches(key, names, 1)
        hint = f' Did you mean "{close[0]}"?' if close else ""
        raise PolicyError(f'The service has no option "{key}".{hint} It has {", ".join(names)}.')
    return option


def _texts(key: str, value: Any) -> list[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) and v for v in value):
        raise PolicyError(f'"{key}" takes a list of texts (each begins with a dash).')
    for text in value:
        if key == "allowed_hosts" and ("/" in text or (":" in text and text[0] != "[")):
            raise PolicyError(
                f'"{key}" takes names without scheme and port, such as localhost; found "{text}".'
            )
    return [text.rstrip("/").lower() for text in value]


def _root(file: Path, data: bytes) -> yaml.Node | None:
    try:
        root: yaml.Node | None = yaml.compose(data, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        _fail(file, mark.line if mark else 0, f"this is no YAML: {error.problem}.")
    except (yaml.YAMLError, UnicodeError) as error:
        raise PolicyError(f"{file}: this is no YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise PolicyError(f"{file}: this is nested too deeply.") from error
    return root


def _entries(
    file: Path, node: yaml.Node | None, prefix: str = ""
) -> Iterator[tuple[str, str | list[str], int]]:
    """Dotted keys with their values as written, and the line each stands on."""
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        what = prefix.rstrip(".") or "the file"
        _fail(file, node.start_mark.line, f"{what} takes keys with values.")
    for key_node, value in node.value:
        line = key_node.start_mark.line
        if not isinstance(key_node, yaml.ScalarNode):
            _fail(file, line, "a key is a word.")
        key = prefix + key_node.value
        if isinstance(value, yaml.MappingNode):
            if prefix or key not in _GROUPS:
                _fail(file, line, f'"{key}" takes one value, not keys of its own.')
            yield from _entries(file, value, f"{key}.")
        elif isinstance(value, yaml.SequenceNode):
            if key not in LISTS:
                _fail(file, line, f'"{key}" takes one value, not a list.')
            yield key, [str(item.value) for item in value.value], line
        else:
            yield key, "" if value.tag.endswith(":null") else str(value.value), line


def _fail(file: Path, line: int, words: str) -> NoReturn:
    raise PolicyError(f"{file}, line {line + 1}: {words}")
