import itertools

import numpy as np

from soc_copilot.detection.phishing.hashing import Gathered, bags, dense, rows_of_words

A = Gathered([(0, 1, "abcd", 2, 3), (1, 2, "\u00e9", 2, 2)], [(1, "w:x")], [1.0, 0.0])
B = Gathered([], [(0, "w:y"), (0, "w:x")], [0.5, 0.25])


def split(samples: list[Gathered]) -> list[list[int]]:
    found = bags(samples, 2, 14)
    ends = found.offsets.tolist()
    return [sorted(found.rows[a:b].tolist()) for a, b in itertools.pairwise(ends)]


def test_every_gram_and_word_is_in_its_bag() -> None:
    assert [len(bag) for bag in split([A, B])] == [5, 2, 2, 0]


def test_a_sample_hashes_alike_whatever_stands_beside_it() -> None:
    assert split([A, B]) == [*split([A]), *split([B])]
    assert split([B, A]) == [*split([B]), *split([A])]


def test_views_and_lengths_are_told_apart() -> None:
    def rows(view: int, text: str, least: int, most: int) -> set[int]:
        return set(bags([Gathered([(0, view, text, least, most)])], 1, 20).rows.tolist())

    assert rows(1, "abc", 2, 2).isdisjoint(rows(2, "abc", 2, 2))
    assert rows(1, "abc", 2, 3) == rows(1, "abc", 2, 2) | rows(1, "abc", 3, 3)
    assert rows(1, "ab", 3, 5) == set()


def test_words_can_be_found_again() -> None:
    found = bags([B], 2, 14).rows.tolist()
    assert rows_of_words(B.words, 14).tolist() == found


def test_rows_fit_the_table() -> None:
    found = bags([A, B], 2, 10)
    assert found.rows.min() >= 0
    assert found.rows.max() < 1 << 10


def test_numbers_are_stacked() -> None:
    assert np.array_equal(dense([A, B]), np.array([[1, 0], [0.5, 0.25]], np.float32))
