"""From a configured source to one that is read: every kind, with its options."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from soc_copilot.domain.clock import SYSTEM_CLOCK, Clock
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.folders import split_folders
from soc_copilot.domain.governance import SourceRow
from soc_copilot.domain.records import Checkpoint, RecordChunk, SourceStatus
from soc_copilot.domain.source_options import FILES, LISTENERS, SourceOptions
from soc_copilot.ingestion.activity import ActivityProducer
from soc_copilot.ingestion.controller import IngestionController
from soc_copilot.ingestion.drop import SCAN_S, DropSource
from soc_copilot.ingestion.encodings import first_lines
from soc_copilot.ingestion.evtx import EvtxSource
from soc_copilot.ingestion.journald import JournalSource
from soc_copilot.ingestion.listeners import make_listener
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.spooled import Producer, SpooledSource
from soc_copilot.parsing.registry import AUTO
from soc_copilot.parsing.series import PREFIX as SERIES
from soc_copilot.parsing.series import document_words, is_document, series_name
from soc_copilot.settings import Value

PATH_OPTIONS: Final = frozenset({"tls_certificate", "tls_key", "tls_client_ca"})
"""Options whose value is the path of a file."""

_FORMATS: Final[Mapping[str, str]] = {
    "syslog-udp": "syslog",
    "syslog-tcp": "syslog",
    "syslog-tls": "syslog",
    "json-tcp": "json",
    "activity": "file-activity",
    "journald": "journald",
    "evtx": "windows-event",
    "mail": "mail",
    "service": "service",
}
_MIB: Final = 1024 * 1024
_HEAD_BYTES: Final = 64 * 1024  # chosen: as much of a file as tells what it is
_READER_BYTES: Final = 512 * _MIB  # measured: 100 with nothing to do, 210 for the worst message
# -P: nothing from the current folder gets into the child.
MAIL_COMMAND: Final = (
    sys.executable, "-P", "-X", "utf8", "-m", "soc_copilot.pipeline.mail_child",
    str(_READER_BYTES),
)  # fmt: skip
MAILS_AT_ONCE: Final = 250  # chosen: so many are scored in about a second


def kind_of(path: Path) -> str:
    """The kind of source that a path means when nothing else is said."""
    if path.is_dir():
        return "directory"
    return "evtx" if path.suffix.lower() == ".evtx" else "file"


def format_of(source: SourceRow) -> str:
    """The format that a source's lines are parsed in; "auto" is told from them."""
    if source.format == SERIES and source.kind in FILES:
        text = source.options.text
        return series_name(
            text("series_time"), text("series_value"), text("series_unit"), text("series_stamps")
        )
    return _FORMATS.get(source.kind, AUTO) if source.format == AUTO else source.format


