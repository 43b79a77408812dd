from soc_copilot.domain.errors import PositionConflictError, SocCopilotError, StoreError


def test_a_conflict_names_the_source_and_the_way_out() -> None:
    error = PositionConflictError(3, 2)
    assert isinstance(error, StoreError)
    assert isinstance(error, SocCopilotError)
    assert (error.source_id, error.generation) == (3, 2)
    assert "source 3" in str(error)
    assert "stop the other one" in str(error)
