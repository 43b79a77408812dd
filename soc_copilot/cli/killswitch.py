"""`soc-copilot killswitch`: read, engage and release the kill switch."""

import argparse

from soc_copilot.cli.common import (
    EXIT_ENGAGED,
    EXIT_ERROR,
    EXIT_OK,
    add_command,
    add_group,
    open_existing,
    print_error,
    print_json,
    when,
)
from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.domain.text import render_safe


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "killswitch",
        "Halt all processing on a database, or permit it again.",
        'soc-copilot killswitch engage --reason "Wrong log folder"',
    )
    add_command(
        group,
        "status",
        "Say whether the kill switch is engaged (exit code 3) or released (0).",
        "soc-copilot killswitch status --json",
        _status,
    )
    engage = add_command(
        group,
        "engage",
        "Halt all processing, in every process on the database, until a person releases it.",
        'soc-copilot killswitch engage --reason "Wrong log folder"',
        _engage,
    )
    release = add_command(
        group,
        "release",
        "Permit processing again; what was not stored meanwhile is read again.",
        'soc-copilot killswitch release --reason "Folder corrected"',
        _release,
    )
    for parser in (engage, release):
        parser.add_argument("--reason", required=True, help="why; kept in the audit trail")


def _status(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        state = governance.kill_switch.state()
    _show(args, state)
    return EXIT_ENGAGED if state.engaged else EXIT_OK


def _engage(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        state = governance.kill_switch.engage(args.reason)
    _show(args, state)
    if not state.readable:
        print_error("The kill switch is engaged by its marker file only; see the reason.")
        return EXIT_ERROR
    return EXIT_OK


def _release(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        state = governance.kill_switch.release(args.reason)
    _show(args, state)
    return EXIT_OK


def _show(args: argparse.Namespace, state: KillSwitchState) -> None:
    if args.json:
        print_json(
            {
                "engaged": state.engaged,
                "readable": state.readable,
                "actor": state.actor,
                "surface": state.surface,
                "reason": state.reason,
                "changed_at": state.changed_at,
            }
        )
        return
    print(f"Kill switch: {'ENGAGED' if state.engaged else 'released'}")
    if state.changed_at is not None:
        print(f"Changed:     {when(state.changed_at)} by {render_safe(state.actor)}", end="")
        print(f" ({render_safe(state.surface)})")
    if state.reason:
        print(f"Reason:      {render_safe(state.reason)}")
