"""What an operator can meet and act on. Anything else that surfaces is our fault."""


class SocCopilotError(Exception):
    """Base of every error whose message is written for the operator."""


class SourceError(SocCopilotError):
    """A source of records cannot be read, or cannot be added."""


class ParseError(SocCopilotError):
    """A format is unknown or cannot be told from the lines."""


class DetectorError(SocCopilotError):
    """A detector cannot be loaded or cannot score."""


class StoreError(SocCopilotError):
    """The governance database cannot be opened, read or written."""


class DiskFullError(StoreError):
    """No room is left on the disk; nothing was stored, and nothing half written stays."""


class PositionConflictError(StoreError):
    """Another process has moved a source's position; read it again and start there."""

    def __init__(self, source_id: int, generation: int) -> None:
        super().__init__(
            f"The position of source {source_id}, generation {generation}, was moved by another "
            "process. Only one process may ingest a source at a time; stop the other one."
        )
        self.source_id = source_id
        self.generation = generation


class PolicyError(SocCopilotError):
    """The request is understood but not allowed now."""


class KillSwitchEngagedError(PolicyError):
    """Processing is halted; positions stand still until a person releases the switch."""
