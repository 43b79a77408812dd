import threading

import numpy as np
import pytest

from soc_copilot.detection.load.series import from_rows
from soc_copilot.detection.load.simulator import DataStreamSimulator
from soc_copilot.domain.errors import SourceError

HOUR = 3600


@pytest.fixture
def series():
    """Hours 0, 1, 1 again, 4 and 5: one doubled, two missing."""
    return from_rows("a", [0, HOUR, HOUR, 4 * HOUR, 5 * HOUR], np.arange(1.0, 6.0))


def test_rows_come_in_order_and_the_end_is_clean(series):
    replay = DataStreamSimulator(series)
    assert (replay.get_progress(), replay.get_current_time()) == (0.0, None)
    rows = list(replay.stream())
    assert [row.value for row in rows] == [1, 2, 3, 4, 5]
    assert [row.slot for row in rows] == [0, 1, 1, 4, 5]
    assert [row.n_missing for row in rows] == [0, 0, 0, 2, 0]
    assert [row.is_repeated for row in rows] == [False, False, True, False, False]
    assert replay.get_next_hour() is None
    assert replay.get_progress() == 1.0
    assert replay.get_current_time().hour == 5


def test_the_speed_says_how_long_it_waits(series):
    waited = []
    replay = DataStreamSimulator(series, speed=1000.0, sleep=waited.append)
    list(replay.stream())
    assert sum(waited) == pytest.approx(5 * 3.6)  # five hours of the axis, whatever is missing
    assert max(waited) <= 0.2
    waited.clear()
    replay.seek(0)
    replay.speed = 0
    list(replay.stream())
    assert waited == []


@pytest.mark.parametrize("speed", [0.5, 1001, -1, float("nan")])
def test_speeds_out_of_range(series, speed):
    with pytest.raises(SourceError, match="A replay runs"):
        DataStreamSimulator(series, speed=speed)


def test_seek_and_start(series):
    replay = DataStreamSimulator(series, start_index=3)
    assert replay.get_next_hour().value == 4
    replay.seek(1)
    assert replay.get_next_hour().value == 2
    replay.seek(len(replay))
    assert replay.get_next_hour() is None
    for index in (-1, 6):
        with pytest.raises(SourceError, match="no row"):
            replay.seek(index)


def test_a_seek_while_it_waits_takes_effect_at_once(series):
    def sleep(_):
        if replay.get_progress() < 0.5:
            replay.seek(4)

    replay = DataStreamSimulator(series, speed=1.0, sleep=sleep)
    stream = replay.stream()
    assert next(stream).value == 1
    replay.speed = 1000.0
    assert next(stream).value == 5


def test_pause_and_stop_from_another_thread(series):
    replay = DataStreamSimulator(series)
    stream = replay.stream()
    assert next(stream).value == 1
    replay.pause()
    assert replay.is_paused
    seen = []
    reader = threading.Thread(target=lambda: seen.extend(stream))
    reader.start()
    reader.join(0.05)
    assert reader.is_alive()
    assert seen == []
    replay.resume()
    reader.join(10)
    assert [row.value for row in seen] == [2, 3, 4, 5]
    replay.seek(0)
    replay.pause()
    replay.stop()
    assert list(replay.stream()) == []
