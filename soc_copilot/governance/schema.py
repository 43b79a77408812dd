"""Tables of the governance database as typed models.

Times are BIGINT microseconds since 1970 UTC (`..._us`), or nanoseconds where they come from a
read (`..._ns`). Ids of alerts, batches and audit rows are given out by the writer inside its
transaction, so that they have no gaps. A column added after the first schema has a default in the
database, so that older rows have a value.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from soc_copilot.governance.stored_text import StoredText

SCHEMA_HEAD = "v1_4"
"""Newest revision in `migrations/versions`: major and minor; the same major stays readable."""

# SQLite numbers rows by itself only for a column of exactly the type INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")
_ZERO = text("0")


class Base(DeclarativeBase):
    """Base of all models."""


class DatabaseModel(Base):
    """The database's own identity: one row, id 1. Writers lock it where locks are per row."""

    __tablename__ = "database"
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    database_id: Mapped[str] = mapped_column(String(32))
    key_id: Mapped[str] = mapped_column(String(64))  # SHA-256 of the audit key
    created_us: Mapped[int] = mapped_column(BigInteger)
    # Last audit row before the chain was anchored anew; 0 when it never was.
    anchor_seq: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)


class KillSwitchModel(Base):
    """Append-only: the newest row says whether processing is halted."""

    __tablename__ = "kill_switch"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    engaged: Mapped[int] = mapped_column(Integer)  # anything but 0 counts as engaged
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(StoredText)
    surface: Mapped[str] = mapped_column(StoredText)
    reason: Mapped[str] = mapped_column(StoredText)


class AuditModel(Base):
    """Append-only: the audit chain. Text is kept in its stored form, which the MAC covers."""

    __tablename__ = "audit"
    seq: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(Text)
    surface: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    old: Mapped[str | None] = mapped_column(Text)
    new: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    mac: Mapped[str] = mapped_column(Text)


class SourceModel(Base):
    """A configured source; removed ones keep their row."""

    __tablename__ = "source"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(StoredText)
    kind: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(StoredText)
    pattern: Mapped[str] = mapped_column(StoredText)
    format: Mapped[str] = mapped_column(String(64))
    enabled: Mapped[bool] = mapped_column(Boolean)
    from_start: Mapped[bool] = mapped_column(Boolean)
    added_us: Mapped[int] = mapped_column(BigInteger)
    removed_us: Mapped[int | None] = mapped_column(BigInteger)
    options: Mapped[str] = mapped_column(StoredText, server_default=text("'{}'"))  # JSON object


class PositionModel(Base):
    """A checkpoint: up to where a generation of a source is committed."""

    __tablename__ = "position"
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(StoredText)
    offset: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    device: Mapped[str] = mapped_column(String(40))  # decimal: up to 128 bits on some systems
    inode: Mapped[str] = mapped_column(String(40))
    head_hash: Mapped[str] = mapped_column(String(64))
    head_bytes: Mapped[int] = mapped_column(Integer)
    marker_hash: Mapped[str] = mapped_column(String(64))
    marker_bytes: Mapped[int] = mapped_column(Integer)
    finished: Mapped[bool] = mapped_column(Boolean)
    compression: Mapped[str | None] = mapped_column(String(16))
    encoding: Mapped[str] = mapped_column(String(32), server_default=text("''"))
    cursor: Mapped[str] = mapped_column(StoredText, server_default=text("''"))
    began_ns: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class PartialLineModel(Base):
    """A last line that waits for its line end; at most one for each generation."""

    __tablename__ = "partial_line"
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    path: Mapped[str] = mapped_column(StoredText)
    offset: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    text: Mapped[str] = mapped_column(StoredText)
    seen_ns: Mapped[int] = mapped_column(BigInteger)


