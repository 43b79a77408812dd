"""Engage or release the kill switch: a reason, one confirmation."""

from PySide6.QtWidgets import QWidget

from soc_copilot.domain.governance import KillSwitchState
from soc_copilot.ui.context import Desk
from soc_copilot.ui.dialogs.frame import ReasonDialog
from soc_copilot.ui.timeformat import TimeFormat

SURFACES = {
    "window": "in the window",
    "cli": "from a terminal",
    "pipeline": "by the program itself",
    "service": "over the local service",
    "database": "as the database was made",
}


def engaged_by(state: KillSwitchState, times: TimeFormat) -> str:
    """Who engaged it, when and from where: "10:42:07 by m.silva in the window"."""
    when = times.short(state.changed_at) if state.changed_at else "an unknown time"
    where = SURFACES.get(state.surface, state.surface)
    return f"{when} by {state.actor or 'someone unknown'} {where}".rstrip()


def killswitch_dialog(desk: Desk, parent: QWidget | None) -> ReasonDialog:
    """The dialog that turns the switch from its present state to the other one.

    Accepting it writes through a job; a failure goes to the message bar. The caller shows it
    with `open()`.
    """
    state = desk.killswitch
    if state.engaged:
        dialog = ReasonDialog(
            parent,
            "Release the kill switch?",
            _release_text(state, desk.times),
            "Release",
            example="Why is it safe to go on?",
        )
        dialog.accepted.connect(lambda: desk.release_killswitch(dialog.reason))
    else:
        dialog = ReasonDialog(
            parent,
            "Engage the kill switch?",
            "All processing halts at once, in every process that uses this database, and stays "
            "halted over a restart until a person releases it. Sources keep their positions, so "
            "nothing is lost.",
            "Engage kill switch",
            kind="danger-solid",
            example="What made you halt everything?",
        )
        dialog.accepted.connect(lambda: desk.engage_killswitch(dialog.reason))
    return dialog


def _release_text(state: KillSwitchState, times: TimeFormat) -> str:
    after = "Processing may go on from the stored positions."
    if not state.readable:
        return f"Its state cannot be read, so it counts as engaged: {state.reason} {after}"
    return f"Engaged {engaged_by(state, times)}: “{state.reason}”. {after}"
