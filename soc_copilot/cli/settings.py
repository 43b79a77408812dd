"""`soc-copilot settings`: read and change settings."""

import argparse

from soc_copilot.cli.common import (
    EXIT_OK,
    add_command,
    add_group,
    open_governance,
    print_json,
    print_table,
)
from soc_copilot.domain.text import render_safe
from soc_copilot.settings import SETTINGS, Value, get_setting


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "settings",
        "List, read and change settings; each change is kept in the audit trail.",
        "soc-copilot settings set detection.web.budget 1%",
    )
    add_command(group, "list", "List every setting.", "soc-copilot settings list", _list)
    get = add_command(
        group, "get", "Print one setting's value.", "soc-copilot settings get ui.theme", _get
    )
    get.add_argument("key", help="the setting, such as ui.theme")
    change = add_command(
        group, "set", "Change a setting.", "soc-copilot settings set ui.theme dark", _set
    )
    change.add_argument("key", help="the setting, such as ui.theme")
    change.add_argument("value", help="its new value")


def _list(args: argparse.Namespace) -> int:
    with open_governance(args) as governance:
        values = governance.settings.all()
    if args.json:
        for key, value in values.items():
            print_json({"key": key, "value": value, "default": get_setting(key).default})
        return EXIT_OK
    print_table(
        ("setting", "value", "unit", "default", "what it is"),
        [(s.key, word(values[s.key]), s.unit, word(s.default), s.title) for s in SETTINGS],
    )
    return EXIT_OK


def _get(args: argparse.Namespace) -> int:
    with open_governance(args) as governance:
        value = governance.settings.get(args.key)
    _show(args, value)
    return EXIT_OK


def _set(args: argparse.Namespace) -> int:
    with open_governance(args) as governance:
        value = governance.settings.set(args.key, args.value)
    _show(args, value)
    if get_setting(args.key).restart and not args.json:
        print("It takes effect at the next start of ingestion.")
    return EXIT_OK


def _show(args: argparse.Namespace, value: Value) -> None:
    if args.json:
        print_json({"key": args.key, "value": value})
    else:
        print(render_safe(f"{args.key} = {word(value)}"))


def word(value: Value) -> str:
    """A setting's value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)
