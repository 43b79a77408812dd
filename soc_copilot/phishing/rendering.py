"""Makes a screenshot of a saved page, where this machine has a Chromium; nothing is fetched.

The page is hostile. It is drawn by a child process that has no network (names resolve to nothing,
connections go to a port where nothing listens), runs no script and loads nothing (a policy put
before the page allows pictures and styles within it alone), has a profile of its own that is
removed, and is killed with all that it started when it takes too long.
"""

import codecs
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from soc_copilot.detection.phishing.visual.chromium import (
    arguments,
    end_group,
    find_chromium,
    is_root,
)
from soc_copilot.domain.errors import SocCopilotError

MAX_PAGE_BYTES: Final = 10 * 1024 * 1024  # chosen: a saved page with its pictures in it
MAX_PICTURE_BYTES: Final = 20 * 1024 * 1024  # as `pictures.MAX_BYTES`
TIMEOUT_S: Final = 20.0  # chosen: a first start of Chromium on a busy machine takes seconds
SIZE: Final = (1280, 800)  # CSS pixels, as most references are taken

MAX_LOG_BYTES: Final = 64 * 1024  # chosen: of what Chromium says, from its beginning
_NO_SANDBOX: Final = b"No usable sandbox"  # source: Chromium's own words, before it gives up
_POLICY: Final = (
    b'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
    b"style-src 'unsafe-inline' data:; font-src data:; form-action 'none'; base-uri 'none'\">"
)
_BEGIN: Final = re.compile(rb"\s*(?:<!doctype[^>]{0,200}>)?", re.IGNORECASE)
_MOVES_ON: Final = re.compile(rb"http-equiv\s*=\s*[\"']?\s*refresh", re.IGNORECASE)


class RenderError(SocCopilotError):
    """A page could not be drawn; a screenshot of it can be handed over instead."""


def can_render() -> bool:
    """True where a Chromium is found that runs in its sandbox."""
    return find_chromium() is not None and not is_root()


def render_page(html: bytes, *, timeout_s: float = TIMEOUT_S, is_sandboxed: bool = True) -> bytes:
    """A screenshot of a saved page's top.

    Args:
        html: The page.
        timeout_s: Until the child is killed.
        is_sandboxed: Within Chromium's own sandbox; only tests go without.

    Returns:
        A PNG of `SIZE` pixels.

    Raises:
        RenderError: There is no Chromium, or it did not draw the page; the message says what to do.

    Thread:
        Any but the window's: it waits for the child.
    """
    program = find_chromium()
    if program is None:
        raise RenderError(
            "The page cannot be drawn: no Chromium is found on this machine. Hand over a "
            "screenshot of it instead."
        )
    if is_sandboxed and is_root():
        raise RenderError(
            "The page is not drawn: Chromium has no sandbox for the user root. Run the program as "
            "another user, or hand over a screenshot."
        )
    if len(html) > MAX_PAGE_BYTES:
        raise RenderError(
            f"The page has more than {MAX_PAGE_BYTES // 1024**2} MB and is not drawn. Hand over a "
            "screenshot of it instead."
        )
    with tempfile.TemporaryDirectory(prefix="soc-copilot-page-", ignore_cleanup_errors=True) as at:
        return _draw(program, Path(at), html, timeout_s, is_sandboxed)


def guarded(html: bytes) -> bytes:
    """The page with a policy before it that lets it load nothing and run nothing."""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if html.startswith(mark):
            html = codecs.BOM_UTF8 + html.decode(name, "replace").encode()
    mark = codecs.BOM_UTF8 if html.startswith(codecs.BOM_UTF8) else b""
    html = html.removeprefix(mark)
    found = _BEGIN.match(html)
    end = found.end() if found else 0
    return mark + html[:end] + _POLICY + _MOVES_ON.sub(b"http-equiv=x-refresh", html[end:])


def _draw(program: str, folder: Path, html: bytes, timeout_s: float, is_sandboxed: bool) -> bytes:
    page, picture = folder / "page.html", folder / "page.png"
    page.write_bytes(guarded(html))
    (folder / "profile").mkdir()
    command = [
        program,
        *arguments(folder / "profile", is_sandboxed=is_sandboxed),
        f"--window-size={SIZE[0]},{SIZE[1]}",
        f"--screenshot={picture}",
        page.as_uri(),
    ]
    log = folder / "log.txt"
    try:
        with log.open("wb") as told:
            process = subprocess.Popen(  # noqa: S603 - our own arguments
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=told,
                start_new_session=True,
            )
    except OSError as error:
        raise RenderError(
            f"Chromium cannot be started ({error.strerror}). Hand over a screenshot of the page."
        ) from error
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired as error:
        raise RenderError(
            f"The page was not drawn within {timeout_s:g} s. Hand over a screenshot of it instead."
        ) from error
    finally:
        end_group(process)
    if not picture.is_file() or not 0 < picture.stat().st_size <= MAX_PICTURE_BYTES:
        raise RenderError(_why_not(log))
    return picture.read_bytes()


def _why_not(log: Path) -> str:
    """Why nothing was drawn, for people, as far as Chromium says it."""
    with log.open("rb") as file:
        told = file.read(MAX_LOG_BYTES)
    if _NO_SANDBOX in told:
        return (
            "The page is not drawn: this machine does not let Chromium have its sandbox (user "
            "namespaces are off). Hand over a screenshot of it instead."
        )
    return "Chromium did not draw the page. Hand over a screenshot of it instead."
