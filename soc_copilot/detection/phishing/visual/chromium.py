"""Where a Chromium lies on this machine, and how it is started so that it reaches nothing."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

_NAMES: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
    "microsoft-edge", "msedge", "brave-browser",
)  # fmt: skip
_PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_BELOW_PROGRAMS: Final = (
    "Google/Chrome/Application/chrome.exe", "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)  # fmt: skip
_END_S: Final = 5.0  # chosen


def find_chromium() -> str | None:
    """The path of a Chromium or a browser made of it, None where there is none."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    places = [Path(place) for place in _PLACES] if sys.platform == "darwin" else []
    for key in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
        if sys.platform == "win32" and (root := os.environ.get(key)):
            places += [Path(root) / below for below in _BELOW_PROGRAMS]
    return next((str(place) for place in places if place.is_file()), None)


def is_root() -> bool:
    """True where Chromium refuses to start in its sandbox because of who runs it."""
    return sys.platform != "win32" and os.geteuid() == 0


def arguments(profile: Path, *, is_sandboxed: bool | None = None) -> list[str]:
    """What every start is told: no window, no network, nothing of the user's, nothing kept.

    Args:
        profile: Empty folder that is removed afterwards.
        is_sandboxed: Chromium's own sandbox; None for wherever it can be had.
    """
    told = [
        "--headless=new",
        f"--user-data-dir={profile}",
        # Names resolve to nothing and every connection goes to a port where nothing listens.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--proxy-server=127.0.0.1:9",
        "--proxy-bypass-list=<-loopback>",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-default-apps",
        "--disable-domain-reliability",
        "--disable-extensions",
        "--disable-sync",
        "--no-first-run",
        "--no-default-browser-check",
        "--no-pings",
        "--metrics-recording-only",
        "--password-store=basic",
        "--use-mock-keychain",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--mute-audio",
        "--disable-features=Translate,MediaRouter,OptimizationHints,WebRtcHideLocalIpsWithMdns",
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    ]
    if not (not is_root() if is_sandboxed is None else is_sandboxed):
        told.append("--no-sandbox")
    return told


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a child and all that it started, where it was given a group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)
