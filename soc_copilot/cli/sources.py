"""`soc-copilot sources`: what the desk reads."""

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soc_copilot.cli import source_reports, verify
from soc_copilot.cli.common import (
    EXIT_OK,
    add_command,
    add_group,
    open_existing,
    open_governance,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.cli.settings import word
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.folders import join_folders
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.setting import Setting, Value
from soc_copilot.domain.source_options import (
    ALWAYS_FROM_START,
    KIND_TITLES,
    KINDS,
    LISTENERS,
    MADE_BY_PROGRAM,
    SourceOptions,
    options_of,
)
from soc_copilot.domain.text import render_safe
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.pipeline.config import apply_config, export_config, load_config
from soc_copilot.pipeline.sources import PATH_OPTIONS, check_format, check_readable, kind_of

CONFIGURABLE = tuple(kind for kind in KINDS if kind not in MADE_BY_PROGRAM)
_EMPTY = "No sources. Add one with: soc-copilot sources add PATH"


_ADD_EXAMPLES = """soc-copilot sources add /var/log/auth.log --format syslog --from-start
  soc-copilot sources add /var/log/nginx --pattern '*.log' -o recursive=true
  soc-copilot sources add --kind syslog-udp 127.0.0.1:5514
  soc-copilot sources add --kind syslog-tls 0.0.0.0:6514 -o tls_certificate=c.pem -o tls_key=k.pem
  soc-copilot sources add --kind activity /home /srv -o recursive=true
  soc-copilot sources add --kind journald
  soc-copilot sources add --kind mail ~/suspicious-mail"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "sources",
        "List, add, change and remove sources, and see what became of their lines.",
        "soc-copilot sources add /var/log/nginx --pattern '*.log'",
    )
    add_command(group, "list", "List the sources.", "soc-copilot sources list --json", _list)
    _add_adding(group)
    _add_changing(group)
    _add_options(group)
    _add_files(group)
    source_reports.add_parsers(group)
    verify.add_parser(group)


def _add_adding(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add = add_command(
        group,
        "add",
        "Add a source of any kind; a running desk begins to read it at once.",
        _ADD_EXAMPLES,
        _add,
    )
    add.add_argument(
        "where",
        nargs="*",
        metavar="WHERE",
        help="a file (which may appear later), a folder, or for a listener ADDRESS:PORT; several "
        "folders for activity, nothing for the machine's own journal",
    )
    add.add_argument(
        "--kind",
        choices=CONFIGURABLE,
        help="kind of source (default: file, directory or evtx, whichever WHERE is)",
    )
    add.add_argument("--name", default="", help="name for people (default: made of WHERE)")
    add.add_argument("--pattern", default="", help="files to read in a folder (default: *.log)")
    add.add_argument(
        "--format",
        default="auto",
        choices=("auto", *FORMAT_NAMES),
        help="format of the lines (default: auto)",
    )
    add.add_argument(
        "--from-start",
        action="store_true",
        help="also read what is there already (event logs of Windows always are)",
    )
    add.add_argument(
        "-o",
        "--option",
        dest="options",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        type=assignment,
        help="an option of its kind; see: soc-copilot sources options",
    )


def _add_changing(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    change = add_command(
        group,
        "set",
        "Change a source's options or format; a running desk follows at once.",
        "soc-copilot sources set 2 encoding=cp1252 max_size=2000 --format syslog",
        _set,
    )
    change.add_argument("id", type=positive, help="the source's id")
    change.add_argument(
        "options",
        nargs="*",
        metavar="KEY=VALUE",
        type=assignment,
        help="an option of its kind; see: soc-copilot sources options",
    )
    change.add_argument("--format", choices=("auto", *FORMAT_NAMES), help="format of the lines")
    for name, words, enabled in (
        ("enable", "Read a source again, from where it was left.", True),
        ("disable", "Stop reading a source; its position stays.", False),
    ):
        command = add_command(group, name, words, f"soc-copilot sources {name} 2", _set_enabled)
        command.add_argument("id", type=positive, help="the source's id")
        command.set_defaults(enabled=enabled)
    remove = add_command(
        group,
        "remove",
        "Take a source off the list; its alerts and counts stay.",
        'soc-copilot sources remove 2 --reason "Host retired"',
        _remove,
    )
    remove.add_argument("id", type=positive, help="the source's id")
    remove.add_argument("--reason", default="", help="why; kept in the audit trail")


def _add_options(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    options = add_command(
        group,
        "options",
        "List the options that sources have.",
        "soc-copilot sources options syslog-tls",
        _options,
    )
    options.add_argument("kind", nargs="?", choices=CONFIGURABLE, help="only of this kind")


def _add_files(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    load = add_command(
        group,
        "import",
        "Store the settings and sources of a YAML file; what it does not name stays.",
        "soc-copilot sources import soc-copilot.yaml",
        _import,
    )
    load.add_argument("file", type=Path, help="the file; see docs/configuration.md")
    add_command(
        group,
        "export",
        "Write settings and sources as YAML.",
        "soc-copilot sources export > soc-copilot.yaml",
        _export,
    )


def assignment(text: str) -> tuple[str, str]:
    """An argument of the form KEY=VALUE."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f'"{text}" is not of the form KEY=VALUE')
    return key, value


def checked_options(
    kind: str, given: Sequence[tuple[str, str]], known: Mapping[str, Value] | None = None
) -> SourceOptions:
    """Options given as text, over those known; a path is meant from the current folder.

    Raises:
        PolicyError: An option is not for this kind, or its value is not allowed.
        SourceError: Lines cannot be read as the options say.
    """
    values: dict[str, Any] = dict(known or {})
    for key, value in given:
        is_path = key in PATH_OPTIONS and value
        values[key] = os.path.abspath(Path(value).expanduser()) if is_path else value  # noqa: PTH100
    options = SourceOptions.checked(kind, values)
    check_readable(kind, options)
    return options


def _list(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        sources = governance.sources.list()
    if args.json:
        for source in sources:
            print_json(source_object(source))
        return EXIT_OK
    print_table(
        ("id", "name", "kind", "path", "pattern", "format", "options", "on", "added"),
        [
            (
                *(s.id, s.name, s.kind, s.path, s.pattern or None, s.format),
                " ".join(f"{key}={word(value)}" for key, value in s.options.changed.items())
                or None,
                "yes" if s.enabled else "no",
                when(s.added_at),
            )
            for s in sources
        ],
        empty=_EMPTY,
    )
    return EXIT_OK


def source_object(source: SourceRow) -> dict[str, Any]:
    """A source as JSON takes it."""
    return {**dataclasses.asdict(source), "options": dict(source.options.changed)}


def _add(args: argparse.Namespace) -> int:
    kind, where = place(args.where, args.kind)
    if args.pattern and kind != "directory":
        raise SourceError(f'--pattern is for folders, and "{where}" is not one.')
    if args.from_start and kind in ALWAYS_FROM_START:
        raise SourceError(
            f"A source of kind {kind} is always read from its first record. Leave out --from-start."
        )
    check_format(kind, where, args.format)
    with open_governance(args) as governance:
        source = governance.sources.add(
            kind,
            where,
            name=args.name,
            pattern=args.pattern,
            format=args.format,
            from_start=args.from_start,
            options=checked_options(kind, args.options),
        )
    _say(args, source, "Added")
    return EXIT_OK


def place(given: Sequence[str], kind: str | None) -> tuple[str, str]:
    """Kind and place of what was typed.

    Raises:
        SourceError: Nothing was typed that could be read, or too much.
    """
    if kind == "activity":
        return kind, join_folders(given)
    if len(given) > 1:
        raise SourceError("Several folders are one source only with --kind activity. Add one each.")
    if given:
        return kind or kind_of(Path(given[0])), given[0]
    if kind == "journald":
        return kind, ""
    needed = "an address, such as 127.0.0.1:5514" if kind in LISTENERS else "a path"
    raise SourceError(f"Say what to read: give {needed}.")


def _say(args: argparse.Namespace, source: SourceRow, done: str) -> None:
    if args.json:
        print_json(source_object(source))
    else:
        print(f"{done} source {source.id}: {render_safe(source.path)}")


def _set(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        source = governance.sources.get(args.id)
        options = checked_options(source.kind, args.options, source.options.changed)
        if options != source.options:
            governance.sources.set_options(args.id, options)
        if args.format is not None and args.format != source.format:
            check_format(source.kind, source.path, args.format)
            governance.sources.set_format(args.id, args.format)
        _say(args, governance.sources.get(args.id), "Changed")
    return EXIT_OK


def _set_enabled(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        governance.sources.set_enabled(args.id, args.enabled)
        _say(args, governance.sources.get(args.id), "Enabled" if args.enabled else "Disabled")
    return EXIT_OK


def _remove(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        source = governance.sources.get(args.id)
        governance.sources.remove(args.id, args.reason)
    if args.json:
        print_json({"removed": source.id, "path": source.path})
    else:
        print(f"Removed source {source.id}: {render_safe(source.path)}")
    return EXIT_OK


def _options(args: argparse.Namespace) -> int:
    kinds = (args.kind,) if args.kind else CONFIGURABLE
    found: dict[str, tuple[Setting, list[str]]] = {}
    for kind in kinds:
        for option in options_of(kind):
            found.setdefault(option.key, (option, []))[1].append(kind)
    if args.json:
        for option, its in found.values():
            print_json({**dataclasses.asdict(option), "kinds": its})
        return EXIT_OK
    headers = ["option", "default", "unit", "allowed", "what it does"]
    rows = [
        [o.key, word(o.default) or None, o.unit or None, allowed(o), o.help]
        for o, _ in found.values()
    ]
    if args.kind is None:
        headers.insert(1, "kinds")
        for row, (_, its) in zip(rows, found.values(), strict=True):
            row.insert(1, "all" if len(its) == len(CONFIGURABLE) else ", ".join(its))
    else:
        print(f"{KIND_TITLES[args.kind]}\n")
    print_table(headers, rows, wide=True)
    return EXIT_OK


def allowed(setting: Setting) -> str:
    """The values that a setting takes, for people."""
    if setting.choices:
        return ", ".join(setting.choices)
    if isinstance(setting.default, bool):
        return "true, false"
    if isinstance(setting.default, str):
        return "text"
    return f"{setting.low:,g} to {setting.high:,g}"


def _import(args: argparse.Namespace) -> int:
    config = load_config(args.file)
    with open_governance(args) as governance:
        applied = apply_config(governance, config)
    if args.json:
        print_json(
            {
                "settings": list(applied.settings),
                "added": list(applied.added),
                "changed": list(applied.changed),
                "sources": [source_object(source) for source in applied.sources],
            }
        )
        return EXIT_OK
    for key in applied.settings:
        print(f"Set {key} = {word(config.settings[key])}")
    for source in applied.sources:
        how = "Added" if source.id in applied.added else "Kept"
        how = "Changed" if source.id in applied.changed else how
        print(f"{how} source {source.id}: {render_safe(source.path)}")
    return EXIT_OK


def _export(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        if args.json:
            for source in governance.sources.list():
                print_json(source_object(source))
        else:
            sys.stdout.write(export_config(governance))
    return EXIT_OK
