"""One typed table of every setting: key, default, unit, limits, help."""

from collections.abc import Mapping

from soc_copilot.domain.errors import PolicyError
from soc_copilot.domain.setting import Setting, Value
from soc_copilot.domain.suppressions import LENGTHS

__all__ = ["BY_KEY", "SETTINGS", "Setting", "Value", "get_setting"]

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ingestion.batch_interval_s",
        1.0,
        "Ingestion",
        "Batch interval",
        "Lines wait at most this long before they are scored and stored together. Shorter is "
        "sooner, longer is cheaper.",
        "s",
        0.1,
        60.0,
        restart=True,
    ),
    Setting(
        "ingestion.max_size",
        10_000,
        "Ingestion",
        "Batch size",
        "A batch is scored and stored as soon as it holds this many lines.",
        "lines",
        100,
        200_000,
        restart=True,
    ),
    Setting(
        "ingestion.poll_interval_s",
        0.1,
        "Ingestion",
        "Poll interval",
        "How often files are looked at when the system gives no hint that they changed.",
        "s",
        0.02,
        10.0,
        restart=True,
    ),
    Setting(
        "ingestion.directory_poll_interval_s",
        1.0,
        "Ingestion",
        "Folder poll interval",
        "How often folders are listed when the system gives no hint that they changed.",
        "s",
        0.1,
        60.0,
        restart=True,
    ),
    Setting(
        "ingestion.partial_after_s",
        5.0,
        "Ingestion",
        "Partial line after",
        "A last line without a line end is shown as partial once its file was quiet this long.",
        "s",
        0.5,
        3600.0,
        restart=True,
    ),
    Setting(
        "ingestion.spool_mib",
        1024,
        "Ingestion",
        "Spool size",
        "Each listener keeps at most this much on disk that is not stored yet. Beyond it TCP and "
        "TLS senders wait, and UDP messages are refused and counted.",
        "MiB",
        16,
        1_048_576,
        restart=True,
    ),
    Setting(
        "archive.enabled",
        True,
        "Archive",
        "Keep every event",
        "Every event, parsed columns and raw text, is kept in compressed files beside the "
        "database, to be searched later.",
        restart=True,
    ),
    Setting(
        "archive.retention_days",
        90,
        "Archive",
        "Keep events for",
        "Events older than this are removed from the archive; alerts and counts stay. A source "
        "can have its own number.",
        "days",
        1,
        36_500,
    ),
    Setting(
        "archive.max_gib",
        50,
        "Archive",
        "Archive size",
        "When the archive outgrows this, the oldest events are removed first.",
        "GiB",
        1,
        1_048_576,
    ),
    Setting(
        "detection.device",
        "auto",
        "Detection",
        "Device",
        "Where models run. Auto takes the GPU when there is one.",
        choices=("auto", "cpu", "cuda"),
        restart=True,
    ),
    Setting(
        "detection.web.enabled",
        True,
        "Detection",
        "Web detector",
        "Scores HTTP requests for attacks.",
        restart=True,
    ),
    Setting(
        "detection.web.budget",
        "0.1%",
        "Detection",
        "Web false-positive budget",
        "The share of harmless requests that may be flagged, measured on validation data. A "
        "smaller budget means a higher threshold.",
        choices=("0.1%", "0.5%", "1%"),
        restart=True,
    ),
    Setting(
        "detection.auth.enabled",
        True,
        "Detection",
        "Authentication detector",
        "Looks for brute force, password spraying, logins after failures and sudo abuse.",
        restart=True,
    ),
    Setting(
        "detection.phishing.enabled",
        True,
        "Detection",
        "Phishing detector",
        "Scores messages out of drop folders, and raises alerts of what the service analysed.",
        restart=True,
    ),
    Setting(
        "detection.phishing.threshold",
        0.7,
        "Detection",
        "Phishing threshold",
        "Score from which a message, link or text becomes an alert; 0.7 is what is called phish.",
        low=0.0,
        high=1.0,
        restart=True,
    ),
    Setting(
        "detection.integrity.enabled",
        True,
        "Detection",
        "Log integrity detector",
        "Looks for lines that blind or mislead readers: far too long ones, zeros inside lines, "
        "terminal commands.",
        restart=True,
    ),
    Setting(
        "detection.host.enabled",
        True,
        "Detection",
        "Host activity detector",
        "Tells encryption, wiping and tampering from ordinary work by what becomes of files.",
        restart=True,
    ),
    Setting(
        "detection.host.threshold",
        0.0,
        "Detection",
        "Host activity threshold",
        "Score from which file activity is a threat. 0 takes the model's own, which is measured "
        "on recordings that it was not trained on.",
        low=0.0,
        high=1.0,
        restart=True,
    ),
    Setting(
        "detection.load.enabled",
        True,
        "Detection",
        "Load detector",
        "Judges every hour of series that come in: forecast, attack, size, and how sure.",
        restart=True,
    ),
    Setting(
        "detection.load.watch_sources",
        True,
        "Detection",
        "Watch how much sources send",
        "A source that falls silent or floods becomes an alert, which ends by itself.",
        restart=True,
    ),
    Setting(
        "detection.load.silence_min",
        10.0,
        "Detection",
        "Silent from",
        "A source that sent nothing for so long is silent, or for a multiple of its usual longest "
        "gap, whichever is longer.",
        "min",
        0.5,
        10_080.0,
        restart=True,
    ),
    Setting(
        "detection.load.silence_times",
        5.0,
        "Detection",
        "Silent, times the usual gap",
        "How many times its usual longest gap a source may be quiet.",
        "x",
        1.0,
        1000.0,
        restart=True,
    ),
    Setting(
        "detection.load.flood_times",
        10.0,
        "Detection",
        "Flood, times the usual",
        "So many times more lines in a minute than in the busiest minutes of the last hour and of "
        "this hour of the week are a flood.",
        "x",
        1.5,
        1000.0,
        restart=True,
    ),
    Setting(
        "detection.load.flood_least",
        600,
        "Detection",
        "Flood, at least",
        "Fewer lines in a minute are never a flood.",
        "lines",
        1,
        100_000_000,
        restart=True,
    ),
    Setting(
        "detection.load.live_days",
        30,
        "Detection",
        "Series at hand",
        "The Load page holds so many days of a live series. Older hours stay in the database, "
        "twenty years of them, and come when the whole series is asked for (A).",
        "days",
        1,
        3_660,
    ),
    Setting(
        "service.enabled",
        False,
        "Checking service",
        "Answer other programs",
        "While ingestion runs, other programs on this machine may ask whether an HTTP request is "
        "an attack. The token they show is in the file service.token beside the database's keys.",
    ),
    Setting(
        "service.port",
        8765,
        "Checking service",
        "Port",
        "Where it listens, on 127.0.0.1 only.",
        "",
        1,
        65_535,
        restart=True,
    ),
    Setting(
        "service.rate_per_s",
        100,
        "Checking service",
        "Requests a second",
        "More are refused until they are fewer again. 0 sets no limit.",
        "1/s",
        0,
        1_000_000,
        restart=True,
    ),
    Setting(
        "alerts.suppress_for",
        "7 days",
        "Alerts",
        "Suppress for",
        "How long alerts are suppressed unless something else is chosen. A suppression without "
        "an end has to be asked for each time.",
        choices=tuple(LENGTHS),
    ),
    Setting(
        "ui.theme",
        "system",
        "Window",
        "Theme",
        "Dark, light, or whatever the system uses.",
        choices=("system", "dark", "light"),
    ),
    Setting(
        "ui.time_zone",
        "local",
        "Window",
        "Times",
        "Show times in this machine's zone or in UTC.",
        choices=("local", "UTC"),
    ),
    Setting(
        "ui.replay_speed",
        60.0,
        "Window",
        "Replay speed",
        "How much faster than real time the sample is played.",
        "x",
        1.0,
        1000.0,
    ),
)

BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}


def get_setting(key: str) -> Setting:
    """The setting with this key.

    Raises:
        PolicyError: There is none.
    """
    try:
        return BY_KEY[key]
    except KeyError:
        raise PolicyError(
            f'There is no setting "{key}". The settings are {", ".join(BY_KEY)}.'
        ) from None