class SourceEventModel(Base):
    """What happened to a source. The oldest go when there are very many."""

    __tablename__ = "source_event"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"))
    kind: Mapped[str] = mapped_column(String(32))
    message: Mapped[str] = mapped_column(StoredText)
    at_ns: Mapped[int] = mapped_column(BigInteger)
    generation: Mapped[int] = mapped_column(Integer)
    is_loss: Mapped[bool] = mapped_column(Boolean)
    n_lost: Mapped[int | None] = mapped_column(BigInteger)
    start_offset: Mapped[int] = mapped_column(BigInteger)
    end_offset: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_source_event_source", "source_id", "id"),)


class SegmentModel(Base):
    """A file of the event archive; what no row names is no part of the archive."""

    __tablename__ = "segment"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    level: Mapped[int] = mapped_column(Integer)
    n_rows: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
    min_us: Mapped[int] = mapped_column(BigInteger)  # over its shares
    max_us: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (UniqueConstraint("name", name="uq_segment_name"),)


class SegmentShareModel(Base):
    """One source's part of a segment."""

    __tablename__ = "segment_share"
    segment_id: Mapped[int] = mapped_column(ForeignKey("segment.id"), primary_key=True)
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    n_rows: Mapped[int] = mapped_column(BigInteger)
    raw_bytes: Mapped[int] = mapped_column(BigInteger)
    size_bytes: Mapped[int] = mapped_column(BigInteger)  # of the file, by raw bytes
    min_us: Mapped[int] = mapped_column(BigInteger)
    max_us: Mapped[int] = mapped_column(BigInteger)


class LedgerModel(Base):
    """What became of a source's bytes and lines, in total."""

    __tablename__ = "ledger"
    source_id: Mapped[int] = mapped_column(ForeignKey("source.id"), primary_key=True)
    bytes_seen: Mapped[int] = mapped_column(BigInteger)
    bytes_skipped: Mapped[int] = mapped_column(BigInteger)
    lines: Mapped[int] = mapped_column(BigInteger)
    parsed: Mapped[int] = mapped_column(BigInteger)
    unparsed: Mapped[int] = mapped_column(BigInteger)
    too_long: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    alerts: Mapped[int] = mapped_column(BigInteger)
    last_stored_us: Mapped[int | None] = mapped_column(BigInteger)
    stored: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    undecodable: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    lost: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)
    possible_losses: Mapped[int] = mapped_column(BigInteger, server_default=_ZERO)


class BatchModel(Base):
    """One row for each stored batch, never changed. The oldest go when there are very many."""

    __tablename__ = "batch"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    stored_us: Mapped[int] = mapped_column(BigInteger)
    n_events: Mapped[int] = mapped_column(BigInteger)
    n_findings: Mapped[int] = mapped_column(Integer)
    n_raised: Mapped[int] = mapped_column(Integer)
    n_updated: Mapped[int] = mapped_column(Integer)
    stage_s: Mapped[str] = mapped_column(Text)  # JSON object


class DetectorStateModel(Base):
    """What a detector remembers between batches, and how many alerts it raised."""

    __tablename__ = "detector_state"
    detector: Mapped[str] = mapped_column(StoredText, primary_key=True)
    state: Mapped[bytes | None] = mapped_column(LargeBinary)
    alerts: Mapped[int] = mapped_column(BigInteger)
    updated_us: Mapped[int] = mapped_column(BigInteger)


