import io
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from PIL import Image

from soc_copilot.detection.phishing.visual.chromium import find_chromium, is_root
from soc_copilot.phishing import rendering
from soc_copilot.phishing.rendering import RenderError, can_render, guarded, render_page

ROOT = Path(__file__).resolve().parents[3]
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


def hostile(secret: Path, port: int) -> bytes:
    """A page that would move on, load from the network and this machine, and run a script."""
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
    return html.encode()


def reached_nothing(png: bytes, met: list[object]) -> None:
    """It was drawn, and neither the script, the network nor the local file came into it."""
    assert Image.open(io.BytesIO(png)).size == rendering.SIZE
    assert pixel(png, 1200, 700) == (0, 128, 0)
    assert pixel(png, 100, 100)[0] < 255 or pixel(png, 100, 100)[1] > 0  # not the local file's red
    assert met == []


@needs_chromium
def test_a_hostile_page_is_drawn_and_reaches_nothing(tmp_path: Path, listening) -> None:
    port, met = listening
    html = hostile(tmp_path / "secret.svg", port)
    reached_nothing(render_page(html, is_sandboxed=not is_root(), timeout_s=120), met)


# Rights are given up once all is imported: a user without any may not read where Python lies.
WITHOUT_RIGHTS = """
import os, subprocess, sys
from soc_copilot.detection.phishing.visual.chromium import arguments, find_chromium
from soc_copilot.phishing.rendering import can_render, render_page
html = sys.stdin.buffer.read()
if os.geteuid() == 0:
    import pwd
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(*[nobody.pw_gid] * 3)
    os.setresuid(*[nobody.pw_uid] * 3)
assert 0 not in os.getresuid()
assert can_render()
if html:
    sys.stdout.buffer.write(render_page(html, timeout_s=120))
else:
    sys.exit(subprocess.run([find_chromium(), "--headless=new", "--dump-dom", "about:blank"],
                            stdout=subprocess.DEVNULL).returncode)
"""


def without_rights(html: bytes, home: Path) -> "subprocess.CompletedProcess[bytes]":
    """What a user without rights makes of a page; of an empty one, whether Chromium runs at all."""
    env = {**os.environ, "HOME": str(home), "TMPDIR": str(home)}
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_RIGHTS], input=html, capture_output=True, cwd=ROOT, env=env,
        timeout=240, check=False,
    )  # fmt: skip


@needs_chromium
@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="Rights are given up otherwise there.")
def test_a_user_without_rights_draws_a_hostile_page_within_the_sandbox(listening) -> None:
    port, met = listening
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o777)  # so that nothing but the page's policy keeps it from the file there
        if b"No usable sandbox" in without_rights(b"", home).stderr:
            pytest.skip("This machine lets no user have Chromium's sandbox.")
        html = hostile(home / "secret.svg", port)
        drawn = without_rights(html, home)
        left = [path.name for path in home.iterdir() if path.name.startswith("soc-copilot")]
    assert drawn.returncode == 0, drawn.stderr.decode()
    reached_nothing(drawn.stdout, met)
    assert left == []


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


def test_a_program_that_draws_nothing_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "find_chromium", lambda: sys.executable)
    with pytest.raises(RenderError, match="did not draw"):
        render_page(b"<p>Hello", is_sandboxed=False)
    told = tmp_path / "chromium"
    told.write_text("#!/bin/sh\necho '[1:1:0101/FATAL] No usable sandbox! If you' >&2\nexit 1\n")
    told.chmod(0o755)
    if sys.platform != "win32":
        monkeypatch.setattr(rendering, "find_chromium", lambda: str(told))
        with pytest.raises(RenderError, match="does not let Chromium have its sandbox"):
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
