import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.service.security import Guard, read_token
from soc_copilot.service.wire import RefusedError
from tests.unit.service.parts import PATIENCE_S, TOKEN

GUARD = Guard(TOKEN, ("localhost", "127.0.0.1", "[::1]"), ("https://desk.example",))


def admit(*headers: tuple[str, str], is_open: bool = False) -> int:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    try:
        GUARD.check(raw, dict(raw), is_open=is_open)
    except RefusedError as error:
        return error.status
    return 200


HOST = ("Host", "localhost:8765")
GOOD = ("Authorization", f"Bearer {TOKEN.decode()}")


def test_the_right_token_and_no_other_is_let_in() -> None:
    assert admit(HOST, GOOD) == 200
    assert admit(HOST) == 401
    assert admit(HOST, is_open=True) == 200
    for wrong in ("", "Bearer ", "Bearer x", TOKEN.decode(), GOOD[1] + "x", GOOD[1][:-1]):
        assert admit(HOST, ("Authorization", wrong)) == 401


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8765", "[::1]:8765", "[::1]"]
)
def test_our_own_names_are_taken(host: str) -> None:
    assert admit(("Host", host), GOOD) == 200
    assert admit(("Host", host), GOOD) == 200  # and again, as remembered


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "localhost.evil.example", "localhost:x", "localhost@evil.example",
     "127.0.0.2", "::1", "[::1", "localhost:80:80", " localhost"],
)  # fmt: skip
def test_other_names_are_not(host: str) -> None:
    assert admit(("Host", host), GOOD) == 421
    assert admit(("Host", host), is_open=True) == 421


def test_no_host_at_all_is_refused() -> None:
    assert admit(GOOD) == 421


def test_only_listed_pages_may_call() -> None:
    assert admit(HOST, GOOD, ("Origin", "https://desk.example")) == 200
    for wrong in ("null", "https://evil.example", "http://desk.example", ""):
        assert admit(HOST, GOOD, ("Origin", wrong)) == 403
        assert admit(HOST, ("Origin", wrong), is_open=True) == 403


def test_a_header_that_decides_stands_once() -> None:
    assert admit(HOST, ("Host", "localhost"), GOOD) == 400
    assert admit(HOST, ("Authorization", "Bearer x"), GOOD) == 400
    assert admit(HOST, GOOD, ("X-A", "1"), ("X-A", "2")) == 200


def test_a_token_is_made_once_for_the_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "service.token"
    token = read_token(path)
    assert len(token) >= 43
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o777 == 0o600
    assert read_token(path) == token
    assert read_token(tmp_path / "other.token") != token


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_token_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "service.token"
    read_token(path)
    path.chmod(0o640)
    with pytest.raises(PolicyError, match="chmod 600"):
        read_token(path)


def test_what_is_no_token_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "service.token"
    for text in ("", "short\n", "with space " * 5, "ü" * 40):
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        with pytest.raises(PolicyError, match="no token"):
            read_token(path)
    with pytest.raises(PolicyError, match="Cannot use"):
        read_token(tmp_path)


def test_starts_at_the_same_time_make_one_token(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "service.token"
    n = 16
    together = threading.Barrier(n)

    def start(_: int) -> bytes:
        together.wait(PATIENCE_S)
        return read_token(path)

    with ThreadPoolExecutor(n) as pool:
        assert len(set(pool.map(start, range(n)))) == 1
    assert list(path.parent.iterdir()) == [path]


def test_a_token_is_never_half_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "service.token"

    def fail(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(PolicyError, match="No space left"):
        read_token(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other rights")
def test_a_token_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "service.token"
    read_token(path)
    own = os.geteuid()
    monkeypatch.setattr("os.geteuid", lambda: own + 1)
    with pytest.raises(PolicyError, match="belongs to another user"):
        read_token(path)
