"""Settings and sources in a YAML file: read and checked line by line, applied, written."""

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NoReturn

import yaml

from soc_copilot.domain.errors import ParseError, PolicyError, SourceError
from soc_copilot.domain.folders import join_folders, split_folders
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.setting import Setting, Value
from soc_copilot.domain.source_options import (
    ALWAYS_FROM_START,
    CHANNEL_PREFIX,
    KINDS,
    LISTENERS,
    MADE_BY_PROGRAM,
    SourceOptions,
    options_of,
)
from soc_copilot.governance.database import Governance
from soc_copilot.governance.source_places import SYSTEM_JOURNAL, place_of
from soc_copilot.parsing.registry import AUTO, get_format
from soc_copilot.pipeline.sources import PATH_OPTIONS, check_readable, kind_of
from soc_copilot.settings import BY_KEY, SETTINGS

MAX_BYTES: Final = 1024 * 1024  # chosen: ten thousand sources; a log given by mistake is refused

_TOP: Final = ("settings", "sources")
_SOURCE: Final = (
    *("kind", "path", "address", "name", "pattern", "format", "from_start", "enabled", "options"),
)


@dataclass(frozen=True, slots=True)
class ConfiguredSource:
    """A source as the file describes it.

    Attributes:
        path: Absolute for files and folders; "address:port" for a listener.
        line: Line of the file on which it begins, 1 the first.
    """

    kind: str
    path: str
    name: str = ""
    pattern: str = ""
    format: str = AUTO
    from_start: bool = False
    enabled: bool = True
    options: SourceOptions = field(default_factory=SourceOptions)
    line: int = 0


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration file says, checked."""

    settings: Mapping[str, Value] = field(default_factory=dict)
    sources: tuple[ConfiguredSource, ...] = ()


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a configuration did.

    Attributes:
        settings: Keys whose value changed.
        sources: Every source that the file names, as it is now, in the file's order.
        added: Ids of those that are new.
        changed: Ids of those whose format, options or state changed.
    """

    settings: tuple[str, ...]
    sources: tuple[SourceRow, ...]
    added: tuple[int, ...]
    changed: tuple[int, ...]


def load_config(path: str | os.PathLike[str]) -> Config:
    """Read and check a configuration file; nothing is changed anywhere.

    Relative paths in it start at the file's folder, and "~" is the user's own. Variables of
    the environment are not put in.

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
    return _Reader(file).read(data)


def apply_config(governance: Governance, config: Config) -> Applied:
    """Store what the file says: its settings are set, its sources added or changed.

    Settings and sources that it does not name are left alone. A known source (same path and
    pattern) keeps its name and its position.

    Raises:
        PolicyError: A known source is of another kind.
        StoreError: The database could not be written.
    """
    known = {(source.path, source.pattern): source for source in governance.sources.list()}
    for wanted in config.sources:
        found = known.get((wanted.path, wanted.pattern))
        if found is not None and found.kind != wanted.kind:
            raise PolicyError(
                f'"{wanted.path}" is source {found.id} already, of kind {found.kind}, not '
                f"{wanted.kind}. Remove that one first, or change the file."
            )
    before = governance.settings.all()
    for key, value in config.settings.items():
        governance.settings.set(key, value)
    added, changed, rows = [], [], []
    for wanted in config.sources:
        found = known.get((wanted.path, wanted.pattern))
        if found is None:
            found = _add(governance, wanted)
            added.append(found.id)
        elif _change(governance, found, wanted):
            changed.append(found.id)
        rows.append(governance.sources.get(found.id))
    return Applied(
        tuple(key for key, value in config.settings.items() if before[key] != value),
        tuple(rows),
        tuple(added),
        tuple(changed),
    )


def _add(governance: Governance, wanted: ConfiguredSource) -> SourceRow:
    row = governance.sources.add(
        wanted.kind,
        wanted.path,
        name=wanted.name,
        pattern=wanted.pattern,
        format=wanted.format,
        from_start=wanted.from_start,
        options=wanted.options,
    )
    if not wanted.enabled:
        governance.sources.set_enabled(row.id, enabled=False)
    return row


def _change(governance: Governance, found: SourceRow, wanted: ConfiguredSource) -> bool:
    """Bring a known source to what the file says; False when it is so already."""
    store, has_changed = governance.sources, False
    if found.format != wanted.format:
        store.set_format(found.id, wanted.format)
        has_changed = True
    if found.options != wanted.options:
        store.set_options(found.id, wanted.options)
        has_changed = True
    if found.enabled != wanted.enabled:
        store.set_enabled(found.id, wanted.enabled)
        has_changed = True
    return has_changed


def export_config(governance: Governance) -> str:
    """The database's settings (those that differ from their defaults) and sources as YAML."""
    values = governance.settings.all()
    settings = {s.key: values[s.key] for s in SETTINGS if values[s.key] != s.default}
    rows = governance.sources.list()
    sources = [_exported(row) for row in rows if row.kind not in MADE_BY_PROGRAM]
    content: dict[str, Any] = {}
    if settings:
        content["settings"] = settings
    if sources:
        content["sources"] = sources
    text: str = yaml.safe_dump(content, sort_keys=False, width=100) if content else ""
    return "# Settings and sources of SOC Copilot; see docs/configuration.md.\n" + text