class AlertModel(Base):
    """An alert: findings of one detector, rule, entity and day."""

    __tablename__ = "alert"
    id: Mapped[int] = mapped_column(RowId, primary_key=True, autoincrement=False)
    detector: Mapped[str] = mapped_column(StoredText)
    rule: Mapped[str] = mapped_column(StoredText)
    entity: Mapped[str] = mapped_column(StoredText)
    day: Mapped[int] = mapped_column(Integer)  # proleptic Gregorian ordinal of the UTC day
    entity_type: Mapped[str] = mapped_column(StoredText)
    technique: Mapped[str] = mapped_column(StoredText)
    title: Mapped[str] = mapped_column(StoredText)
    summary: Mapped[str] = mapped_column(StoredText)
    severity: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16))
    is_open: Mapped[int] = mapped_column(Integer)  # 1 unless closed; leads the page index
    disposition: Mapped[str | None] = mapped_column(String(32))
    assignee: Mapped[str | None] = mapped_column(StoredText)
    score: Mapped[float] = mapped_column(Float(53))
    threshold: Mapped[float] = mapped_column(Float(53))
    top_us: Mapped[int] = mapped_column(BigInteger)  # first_seen of the finding that describes it
    count: Mapped[int] = mapped_column(BigInteger)
    first_us: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int] = mapped_column(BigInteger)
    raised_us: Mapped[int] = mapped_column(BigInteger)
    components: Mapped[str] = mapped_column(StoredText)  # JSON list of [name, value, weight]
    next_steps: Mapped[str] = mapped_column(StoredText)  # JSON list of sentences
    model_version: Mapped[str] = mapped_column(StoredText)
    revision: Mapped[int] = mapped_column(BigInteger)  # grows with every write to any alert
    # 1 while a suppression keeps it out of the list; leads the page indexes.
    is_suppressed: Mapped[int] = mapped_column(Integer, server_default=_ZERO)
    suppressed_by: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = (
        # Newest first: over all alerts, over open ones, and over those of one status, those in
        # the list apart from suppressed ones. Severity rides along so that a filter on it is
        # decided inside the index.
        Index("ix_alert_page", "last_us", "id", "severity", "is_suppressed"),
        Index("ix_alert_open_page", "is_open", "is_suppressed", "last_us", "id", "severity"),
        Index("ix_alert_status_page", "status", "is_suppressed", "last_us", "id", "severity"),
        Index(
            "ix_alert_suppressed",
            "suppressed_by",
            "last_us",
            "id",
            sqlite_where=text("suppressed_by IS NOT NULL"),
            postgresql_where=text("suppressed_by IS NOT NULL"),
        ),
        Index("ix_alert_key", "entity", "day", "is_open"),
        Index("ix_alert_first", "first_us", "severity"),
        Index("ix_alert_technique", "technique", "last_us", "id"),
        Index("ix_alert_entity", "entity", "last_us", "id"),
        Index("ix_alert_revision", "revision"),
    )


class SuppressionModel(Base):
    """Alerts that are kept out of the list for a while; ended ones keep their row."""

    __tablename__ = "suppression"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    # What must be the same; null where it does not matter.
    rule: Mapped[str | None] = mapped_column(StoredText)
    entity: Mapped[str | None] = mapped_column(StoredText)
    entity_type: Mapped[str | None] = mapped_column(StoredText)
    detector: Mapped[str | None] = mapped_column(StoredText)
    technique: Mapped[str | None] = mapped_column(StoredText)
    source_id: Mapped[int | None] = mapped_column(BigInteger)
    up_to: Mapped[int] = mapped_column(Integer)  # highest severity that is hidden
    reason: Mapped[str] = mapped_column(StoredText)
    made_from: Mapped[str] = mapped_column(Text)  # JSON list of ids of alerts
    actor: Mapped[str] = mapped_column(StoredText)
    surface: Mapped[str] = mapped_column(StoredText)
    created_us: Mapped[int] = mapped_column(BigInteger)
    expires_us: Mapped[int | None] = mapped_column(BigInteger)  # null: no end
    ended_us: Mapped[int | None] = mapped_column(BigInteger)
    ended: Mapped[str | None] = mapped_column(String(16))
    ended_by: Mapped[str] = mapped_column(StoredText)
    n_alerts: Mapped[int] = mapped_column(BigInteger)
    n_occurrences: Mapped[int] = mapped_column(BigInteger)
    last_us: Mapped[int | None] = mapped_column(BigInteger)  # when it hid something last

    __table_args__ = (Index("ix_suppression_ended", "ended_us", "id"),)


class AlertTallyModel(Base):
    """Numbers of open alerts in the list: one row for each severity, changed with the alerts."""

    __tablename__ = "alert_tally"
    severity: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    n_open: Mapped[int] = mapped_column(BigInteger)
    n_unassigned: Mapped[int] = mapped_column(BigInteger)


