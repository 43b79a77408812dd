import sys
import time

import pytest

import soc_copilot
from soc_copilot.ingestion import asking
from soc_copilot.ingestion.asking import AskedChild, Line

SCRIPT = """
import json, os, signal, sys, time
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    what = asked["what"]
    if what == "die": os.kill(os.getpid(), signal.SIGKILL)
    if what == "hang": time.sleep(600)
    if what == "flood":
        while True: sys.stdout.write("x" * 65536)
    print(f"R\\t{asked['n']}\\t{what}")
    print(f"E\\t{asked['n']}\\tdone", flush=True)
"""
PATIENCE_S = 60.0


@pytest.fixture
def child():
    found = AskedChild((sys.executable, "-c", SCRIPT))
    yield found
    found.close()


def hear(child, n_lines=0):
    """Lines until so many came, or until the child is gone."""
    end = time.monotonic() + PATIENCE_S
    lines = []
    while len(lines) < n_lines or not n_lines:
        more, failure = child.hear(1 << 20, time.monotonic())
        lines += more
        if failure is not None:
            return lines, failure
        assert time.monotonic() < end
        time.sleep(0.002)
    return lines, None


def test_questions_are_answered_in_order(child):
    for number in (1, 2, 3):
        child.ask(number, {"what": f"w{number}"})
    assert child.n_asked == 3
    lines, _ = hear(child, 6)
    assert lines[:2] == [Line(1, "R", b"w1"), Line(1, "E", b"done")]
    assert [line.number for line in lines] == [1, 1, 2, 2, 3, 3]
    assert (child.n_asked, child.n_starts) == (0, 1)


@pytest.mark.parametrize(
    ("what", "words"), [("die", "signal 9"), ("flood", "without end"), ("hang", "held its reader")]
)
def test_the_question_it_was_at_is_blamed_and_the_others_are_left(child, what, words):
    child.quiet_s = 2.0 if what == "hang" else PATIENCE_S
    asking_s, asking.START_S = asking.START_S, PATIENCE_S
    try:
        for number, one in enumerate(("fine", what, "fine"), 1):
            child.ask(number, {"what": one})
        lines, failure = hear(child)
    finally:
        asking.START_S = asking_s
    assert [line.number for line in lines] == [1, 1]
    assert (failure.number, failure.left) == (2, (2, 3))
    assert words in failure.why
    assert not child.is_running
    child.ask(4, {"what": "again"})
    assert hear(child, 2)[0][0] == Line(4, "R", b"again")


def test_one_that_does_not_even_start_blames_no_question():
    child = AskedChild((sys.executable, "-c", "raise SystemExit(3)"))
    child.ask(1, {})
    _, failure = hear(child)
    assert (failure.number, failure.left) == (0, (1,))
    assert "status 3" in failure.why
    with pytest.raises(OSError, match="No such file"):
        AskedChild(("/nonexistent",)).ask(1, {})


def test_asking_never_fills_the_pipe(child):
    asked = 0
    while child.can_ask:
        asked += 1
        child.ask(asked, {"what": "x" * 1000})
    assert 1 < asked < asking.MAX_ASKED
    hear(child, 2 * asked)
    assert child.can_ask


def test_an_idle_child_is_let_go_and_started_when_it_is_needed(child):
    child.ask(1, {"what": "a"})
    hear(child, 2)
    child.hear(1, time.monotonic() + asking.IDLE_S + 1)
    assert not child.is_running
    assert child.hear(1, 0.0) == ([], None)
    child.ask(2, {"what": "b"})
    hear(child, 2)
    assert child.n_starts == 2


def test_one_that_answered_much_is_replaced(child, monkeypatch):
    monkeypatch.setattr(asking, "_MAX_QUESTIONS", 2)
    for number in (1, 2):
        child.ask(number, {"what": "a"})
    assert not child.can_ask
    hear(child, 4)
    child.hear(1, 0.0)
    assert (child.is_running, child.can_ask) == (False, True)
    child.ask(3, {"what": "b"})
    assert hear(child, 2)[0][0] == Line(3, "R", b"b")


def test_closing_gives_back_what_is_not_answered(child):
    child.ask(1, {"what": "hang"})
    child.ask(2, {"what": "b"})
    assert child.close() == [1, 2]
    assert child.close() == []


def test_it_runs_this_very_program():
    script = (
        "import soc_copilot, sys\nprint('ready')\nfor line in sys.stdin:\n"
        " print('R\\t1\\t' + soc_copilot.__file__)\n print('E\\t1\\t', flush=True)"
    )
    child = AskedChild((sys.executable, "-P", "-c", script))
    child.ask(1, {})
    lines, _ = hear(child, 2)
    assert lines[0].rest.decode() == soc_copilot.__file__
    child.close()
