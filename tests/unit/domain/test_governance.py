from soc_copilot.domain.findings import Severity
from soc_copilot.domain.governance import StoredBatch


def test_worst_is_the_highest_severity_raised() -> None:
    assert StoredBatch(1, 0, (1, 0, 2, 0, 0)).worst is Severity.MEDIUM
    assert StoredBatch(1, 0).worst is None
