from dataclasses import replace

from soc_copilot.domain.records import Checkpoint
from soc_copilot.ingestion.drop_places import FREE_AFTER_S, Places, Position
from soc_copilot.ingestion.files import Identity

A, B, C = (Identity(7, number) for number in (1, 2, 3))


def read(places, path, identity, now=0.0, size=10):
    """A file is read to its end; its stamp."""
    place = places.take(path, identity, now)
    at = Position(size, 99, size)
    place.spot = replace(place.spot, cursor=at.cursor, offset=place.spot.offset + 100)
    return place, (identity.inode, size, 99)


def test_a_position_survives_as_text():
    assert Position.of(Position(1, 2, 3).cursor) == Position(1, 2, 3)
    for nonsense in ("", "1:2", "a:b:c", "1:2:3:4", "-1:0:0"):
        assert Position.of(nonsense) == Position()


def test_a_file_is_known_under_another_name_and_after_a_restart():
    places = Places(3)
    place, stamp = read(places, "new/1", A)
    assert place.is_read(stamp)
    assert not place.is_read((1, 11, 99))
    again = Places(3, [place.spot])
    assert again.known(A).is_read(stamp)
    assert again.known(B) is None
    assert again.take("cur/1:2,S", A, 0.0).spot.generation == place.spot.generation


def test_each_file_has_a_place_of_its_own():
    places = Places(3)
    numbers = [read(places, path, one)[0].spot.generation for path, one in (("a", A), ("b", B))]
    assert numbers == [1, 2]
    assert len(places) == 2


def test_a_gone_files_place_is_taken_over_after_a_while_and_offsets_go_on():
    places = Places(3)
    place, _ = read(places, "a", A)
    places.look({B}, 7, 10.0)
    other = places.take("b", B, 10.0 + FREE_AFTER_S - 1)
    assert other.spot.generation == 2
    places.look({B, C}, 7, 10.0 + FREE_AFTER_S)
    taken = places.take("c", C, 10.0 + FREE_AFTER_S)
    assert taken.spot.generation == place.spot.generation == 1
    assert (taken.spot.offset, Position.of(taken.spot.cursor)) == (100, Position())
    assert places.known(A) is None


def test_a_file_that_replaced_another_of_its_name_takes_its_place_at_once():
    places = Places(3)
    place, _ = read(places, "a", A)
    places.look({B}, 7, 1.0)
    taken = places.take("a", B, 1.0)
    assert taken.spot.generation == place.spot.generation
    assert Position.of(taken.spot.cursor).end == 10  # whether it says the same is looked at


def test_a_name_that_went_to_another_file_does_not_lead_to_it():
    places = Places(3)
    read(places, "a", A)  # now renamed to "b", and a new "a" is there
    places.look({A, B}, 7, 1.0)
    assert places.take("a", B, 1.0).spot.generation == 2


def test_files_of_a_disk_that_is_away_are_not_gone():
    places = Places(3)
    read(places, "a", A)
    places.look(set(), 8, 0.0)
    places.look(set(), 8, FREE_AFTER_S * 2)
    assert places.take("b", Identity(8, 1), FREE_AFTER_S * 2).spot.generation == 2
    assert places.known(A) is not None


def test_troubles_go_with_their_files():
    places = Places(3, [Checkpoint(3, 1, "a", 0, device=7, inode=1)])
    places.known(A).trouble = ("denied", "No.")
    assert places.troubles() == [("denied", "No.")]
    places.look(set(), 7, 0.0)
    assert places.troubles() == []
