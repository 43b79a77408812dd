import io
import socket
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from soc_copilot.detection.phishing.visual.chromium import find_chromium, is_root
from soc_copilot.phishing import rendering
from soc_copilot.phishing.rendering import RenderError, can_render, guarded, render_page

needs_chromium = pytest.mark.skipif(find_chromium() is None, reason="No Chromium is found here.")


def pixel(png: bytes, x: int, y: int) -> tuple[int, ...]:
    found = Image.open(io.BytesIO(png)).convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


@pytest.fixture
def listening():
    """A port that counts who connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        met: list[object] = []

        def take() -> None:
            while True:
                try:
                    met.append(server.accept())
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1], met
        server.shutdown(socket.SHUT_RDWR) if sys.platform == "linux" else None


@needs_chromium
def test_a_hostile_page_is_drawn_and_reaches_nothing(tmp_path: Path, listening) -> None:
    port, met = listening
    secret = tmp_path / "secret.svg"
    secret.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300">'
        '<rect width="300" height="300" fill="#ff0000"/></svg>'
    )
    local, remote = secret.as_uri(), f"http://127.0.0.1:{port}"
    html = (
        f"<!doctype html><html><head><meta http-equiv='refresh' content='0;url={remote}/'>"
        f"<link rel=stylesheet href='{remote}/a.css'><base href='{remote}/'></head>"
        "<body style='margin:0;background:rgb(0,128,0)'>"
        f"<img src='{local}'><iframe src='{local}'></iframe><img src='{remote}/a.png'>"
        f"<script>document.body.style.background='red';fetch('{remote}/s')</script>"
        "</body></html>"
    )
    png = render_page(html.encode(), is_sandboxed=not is_root(), timeout_s=120)
    assert Image.open(io.BytesIO(png)).size == rendering.SIZE
    assert pixel(png, 1200, 700) == (0, 128, 0)
    assert pixel(png, 100, 100)[0] < 255 or pixel(png, 100, 100)[1] > 0  # not the local file's red
    assert met == []


@needs_chromium
def test_a_page_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RenderError, match="not drawn within"):
        render_page(b"<p>Hello", is_sandboxed=False, timeout_s=0.001)


def test_without_a_chromium_a_screenshot_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_chromium", lambda: None)
    assert not can_render()
    with pytest.raises(RenderError, match="screenshot"):
        render_page(b"<p>Hello")


def test_without_a_sandbox_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_chromium", lambda: sys.executable)
    monkeypatch.setattr(rendering, "is_root", lambda: True)
    assert not can_render()
    with pytest.raises(RenderError, match="root"):
        render_page(b"<p>Hello")


def test_a_program_that_draws_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_chromium", lambda: sys.executable)
    with pytest.raises(RenderError, match="did not draw"):
        render_page(b"<p>Hello", is_sandboxed=False)
    monkeypatch.setattr(rendering, "find_chromium", lambda: "/no/such/program")
    with pytest.raises(RenderError, match="cannot be started"):
        render_page(b"<p>Hello", is_sandboxed=False)


def test_a_page_that_is_too_large_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "find_chromium", lambda: sys.executable)
    monkeypatch.setattr(rendering, "MAX_PAGE_BYTES", 10)
    with pytest.raises(RenderError, match="more than"):
        render_page(b"<p>Hello, world", is_sandboxed=False)


@pytest.mark.parametrize("before", [b"", b"<!DOCTYPE html>", b"\n <!doctype html SYSTEM 'x'>"])
def test_the_policy_stands_before_the_page_and_after_its_kind(before: bytes) -> None:
    for mark in (b"", b"\xef\xbb\xbf"):
        found = guarded(mark + before + b"<html><p>A")
        assert found.startswith(mark + before + b"<meta http-equiv")
        assert found.endswith(b"<html><p>A")
    wide = (before.decode() + "<p>\u00e9").encode("utf-16")
    assert guarded(wide).endswith("<p>\u00e9".encode())


def test_a_page_does_not_move_on() -> None:
    found = guarded(b"<meta HTTP-EQUIV = ' Refresh' content='0;url=file:///etc/passwd'>")
    assert b"Refresh" not in found
    assert b"x-refresh" in found
