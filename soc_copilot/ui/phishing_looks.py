"""What the Phishing page asks of a worker: a verdict, and the pictures that are shown with it."""

from typing import TYPE_CHECKING

from PySide6.QtGui import QImage

from soc_copilot.domain.brand import BrandMatch
from soc_copilot.domain.errors import ParseError
from soc_copilot.ui.phishing_checks import CheckedRow, Checker, Detail, Given, refuse_halted
from soc_copilot.ui.widgets.picture import picture_of

if TYPE_CHECKING:
    from soc_copilot.governance.database import Governance

Pictures = tuple[QImage | None, QImage | None]
"""The page's, and the brand's that it looks like."""


def halted_by(governance: "Governance") -> str:
    """Why nothing may be checked now, "" when it may."""
    state = governance.kill_switch.state()
    return (state.reason or "Release it to go on.") if state.engaged else ""


def checked(
    governance: "Governance", checker: Checker, given: Given, former: CheckedRow | None
) -> tuple[Detail, Pictures]:
    """Check a content; for a job.

    Raises:
        SocCopilotError: It cannot be read, or nothing may be checked now.
    """
    refuse_halted(halted_by(governance))
    detail = checker.check(given, former)
    return detail, _pictures(governance, detail)


def looked_at(
    governance: "Governance", checker: Checker, row: CheckedRow
) -> tuple[Detail, Pictures]:
    """All about a row; for a job."""
    refuse_halted(halted_by(governance))
    detail = checker.again(row)
    return detail, _pictures(governance, detail)


def _pictures(governance: "Governance", detail: Detail) -> Pictures:
    """The screenshot, and the picture that it looks like; for a job."""
    content, match = detail.content, detail.match
    if content is None or content.screenshot is None:
        return None, None
    reference = None if match is None else _reference(governance, match)
    return _picture(content.screenshot), _picture(reference)


def _reference(governance: "Governance", match: BrandMatch) -> bytes | None:
    """The picture of a brand; None where it was removed meanwhile."""
    ids = [one.id for one in governance.brands.all() if one.name == match.brand]
    known = governance.brands.references(ids[0]) if ids else ()
    return next((one.png for one in known if one.id == match.reference_id), None)


def _picture(png: bytes | None) -> QImage | None:
    try:
        return picture_of(png) if png is not None else None
    except ParseError:
        return None
