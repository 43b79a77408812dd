import numpy as np

from soc_copilot.detection.host import tables as t


def key(number):
    return np.uint64(number)


def test_a_full_bucket_forgets_what_was_not_seen_for_longest():
    files = t.empty_files(8)
    for n in range(8):
        t.new_file(files, key(8 * n + 1), float(n), 0, key(0), 0)
    files.seen[t.look(files.key, key(1))] = 100.0
    t.new_file(files, key(1_001), 50.0, t.WAS_THERE, key(7), 2)
    assert t.look(files.key, key(1)) >= 0
    assert t.look(files.key, key(9)) < 0
    at = t.look(files.key, key(1_001))
    assert files.flags[at] == t.WAS_THERE
    assert np.isnan(files.size[at])


def test_funnels_count_different_extensions():
    streams = t.empty_streams(1)
    for old in (1, 2, 2, 3):
        t.add_funnel(streams, 0, key(99), key(old), 10.0)
    t.add_funnel(streams, 0, key(98), key(1), 10.0)
    assert t.widest_funnel(streams, 0, 20.0) == 3
    assert t.widest_funnel(streams, 0, 20.0 + t.BREADTH_S) == 0


def test_a_note_counts_once_in_each_folder_that_follows_another():
    streams = t.empty_streams(1)
    for folder in (1, 1, 2, 3):
        t.add_note(streams, 0, key(5), 900.0, key(folder), 1.0)
    t.add_note(streams, 0, key(5), 901.0, key(4), 1.0)
    assert t.most_notes(streams, 0, 1.0) == 3


def test_harm_is_counted_in_every_span_and_with_its_place():
    streams = t.empty_streams(2)
    t.add_harm(streams, 1, t.WIPED, 1.0, key(4), key(5), 3.0)
    assert streams.counts[1, [t.WIPED, t.HARM, t.HARM_FAST, t.HARM_SLOW]].tolist() == [1.0] * 4
    assert t.n_since(streams.folders_at[1], 0.0) == 1
    assert not streams.counts[0].any()


def test_actors_are_new_once():
    streams = t.empty_streams(1)
    assert [t.novelty(streams, 0, key(k)) for k in (0, 3, 3, 4, 3)] == [0.0, 1.0, 0.5, 1.0, 1 / 3]


def test_extensions_met_are_known():
    streams = t.empty_streams(1)
    t.met(streams, 0, key(0), 1.0)
    t.met(streams, 0, key(6), 1.0)
    assert t.is_known(streams, 0, key(6))
    assert not t.is_known(streams, 0, key(7))