class EvidenceModel(Base):
    """A raw line kept with an alert."""

    __tablename__ = "evidence"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    event_id: Mapped[str] = mapped_column(String(80))
    source_id: Mapped[int] = mapped_column(Integer)
    generation: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(StoredText)
    offset: Mapped[int] = mapped_column(BigInteger)
    length: Mapped[int] = mapped_column(BigInteger)
    timestamp_us: Mapped[int] = mapped_column(BigInteger)
    score: Mapped[float] = mapped_column(Float(53))
    highlights: Mapped[str] = mapped_column(Text)  # JSON list of [start, end)
    raw: Mapped[str] = mapped_column(StoredText)

    __table_args__ = (UniqueConstraint("alert_id", "event_id", name="uq_evidence_event"),)


class AlertHistoryModel(Base):
    """Append-only: everything that happened to an alert."""

    __tablename__ = "alert_history"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(StoredText)
    surface: Mapped[str] = mapped_column(StoredText)
    field: Mapped[str] = mapped_column(String(32))
    old: Mapped[str | None] = mapped_column(StoredText)
    new: Mapped[str | None] = mapped_column(StoredText)

    __table_args__ = (Index("ix_alert_history_alert", "alert_id", "id"),)


class NoteModel(Base):
    """Append-only: what people wrote about an alert."""

    __tablename__ = "note"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"))
    at_us: Mapped[int] = mapped_column(BigInteger)
    actor: Mapped[str] = mapped_column(StoredText)
    text: Mapped[str] = mapped_column(StoredText)

    __table_args__ = (Index("ix_note_alert", "alert_id", "id"),)


class BrandModel(Base):
    """A brand that pages are compared with."""

    __tablename__ = "brand"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    name: Mapped[str] = mapped_column(StoredText)
    domains: Mapped[str] = mapped_column(StoredText)  # JSON list
    added_us: Mapped[int] = mapped_column(BigInteger)


class BrandReferenceModel(Base):
    """A picture that a brand is known by."""

    __tablename__ = "brand_reference"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    brand_id: Mapped[int] = mapped_column(ForeignKey("brand.id"))
    png: Mapped[bytes] = mapped_column(LargeBinary)
    embedding: Mapped[bytes] = mapped_column(LargeBinary)  # belongs to one version of the model
    added_ns: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("ix_brand_reference_brand", "brand_id", "id"),)


class SeriesModel(Base):
    """A series whose hours are watched."""

    __tablename__ = "series"
    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    key: Mapped[str] = mapped_column(StoredText, unique=True)
    name: Mapped[str] = mapped_column(StoredText)
    unit: Mapped[str] = mapped_column(StoredText)


class SeriesHourModel(Base):
    """One hour of a series, as it was judged; null where nothing is known."""

    __tablename__ = "series_hour"
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # since 1970, series' clock
    value: Mapped[float | None] = mapped_column(Float)
    forecast: Mapped[float | None] = mapped_column(Float)
    lower: Mapped[float | None] = mapped_column(Float)
    upper: Mapped[float | None] = mapped_column(Float)
    benchmark: Mapped[float | None] = mapped_column(Float)
    score: Mapped[float | None] = mapped_column(Float)
    grade: Mapped[int] = mapped_column(Integer)
    odd: Mapped[int] = mapped_column(Integer)


class SeriesIntervalModel(Base):
    """Hours of a series that were taken for one attack."""

    __tablename__ = "series_interval"
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"), primary_key=True)
    first: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last: Mapped[int] = mapped_column(BigInteger)
    told: Mapped[str] = mapped_column(Text)  # JSON


class SettingModel(Base):
    """A setting that was changed from its default, as JSON."""

    __tablename__ = "setting"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[str] = mapped_column(StoredText)


class UiStateModel(Base):
    """Window geometry and the like; nobody audits it."""

    __tablename__ = "ui_state"
    key: Mapped[str] = mapped_column(String(128), primary_key=True)
    value: Mapped[str] = mapped_column(StoredText)
