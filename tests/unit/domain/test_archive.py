from soc_copilot.domain.archive import Segment, SourceShare


def test_a_segment_spans_its_sources() -> None:
    segment = Segment(
        "a.parquet", 0, 5, 100, "00", {1: SourceShare(2, 40, 10, 20), 7: SourceShare(3, 60, 5, 15)}
    )
    assert (segment.min_us, segment.max_us, segment.raw_bytes) == (5, 20, 100)
