"""Times as an analyst reads them: in the machine's zone or in UTC, one switch."""

from datetime import UTC, datetime, tzinfo

from PySide6.QtCore import QObject, Signal

from soc_copilot.domain.clock import utc_now


class TimeFormat(QObject):
    """How every time on the screen is written. GUI thread only."""

    changed = Signal()

    def __init__(self, zone: str = "local", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._zone = zone

    @property
    def zone(self) -> str:
        """The zone in force: "local" or "UTC"."""
        return self._zone

    def set_zone(self, zone: str) -> None:
        """Switch between "local" and "UTC"."""
        if zone != self._zone:
            self._zone = zone
            self.changed.emit()

    def tz(self) -> tzinfo | None:
        """For `datetime.astimezone`: None means this machine's zone."""
        return UTC if self._zone == "UTC" else None

    def zone_name(self) -> str:
        """What to print beside an axis: "UTC" or the zone's own name."""
        return utc_now().astimezone(self.tz()).tzname() or "UTC"

    def absolute(self, moment: datetime) -> str:
        """Date and time to the second with the zone: "2026-03-01 10:41:52 CET"."""
        shown = moment.astimezone(self.tz())
        return f"{shown:%Y-%m-%d %H:%M:%S} {shown.tzname()}"

    def short(self, moment: datetime, now: datetime | None = None) -> str:
        """The time; with the date when it is not today's: "10:41:52", "Mar 01 10:41:52"."""
        shown = moment.astimezone(self.tz())
        today = (now or utc_now()).astimezone(self.tz())
        if shown.date() == today.date():
            return f"{shown:%H:%M:%S}"
        return f"{shown:%b %d %H:%M:%S}" if shown.year == today.year else f"{shown:%Y-%m-%d %H:%M}"

    def relative(self, moment: datetime, now: datetime | None = None) -> str:
        """How long ago, or from now: "3 min ago", "in 2 h", "just now"."""
        seconds = ((now or utc_now()) - moment).total_seconds()
        size = abs(seconds)
        if size < 5:  # chosen: below this a count of seconds only flickers
            return "just now"
        for limit, unit, word in (
            (60, 1, "s"),
            (3_600, 60, "min"),
            (86_400, 3_600, "h"),
            (float("inf"), 86_400, "d"),
        ):
            if size < limit:
                count = f"{int(size // unit)} {word}"
                return f"{count} ago" if seconds > 0 else f"in {count}"
        return ""
