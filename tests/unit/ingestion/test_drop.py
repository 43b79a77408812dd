"""A drop folder as a source: each message once, whatever happens to the folder or the reader."""

import os
import sys

import pytest

from soc_copilot.ingestion import drop
from soc_copilot.ingestion.drop_places import FREE_AFTER_S
from soc_copilot.ingestion.reader import ReadLimits
from soc_copilot.pipeline import mail_child
from soc_copilot.pipeline.sources import MAIL_COMMAND
from tests.tools.msg_writer import compound_file, message, text
from tests.unit.ingestion.dropping import Dropping, mail

POISONED = """
import os, signal, sys
from soc_copilot.pipeline import mail_child
read = mail_child.parse_email
def poisoned(raw):
    if b"KILL" in raw: os.kill(os.getpid(), signal.SIGKILL)
    return read(raw)
mail_child.parse_email = poisoned
sys.exit(mail_child.main(sys.argv[1:]))
"""
POISONED_COMMAND = (sys.executable, "-P", "-c", POISONED, str(1 << 30))


@pytest.fixture
def opened():
    found = []

    def make(folder, **how):
        found.append(Dropping(folder, **how))
        return found[-1]

    yield make
    for one in found:
        one.source.close()


def test_each_file_is_read_once_also_after_a_restart(tmp_path, opened):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.eml").write_bytes(mail(name))
    read = opened(tmp_path)
    read()
    assert sorted(read.subjects()) == ["a", "b", "c"]
    read.check_places()
    assert read() == []
    assert read.source.status().state == "live"
    assert read.source.status().lag_bytes == 0
    again = opened(tmp_path, checkpoints=read.checkpoints(), command=("/nonexistent",))
    assert again() == []  # nothing was asked
    (tmp_path / "d.eml").write_bytes(mail("d"))
    later = opened(tmp_path, checkpoints=read.checkpoints())
    later()
    assert later.subjects() == ["d"]


def test_restart_goes_on_after_any_chunk(tmp_path, opened):
    for name in "abcd":
        (tmp_path / f"{name}.eml").write_bytes(mail(name))
    box = b"".join(b"From x\n" + mail(f"box {n}") + b"\n" for n in range(7))
    (tmp_path / "box.mbox").write_bytes(box)
    whole = opened(tmp_path, limits=ReadLimits(max_lines=2))
    whole()
    every = sorted(whole.subjects())
    assert len(every) == 11
    whole.check_places()
    for n in range(1, len(whole.chunks)):
        kept = whole.chunks[:n]
        known = {chunk.generation: chunk.checkpoint for chunk in kept}
        again = opened(tmp_path, checkpoints=list(known.values()))
        again()
        again.chunks = kept + again.chunks
        assert sorted(again.subjects()) == every
        again.check_places()


def test_a_file_that_is_being_written_is_not_read_half(tmp_path, opened):
    path = tmp_path / "a.eml"
    read = opened(tmp_path)
    with path.open("wb") as file:
        for piece in (mail("a")[:20], mail("a")[20:]):
            file.write(piece)
            file.flush()
            read.now_s += drop.SCAN_S
            assert read.once() == []
            assert read.source.is_holding
    read()
    assert read.subjects() == ["a"]


def test_a_file_that_changes_while_it_is_read_is_read_when_it_rests(tmp_path, opened):
    path = tmp_path / "a.eml"
    path.write_bytes(mail("a")[:-4])
    read = opened(tmp_path)
    ask = read.source.child.ask

    def late(number, question):
        path.write_bytes(mail("a"))  # after it was found whole, before the child opens it
        read.source.child.ask = ask
        ask(number, question)

    read.source.child.ask = late
    read()
    assert [line["text"] for line in read.lines()] == ["Hello."]


