import numpy as np
import polars as pl
import pytest

from soc_copilot.detection.protocol import AbsentDetector, no_opinion
from soc_copilot.domain.errors import DetectorError
from soc_copilot.domain.events import EventBatch


def test_no_opinion_is_nan_for_every_event():
    answer = no_opinion("x", 3)
    assert answer.scores.dtype == np.float32
    assert np.isnan(answer.scores).all()
    assert len(answer.scores) == 3


def test_an_absent_detector_says_why_and_has_no_opinion():
    absent = AbsentDetector("x", "X", "It is not here.", disabled=False)
    with pytest.raises(DetectorError, match="not here"):
        absent.start("cpu")
    absent.restore(b"anything")
    assert len(absent.detect(EventBatch(1, pl.DataFrame({"a": [1, 2]}))).scores) == 2
    absent.commit()
    absent.rollback()
    absent.close()