def _exported(row: SourceRow) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": row.kind}
    found["address" if row.kind in LISTENERS else "path"] = row.path
    found["name"] = row.name
    for key in ("pattern", "format"):
        if getattr(row, key) not in {"", AUTO}:
            found[key] = getattr(row, key)
    if row.from_start:
        found["from_start"] = True
    if not row.enabled:
        found["enabled"] = False
    if row.options.changed:
        found["options"] = dict(row.options.changed)
    return found


class _Reader:
    """Checks a file's YAML node by node, so that each message can name its line."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._folder = file.absolute().parent

    def read(self, data: bytes) -> Config:
        try:
            root = yaml.compose(data, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{self._file}, line {mark.line + 1}" if mark else f"{self._file}"
            raise PolicyError(f"{where}: this is no YAML: {error.problem}.") from error
        except (yaml.YAMLError, UnicodeError) as error:
            words = " ".join(str(error).split())
            raise PolicyError(f"{self._file}: this is no YAML: {words}.") from error
        except RecursionError as error:
            raise PolicyError(f"{self._file}: this is nested too deeply.") from error
        if root is None:
            return Config()
        top = self._mapping(root, "the file", _TOP)
        settings = self._settings(top["settings"]) if "settings" in top else {}
        sources = tuple(self._sources(top["sources"])) if "sources" in top else ()
        return Config(settings, sources)

    def _fail(self, node: yaml.Node, words: str) -> NoReturn:
        raise PolicyError(f"{self._file}, line {node.start_mark.line + 1}: {words}")

    def _mapping(self, node: yaml.Node, what: str, allowed: Sequence[str]) -> dict[str, yaml.Node]:
        """The values of a mapping by key: each key known, and there once."""
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"{what} takes keys with values, not {_found(node)}.")
        values: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail(key_node, f"a key is a word, not {_found(key_node)}.")
            key = key_node.value
            if key in values:
                self._fail(key_node, f'"{key}" stands here twice, first on line {lines[key]}.')
            if key not in allowed:
                close = difflib.get_close_matches(key, allowed, 1)
                hint = f'Did you mean "{close[0]}"? ' if close else ""
                words = ", ".join(allowed) or "no keys"
                self._fail(key_node, f'{what} has no key "{key}". {hint}It takes {words}.')
            values[key], lines[key] = value, key_node.start_mark.line + 1
        return values

    def _settings(self, node: yaml.Node) -> dict[str, Value]:
        values = self._mapping(node, "settings", tuple(BY_KEY))
        return {key: self._value(BY_KEY[key], value) for key, value in values.items()}

    def _value(self, setting: Setting, node: yaml.Node) -> Value:
        text = self._text(node, setting.key)
        is_quoted = isinstance(node, yaml.ScalarNode) and node.style is not None
        if is_quoted and not isinstance(setting.default, str):
            self._fail(node, f'"{setting.key}" takes no text: leave out the quotes around {text}.')
        try:
            return setting.check(text)
        except PolicyError as error:
            self._fail(node, str(error))

    def _text(self, node: yaml.Node, key: str) -> str:
        """A scalar as it is written: YAML's own reading would turn off, 010 and 1:30 around."""
        if not isinstance(node, yaml.ScalarNode) or _is_null(node):
            self._fail(node, f'"{key}" takes one value, not {_found(node)}.')
        return str(node.value)

    def _is_true(self, node: yaml.Node, key: str) -> bool:
        return bool(self._value(Setting(key, default=False, group="", title="", help=""), node))

    def _sources(self, node: yaml.Node) -> Iterator[ConfiguredSource]:
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, f"sources is a list (each begins with a dash), not {_found(node)}.")
        seen: dict[tuple[str, str], int] = {}
        for item in node.value:
            source = self._source(item)
            first = seen.setdefault((source.path, source.pattern), source.line)
            if first != source.line:
                self._fail(item, f'"{source.path}" is a source twice, first on line {first}.')
            yield source

    def _source(self, node: yaml.Node) -> ConfiguredSource:
        values = self._mapping(node, "a source", _SOURCE)
        texts: dict[str, str] = {
            key: self._text(values[key], key)
            for key in ("kind", "path", "address", "name", "pattern", "format")
            if key in values
        }
        kind = self._kind(node, values, texts)
        pattern = texts.get("pattern", "*.log" if kind == "directory" else "")
        if pattern and kind != "directory":
            self._fail(values["pattern"], f'"pattern" is for folders; this source is a {kind}.')
        format_name = texts.get("format", AUTO)
        try:
            if format_name != AUTO:
                get_format(format_name)
        except ParseError as error:
            self._fail(values["format"], str(error))
        from_start = "from_start" in values and self._is_true(values["from_start"], "from_start")
        if "from_start" in values and kind in ALWAYS_FROM_START and not from_start:
            self._fail(
                values["from_start"], f"a source of kind {kind} is always read from its start."
            )
        return ConfiguredSource(
            kind=kind,
            path=self._place(node, values, texts, kind),
            name=texts.get("name", ""),
            pattern=pattern,
            format=format_name,
            from_start=from_start,
            enabled="enabled" not in values or self._is_true(values["enabled"], "enabled"),
            options=self._options(kind, values["options"]) if "options" in values else _NONE,
            line=node.start_mark.line + 1,
        )

    def _kind(
        self, node: yaml.Node, values: Mapping[str, yaml.Node], texts: Mapping[str, str]
    ) -> str:
        allowed = [kind for kind in KINDS if kind not in MADE_BY_PROGRAM]
        kind = texts.get("kind")
        if kind is None:
            if "path" not in texts:
                self._fail(node, f'this source has no "kind". It is one of {", ".join(allowed)}.')
            return kind_of(self._absolute(texts["path"]))
        if kind not in allowed:
            self._fail(values["kind"], f'"kind" is one of {", ".join(allowed)}; found "{kind}".')
        return kind

    def _place(
        self,
        node: yaml.Node,
        values: Mapping[str, yaml.Node],
        texts: Mapping[str, str],
        kind: str,
    ) -> str:
        """Where the source reads: an address for listeners, else a path."""
        key, other = ("address", "path") if kind in LISTENERS else ("path", "address")
        if other in values:
            self._fail(values[other], f'a source of kind {kind} has no "{other}", but "{key}".')
        text = texts.get(key, "")
        if not text and kind != "journald":
            example = "127.0.0.1:5514" if key == "address" else "/var/log/auth.log"
            self._fail(node, f'a source of kind {kind} needs "{key}", such as {example}.')
        try:
            if kind == "activity":
                text = join_folders(str(self._absolute(one)) for one in split_folders(text))
            elif key == "path" and not _is_no_path(kind, text):
                text = str(self._absolute(text))
            return place_of(kind, text)
        except SourceError as error:
            self._fail(values[key], str(error))

    def _absolute(self, text: str) -> Path:
        # Not resolved: logs are often links, and the link is what is meant.
        return Path(os.path.abspath(self._folder / Path(text).expanduser()))  # noqa: PTH100

    def _options(self, kind: str, node: yaml.Node) -> SourceOptions:
        table = {option.key: option for option in options_of(kind)}
        what = f"options of a source of kind {kind}"
        values = {
            key: self._value(table[key], value)
            for key, value in self._mapping(node, what, tuple(table)).items()
        }
        for key in PATH_OPTIONS & values.keys():
            if values[key]:
                values[key] = str(self._absolute(str(values[key])))
        try:
            options = SourceOptions.checked(kind, values)
            check_readable(kind, options)
        except (PolicyError, SourceError) as error:
            self._fail(node, str(error))
        return options


_NONE: Final = SourceOptions()


def _is_no_path(kind: str, text: str) -> bool:
    """True for what stands in the place of a path: the machine's own journal, a channel."""
    if kind == "journald":
        return text in {"", SYSTEM_JOURNAL}
    return kind == "evtx" and text.startswith(CHANNEL_PREFIX)


def _is_null(node: yaml.ScalarNode) -> bool:
    return node.style is None and node.value.lower() in {"", "~", "null"}


def _found(node: yaml.Node) -> str:
    """What a node is, for people."""
    if isinstance(node, yaml.MappingNode):
        return "keys with values"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.ScalarNode) and _is_null(node):
        return "nothing"
    return f'"{node.value}"'
