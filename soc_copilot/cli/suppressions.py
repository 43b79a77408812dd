"""`soc-copilot suppressions`: keep alerts that are alike out of the list for a while."""

import argparse
from datetime import datetime, timedelta
from typing import Any

from soc_copilot.cli.common import (
    EXIT_OK,
    add_command,
    add_group,
    length_of,
    moment,
    open_existing,
    positive,
    print_json,
    print_table,
    when,
)
from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.findings import Severity
from soc_copilot.domain.suppressions import (
    DEFAULT_FIELDS,
    LENGTHS,
    DryRun,
    Field,
    Suppression,
)
from soc_copilot.domain.text import render_safe
from soc_copilot.governance.database import Governance


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command and its own commands."""
    group = add_group(
        subparsers,
        "suppressions",
        "Keep alerts that are alike out of the list for a while; they are stored all the same.",
        "soc-copilot suppressions add 17 --for 7d --dry-run",
    )
    listed = add_command(
        group,
        "list",
        "List suppressions: what they hide, how much so far, until when.",
        "soc-copilot suppressions list --all",
        _list,
    )
    listed.add_argument("--all", action="store_true", help="those that ended, too")
    _add_add(group)
    lift = add_command(
        group,
        "lift",
        "End suppressions; what they hide is in the list again.",
        'soc-copilot suppressions lift 3 --reason "The scanner is gone"',
        _lift,
    )
    lift.add_argument("--reason", default="", help="why; kept in the audit trail")
    lift.add_argument("ids", type=positive, nargs="+", metavar="ID", help="the suppressions' ids")


def _add_add(group: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = add_command(
        group,
        "add",
        "Suppress what is like these alerts. Nothing is lost: it is stored, counted and found.",
        'soc-copilot suppressions add 17 --for 7d --reason "Our own scanner"',
        _add,
    )
    parser.add_argument("ids", type=positive, nargs="+", metavar="ALERT", help="the alerts' ids")
    parser.add_argument(
        "--alike",
        action="append",
        choices=[field.value for field in Field],
        help="what must be the same; may be given again (default: rule and entity)",
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--for", type=_length, dest="length", metavar="TIME",
        help="how long: 90m, 1h, 7d, 4w (default: the setting alerts.suppress_for)",
    )  # fmt: skip
    ends.add_argument("--until", type=moment, metavar="TIME", help="until when: 2026-03-14T10:30")
    ends.add_argument(
        "--without-end", action="store_true", help="until it is lifted; needs --confirm as well"
    )
    parser.add_argument("--confirm", action="store_true", help="yes, without an end")
    parser.add_argument("--reason", default="", help="why; kept in the audit trail")
    parser.add_argument(
        "--any-severity",
        action="store_true",
        help="hide alerts above the highest severity of these, too",
    )
    parser.add_argument(
        "--hide-open", action="store_true", help="hide the open alerts that are alike now, too"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only tell what it would have hidden"
    )


def _length(text: str) -> timedelta:
    try:
        found = length_of(text)
    except OverflowError:
        raise argparse.ArgumentTypeError(f'"{text}" is too long') from None
    if not found or text[-1:] in "sS":  # nobody suppresses by the second
        raise argparse.ArgumentTypeError(f'"{text}" is no length of time; give 90m, 1h, 7d or 4w')
    return found


def _list(args: argparse.Namespace) -> int:
    with open_existing(args) as governance:
        found = governance.suppressions.all(ended=args.all)
        now = governance.suppressions.now()
    if args.json:
        for one in found:
            print_json(_object(one, now))
        return EXIT_OK
    print_table(
        (
            "id",
            "alike in",
            "alerts",
            "occurrences",
            "last hidden",
            "until",
            "by",
            "state",
            "reason",
        ),
        [
            (
                *(one.id, one.alike.words(), f"{one.n_alerts:,}", f"{one.n_occurrences:,}"),
                *(when(one.last_hidden_at), _until(one), one.actor, _state(one, now)),
                one.reason or None,
            )
            for one in found
        ],
        right=("id", "alerts", "occurrences"),
        empty="Nothing is suppressed." if args.all else "Nothing is suppressed now.",
    )
    return EXIT_OK


def _until(one: Suppression) -> str:
    return "without end" if one.expires_at is None else when(one.expires_at)


def _state(one: Suppression, now: datetime) -> str:
    if one.is_active(now):
        return "in force"
    return "expired" if one.ended is None else one.ended.value


def _object(one: Suppression, now: datetime) -> dict[str, Any]:
    return {
        "id": one.id,
        "alike": {field.value: value for field, value in one.alike.parts()},
        "up_to": one.alike.up_to.label.lower(),
        "reason": one.reason,
        "made_from": list(one.made_from),
        "actor": one.actor,
        "created_at": one.created_at,
        "expires_at": one.expires_at,
        "state": _state(one, now),
        "ended_at": one.ended_at,
        "ended_by": one.ended_by or None,
        "alerts": one.n_alerts,
        "occurrences": one.n_occurrences,
        "last_hidden_at": one.last_hidden_at,
    }


def _add(args: argparse.Namespace) -> int:
    fields = {Field(name) for name in args.alike or ()} or DEFAULT_FIELDS
    if args.without_end and not args.confirm and not args.dry_run:
        raise PolicyError(
            "Without an end, such alerts stay hidden until somebody thinks of it. Give --confirm "
            "as well, or a time with --for or --until."
        )
    with open_existing(args) as governance:
        run = governance.suppressions.dry_run(args.ids, fields, any_severity=args.any_severity)
        if args.dry_run:
            _tell(args, run)
            return EXIT_OK
        made = governance.suppressions.add(
            args.ids,
            fields,
            _end(args, governance),
            reason=args.reason,
            any_severity=args.any_severity,
            without_end=args.without_end,
            hide_open=args.hide_open,
        )
        now = governance.suppressions.now()
    if args.json:
        print_json({**_object(made, now), "dry_run": _dry_object(run)})
        return EXIT_OK
    for line in _dry_words(run):
        print(line)
    alerts = "alert" if made.n_alerts == 1 else "alerts"
    hid = f" It hid {made.n_alerts:,} open {alerts}." if args.hide_open else ""
    print(render_safe(f"Suppression {made.id}: {made.alike.words()}, {_until_words(made)}.") + hid)
    return EXIT_OK


def _until_words(one: Suppression) -> str:
    return "without end" if one.expires_at is None else f"until {when(one.expires_at)}"


def _end(args: argparse.Namespace, governance: Governance) -> datetime | None:
    if args.without_end:
        return None
    until: datetime | None = args.until
    length = args.length or LENGTHS[str(governance.settings.get("alerts.suppress_for"))]
    return until or governance.suppressions.now() + length


def _tell(args: argparse.Namespace, run: DryRun) -> None:
    if args.json:
        print_json(_dry_object(run))
        return
    for line in _dry_words(run):
        print(line)
    print_table(
        ("id", "severity", "last seen", "entity", "what", "count", "status"),
        [
            (
                *(row.id, row.severity.label, when(row.last_seen), row.entity, row.title),
                *(f"{row.count:,}", row.status.label),
            )
            for row in run.examples
        ],
        right=("id", "count"),
        empty="No alert of that time is alike.",
    )


def _dry_words(run: DryRun) -> list[str]:
    said = [render_safe(f"Alike: {run.alike.words()}"), run.words()]
    if warning := run.warning():
        said.append(f"Careful. {warning}")
    if run.n_above:
        said.append(f"{run.n_above:,} more severe ones would have stayed in the list.")
    if run.n_open_now:
        is_one = run.n_open_now == 1
        ones, them = ("one is", "it") if is_one else ("ones are", "them")
        said.append(f"{run.n_open_now:,} open {ones} alike now; --hide-open hides {them}, too.")
    return said


def _dry_object(run: DryRun) -> dict[str, Any]:
    return {
        "alike": {field.value: value for field, value in run.alike.parts()},
        "up_to": run.alike.up_to.label.lower(),
        "would_have_hidden": run.n_alerts,
        "occurrences": run.n_occurrences,
        "by_severity": {s.label.lower(): run.by_severity[s] for s in Severity},
        "open": run.n_open,
        "open_now": run.n_open_now,
        "more_severe": run.n_above,
        "examples": [row.id for row in run.examples],
    }


def _lift(args: argparse.Namespace) -> int:
    ids = list(dict.fromkeys(args.ids))
    with open_existing(args) as governance:
        for suppression_id in ids:
            n_back = governance.suppressions.lift(suppression_id, args.reason)
            if args.json:
                print_json({"lifted": suppression_id, "came_back": n_back})
            else:
                alerts = "1 alert is" if n_back == 1 else f"{n_back:,} alerts are"
                print(f"Lifted suppression {suppression_id}: {alerts} in the list again.")
    return EXIT_OK
