"""Lines are put together to events by rules."""

from soc_copilot.ingestion.multiline import MultilineRule


def test_stack_traces_are_kept_together_unless_told_otherwise():
    assert MultilineRule().mode == "auto"