def test_what_is_renamed_into_the_folder_and_maildirs_are_read(tmp_path, opened):
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "tmp" / "1").write_bytes(mail("one"))
    read = opened(tmp_path)
    assert read() == []
    (tmp_path / "tmp" / "1").rename(tmp_path / "new" / "1")
    read()
    (tmp_path / "new" / "1").rename(tmp_path / "cur" / "1:2,S")
    assert read() == []  # somebody looked at it: no new message
    assert read.subjects() == ["one"]


def test_of_a_mailbox_that_grows_what_is_new_is_read(tmp_path, opened):
    box = tmp_path / "box.mbox"
    box.write_bytes(b"From a\n" + mail("one") + b"\nFrom b\n" + mail("two"))
    read = opened(tmp_path)
    read()
    with box.open("ab") as file:
        file.write(b"\nFrom c\n" + mail("three"))
    again = opened(tmp_path, checkpoints=read.checkpoints())
    again()
    assert (read.subjects(), again.subjects()) == (["one", "two"], ["three"])
    again.chunks = read.chunks + again.chunks
    again.check_places()
    box.write_bytes(b"From b\n" + mail("two") + b"\nFrom c\n" + mail("three"))  # one was deleted
    again()
    assert again.subjects() == ["one", "two", "three", "two", "three"]
    assert [kind for kind, _ in again.events()] == ["rewritten"]


def test_a_message_that_changes_is_read_again_and_one_that_is_touched_is_not(tmp_path, opened):
    path = tmp_path / "a.eml"
    path.write_bytes(mail("a"))
    read = opened(tmp_path)
    read()
    os.utime(path, (1, 1))
    (chunk,) = read()
    assert (chunk.n_lines, chunk.events) == (0, ())  # where it stands, nothing else
    with path.open("ab") as file:
        file.write(b"More.")
    read()
    assert read.subjects() == ["a", "a"]
    assert read.events() == [("rewritten", '"a.eml" changed after it was read; it is read again.')]
    path.write_bytes(mail("other"))  # a new message under an old name is no news
    read()
    assert read.subjects() == ["a", "a", "other"]
    assert len(read.events()) == 1


def test_the_same_message_under_the_same_name_is_not_read_again(tmp_path, opened):
    path = tmp_path / "a.eml"
    path.write_bytes(mail("a"))
    read = opened(tmp_path)
    read()
    other = tmp_path / "b.part"
    other.write_bytes(mail("a"))
    other.replace(path)  # restored from a copy, or synchronised
    read()
    assert read.subjects() == ["a"]


def test_places_of_emptied_folders_are_used_again(tmp_path, opened):
    read = opened(tmp_path)
    for n in range(3):
        path = tmp_path / f"{n}.eml"
        path.write_bytes(mail(str(n)))
        read()
        path.unlink()
        read()
        read.now_s += FREE_AFTER_S + 1
    assert read.subjects() == ["0", "1", "2"]
    assert {chunk.generation for chunk in read.chunks} == {1}
    read.check_places()


def test_what_is_no_message_is_told_once_and_stops_nothing(tmp_path, opened):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.msg").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest")
    (tmp_path / "c.eml").write_bytes(mail("c"))
    (tmp_path / "d.msg").write_bytes(compound_file(message({"0037001F": text("d")})))
    read = opened(tmp_path)
    read()
    assert read.subjects() == ["c", "d"]
    assert [kind for kind, _ in read.events()] == ["refused", "refused"]
    assert "save the message as .eml" in read.events()[1][1]
    again = opened(tmp_path, checkpoints=read.checkpoints(), command=("/nonexistent",))
    assert again() == []


