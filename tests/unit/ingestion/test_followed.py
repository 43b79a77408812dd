"""Events ride on the chunk that moves the position they belong to."""

from soc_copilot.domain.clock import SYSTEM_CLOCK
from soc_copilot.ingestion.files import HandlePool, Identity, open_log
from soc_copilot.ingestion.followed import Followed
from soc_copilot.ingestion.generations import Generations
from soc_copilot.ingestion.openings import Openings
from soc_copilot.ingestion.reader import ReadLimits, ReadStyle


def begin(folder, data):
    path = folder / "app.log"
    path.write_bytes(data)
    followed = Followed(
        path, 1, Generations(1), HandlePool(), ReadLimits(), ReadStyle(multiline=None),
        SYSTEM_CLOCK, follow=True, is_shared=False,
    )  # fmt: skip
    fd = open_log(path)
    reader = Openings(followed).reader_for(fd, path)
    followed.keep(reader, fd)
    return followed, reader


def kinds(followed):
    return [[event.kind for event in chunk.events] for chunk in followed.out]


def test_an_event_waits_for_the_next_chunk_or_joins_the_last(tmp_path):
    followed, reader = begin(tmp_path, b"one\n")
    followed.say_with("rotated", "It was rotated.", reader)
    followed.say("note", "Something.", reader)
    followed.hand_out(reader.read(followed.handle(reader), 1 << 20))
    assert kinds(followed) == [["rotated"], ["note"]]
    assert followed.generations.messages == ["It was rotated.", "Something."]
    assert followed.n_read_bytes == 4
    followed.handles.close()


def test_a_last_line_without_its_end_is_taken_and_told(tmp_path):
    followed, reader = begin(tmp_path, b"one\nhalf")
    fd = followed.handle(reader)
    followed.hand_out(reader.read(fd, 1 << 20))
    followed.finish(reader, fd)
    assert [kind for kind in kinds(followed) if kind] == [["unterminated"]]
    assert kinds(followed)[:2] == [[], []]  # not on what was handed out before
    assert b"".join(chunk.data for chunk in followed.out) == b"one\nhalf\n"
    assert len(followed.handles) == 0


def test_a_file_is_found_again_under_another_name(tmp_path):
    followed, reader = begin(tmp_path, b"one\n")
    followed.handles.close()
    followed.path.rename(tmp_path / "moved.log")
    followed.path.write_bytes(b"another\n")
    fd = followed.handle(reader)
    assert Identity.of((tmp_path / "moved.log").stat()) == reader.identity
    assert followed.handles.get(reader.generation) == fd
    followed.handles.close()


def test_what_is_gone_is_told_as_a_possible_loss(tmp_path):
    followed, reader = begin(tmp_path, b"one\n")
    followed.lose(reader)
    event = followed.out[-1].events[0]
    assert (event.kind, event.is_loss, event.generation) == ("lost", True, reader.generation)
    assert followed.out[-1].checkpoint.finished
    assert not followed.generations.is_read(reader.generation)