def has_sender(source: SourceRow) -> bool:
    """True when each line begins with the address that it was received from."""
    return source.kind in LISTENERS


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every source is made with.

    Attributes:
        spool_folder: Where listeners keep what is not stored yet, a folder for each.
        settings: Value of every setting.
        limits: How much is read and held at once.
        clock: Where the time comes from.
        producers: By id of the source, what writes for those that the program itself feeds.
    """

    spool_folder: Path
    settings: Mapping[str, Value]
    limits: ReadLimits
    clock: Clock = SYSTEM_CLOCK
    producers: Mapping[int, Producer] = field(default_factory=dict)


def attach(
    controller: IngestionController,
    source: SourceRow,
    checkpoints: Sequence[Checkpoint],
    around: Surroundings,
) -> None:
    """Have a source read from its stored positions on.

    Raises:
        SourceError: It is being read already, or cannot be made.
    """
    options = source.options
    if source.kind == "directory":
        controller.add_directory_source(
            source.path,
            source.pattern or "*.log",
            recursive=options.is_on("recursive"),
            source_id=source.id,
            name=source.name,
            from_start=source.from_start,
            checkpoints=checkpoints,
            options=options,
        )
    elif source.kind in {"file", "replay"}:
        controller.add_file_source(
            source.path,
            source_id=source.id,
            name=source.name,
            from_start=source.from_start,
            checkpoints=checkpoints,
            options=options,
        )
    else:

        def make(known: Sequence[Checkpoint]) -> Source:
            return make_source(source, known, around)

        if source.kind == "mail" and not options.number("max_size"):
            options = SourceOptions({**options.changed, "max_size": MAILS_AT_ONCE})
        controller.add_source(make(checkpoints), source_id=source.id, make=make, options=options)


def check_readable(kind: str, options: SourceOptions) -> None:
    """Find out, before a source is stored, whether its lines can be read as its options say.

    Raises:
        SourceError: The encoding or the pattern cannot be used.
    """
    if kind in FILES:
        ReadStyle.of(options, options.number("partial_after_s")).check()


def check_format(kind: str, path: str, format_name: str) -> None:
    """Find out, before a source is stored, whether its file can be read line by line.

    Raises:
        SourceError: It is to be a series, and is one JSON document.
    """
    if format_name != SERIES or kind != "file":
        return
    try:
        with Path(path).open("rb") as file:
            head = first_lines(file.read(_HEAD_BYTES))
    except (OSError, SourceError):
        return  # said where it is read
    if is_document(head):
        raise SourceError(document_words(Path(path).name))


def make_source(
    source: SourceRow, checkpoints: Sequence[Checkpoint], around: Surroundings
) -> Source:
    """A source of a kind that is no plain file or folder, at its stored positions.

    Raises:
        SourceError: It cannot be made as it is configured.
    """
    if source.kind == "journald":
        return JournalSource(
            source.path,
            source_id=source.id,
            name=source.name,
            from_start=source.from_start,
            checkpoints=checkpoints,
            limits=around.limits,
            clock=around.clock,
        )
    if source.kind == "evtx":
        return EvtxSource(
            source.path,
            source_id=source.id,
            name=source.name,
            recursive=source.options.is_on("recursive"),
            checkpoints=checkpoints,
            limits=around.limits,
            clock=around.clock,
        )
    if source.kind == "mail":
        return _drop_source(source, checkpoints, around)
    producer = _producer(source, around)
    if producer is None:
        return AbsentSource(source)
    spool_mib = source.options.number("spool_mib", around.settings["ingestion.spool_mib"])
    return SpooledSource(
        around.spool_folder / str(source.id),
        producer,
        source_id=source.id,
        name=source.name,
        max_bytes=int(spool_mib) * _MIB,
        checkpoints=checkpoints,
        limits=around.limits,
        clock=around.clock,
    )


def _drop_source(
    source: SourceRow, checkpoints: Sequence[Checkpoint], around: Surroundings
) -> DropSource:
    return DropSource(
        source.path,
        MAIL_COMMAND,
        source_id=source.id,
        name=source.name,
        recursive=source.options.is_on("recursive"),
        checkpoints=checkpoints,
        limits=around.limits,
        clock=around.clock,
        scan_s=source.options.number("poll_interval_s", SCAN_S),
    )


def _producer(source: SourceRow, around: Surroundings) -> Producer | None:
    """What writes for the source; None where another process does."""
    if source.kind == "service":
        return around.producers.get(source.id)
    if source.kind == "activity":
        return ActivityProducer(
            [Path(folder) for folder in split_folders(source.path)],
            recursive=source.options.is_on("recursive"),
            sample_kib=int(source.options.number("sample_kib")),
            clock=around.clock,
        )
    return make_listener(source.kind, source.path, source.options, clock=around.clock)


class AbsentSource:
    """A source that is fed and read by another process: the checking service's."""

    def __init__(self, source: SourceRow) -> None:
        self._status = SourceStatus(
            source.id,
            source.name,
            "waiting",
            "It is read while the checking service runs: soc-copilot serve.",
        )

    def poll(self, max_bytes: int) -> list[RecordChunk]:
        """Nothing."""
        return []

    def committed(self, checkpoint: Checkpoint) -> None:
        """Nothing to let go of."""

    def close(self) -> None:
        """Nothing to give back."""

    def status(self) -> SourceStatus:
        """Who reads it."""
        return self._status