def test_a_file_that_may_not_be_read_is_told_and_read_later(tmp_path, opened, monkeypatch):
    (tmp_path / "a.eml").write_bytes(mail("a"))
    (tmp_path / "b.eml").write_bytes(mail("b"))
    open_log = mail_child.open_log

    def refusing(path, *, follow):
        if path.name == "a.eml":
            raise PermissionError(13, "Permission denied")
        return open_log(path, follow=follow)

    read = opened(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(mail_child, "open_log", refusing)
        read()
        assert read.subjects() == ["b"]
        assert read.source.status().state == "denied"
        read.now_s += 60
        read()
    assert [kind for kind, _ in read.events()] == ["denied"]  # told once
    read.now_s += 60
    read()
    assert read.subjects() == ["b", "a"]
    assert read.source.status().state == "live"
    read.check_places()


def test_a_poisoned_message_is_quarantined_and_others_are_read(tmp_path, opened):
    for name, body in (("a", "x"), ("b", "KILL"), ("c", "y")):
        (tmp_path / f"{name}.eml").write_bytes(mail(name, body))
    read = opened(tmp_path, command=POISONED_COMMAND)
    while not read.events():
        read()
        read.now_s += 60
    assert sorted(read.subjects()) == ["a", "c"]
    ((kind, message),) = read.events()
    assert kind == "quarantined"
    assert '"b.eml"' in message
    assert read.chunks[-1].events[0].is_loss
    assert read.source.status().state == "quarantined"
    again = opened(tmp_path, checkpoints=read.checkpoints(), command=("/nonexistent",))
    assert again() == []  # not tried again by the next start
    (tmp_path / "b.eml").write_bytes(mail("b", "mended, and longer"))
    read.now_s += 60
    read()
    assert sorted(read.subjects()) == ["a", "b", "c"]
    assert read.source.status().state == "live"


def test_a_reader_that_cannot_be_started_costs_no_message(tmp_path, opened):
    (tmp_path / "a.eml").write_bytes(mail("a"))
    read = opened(tmp_path, command=("/nonexistent",))
    read.once()
    read.now_s += 10
    read.once()
    assert read.source.status().state == "error"
    assert "cannot be started" in read.source.status().detail
    assert read.source.status().lag_bytes > 0
    read.source.child.command = MAIL_COMMAND
    read.now_s += 10
    read()
    assert read.subjects() == ["a"]
    assert read.source.status().state == "live"


def test_closing_in_the_middle_repeats_nothing(tmp_path, opened):
    for n in range(40):
        (tmp_path / f"{n}.eml").write_bytes(mail(str(n)))
    read = opened(tmp_path, command=MAIL_COMMAND)
    read.once()
    read.now_s += 10
    while not read.chunks:
        read.once(max_bytes=4096)
    read.source.close()
    read()
    assert sorted(read.subjects(), key=int) == [str(n) for n in range(40)]
    read.check_places()


def test_no_more_is_read_than_is_stored(tmp_path, opened, monkeypatch):
    monkeypatch.setattr(drop, "MAX_OUT", 10)
    box = b"".join(b"From x\n" + mail(str(n)) + b"\n" for n in range(100))
    (tmp_path / "box.mbox").write_bytes(box)
    for n in range(100, 120):
        (tmp_path / f"{n}.eml").write_bytes(mail(str(n)))
    read = opened(tmp_path)
    n_committed = 0
    while len(read.subjects()) < 120:
        read.now_s += 10
        got = read.once(max_bytes=4096)
        n_out = len(read.subjects()) - n_committed
        assert n_out <= 10 + 4096 // 100
        if not got and n_out >= 10:
            for checkpoint in read.checkpoints():
                read.source.committed(checkpoint)
            n_committed = len(read.subjects())
    assert len(set(read.subjects())) == 120


def test_names_that_are_no_text(tmp_path, opened):
    name = b"a\xff\n\t.eml" if sys.platform == "linux" else b"a.eml"
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118, PTH123
        file.write(mail("a"))
    read = opened(tmp_path)
    read()
    assert read.subjects() == ["a"]
    read.chunks[0].path.encode()
    again = opened(tmp_path, checkpoints=read.checkpoints(), command=("/nonexistent",))
    assert again() == []


def test_a_missing_folder_is_told(tmp_path, opened):
    read = opened(tmp_path / "nowhere")
    assert read() == []
    assert read.source.status().state == "missing"
    (tmp_path / "nowhere").mkdir()
    read.now_s += 10
    read()
    assert read.source.status().state == "waiting"
