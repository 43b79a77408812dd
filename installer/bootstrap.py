"""Set SOC Copilot up with nothing but Python, then open its window or run its tests.

    python3 installer/bootstrap.py run     set up what is missing, open the window
    python3 installer/bootstrap.py test    the same with the test extras, then every test

Standard library only, and readable by Python 3.7 on, so that an old Python gets a sentence
instead of a syntax error. Everything lands in `.venv` beside this folder (or `--venv DIR`); a
stamp in there makes the second start as quick as the program itself.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import ctypes
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

MIN_PYTHON = (3, 11)
NEWEST_PYTHON_MINOR = 14  # the newest that every pinned package has a wheel for
ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "run": ("installer/requirements.lock",),
    "test": ("installer/requirements.lock", "installer/requirements-test.lock"),
}
DISPLAY_TIMEOUT_S = 2.0  # chosen: a display that answers slower is of no use
COMPILE = """
from soc_copilot.detection import host, web
from soc_copilot.detection.web.request import Request
host.create({}).start("cpu")
detector = web.create({})
detector.start("cpu")
detector.score_requests([Request(path="/", query="q=1'+union+select+password+from+users--")])
"""
# Tests on two cores, each file's on one of them: measured, two thirds of the time.
SIDE_BY_SIDE = ("-n", "2", "--dist", "loadfile")
KEPT_LINES = 200  # of what pip complains about, to tell the cause from

# Shared library -> Debian and Ubuntu package: what `ldd` names for PySide6-Essentials 6.11
# beyond the C and C++ runtime. These are needed to load QtWidgets at all, offscreen too.
BASE_LIBRARIES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon.so.0": "libxkbcommon0",
}
# What the X11 platform plugin needs besides.
WINDOW_LIBRARIES = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
# What some tests run beside SOC Copilot -> Debian and Ubuntu package: real writers of logs, a
# compiler and a database server. A pattern that no file matches means that it is missing.
TEST_TOOLS = {
    "/usr/bin/cc": "gcc",
    "/usr/include/stdio.h": "libc6-dev",
    "/usr/sbin/logrotate": "logrotate",
    "/usr/sbin/nginx": "nginx-light",
    "/usr/lib/postgresql/*/bin/postgres": "postgresql",
    "/usr/bin/redis-server": "redis-server",
    "/usr/sbin/rsyslogd": "rsyslog",
    "/usr/lib/*/rsyslog/lmnsd_gtls.so": "rsyslog-gnutls",
}
# Debian asks this program whether a package may start its service: 101 is no. It is there only
# while we install, and one that is there already is obeyed.
WITHOUT_SERVICES = r"""
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy"
fi
"$@"
"""


class SetupError(Exception):
    """Set-up cannot go on; the message says why and what to do."""


def say(text: str) -> None:
    """Print one line at once, so that it stands before what a child process prints."""
    print(text, flush=True)


def check_python(version: Sequence[int], found: Iterable[str] = ()) -> None:
    """Refuse a Python that is too old, and name a newer one when the machine has it.

    Args:
        version: Such as `sys.version_info`.
        found: Names of newer Pythons on this machine, best first.

    Raises:
        SetupError: `version` is below `MIN_PYTHON`.
    """
    if tuple(version[:2]) >= MIN_PYTHON:
        return
    newer = next(iter(found), None)
    way_out = (
        f"This machine has {newer}: run the same command with it."
        if newer
        else "Install one from python.org or your system's packages, then run the command with it."
    )
    raise SetupError(
        f"This is Python {version[0]}.{version[1]}, and SOC Copilot needs "
        f"{MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer. {way_out}"
    )


def newer_pythons() -> list[str]:
    """Names of the Pythons on this machine that are new enough, newest first."""
    minors = range(NEWEST_PYTHON_MINOR, MIN_PYTHON[1] - 1, -1)
    names = [f"python{MIN_PYTHON[0]}.{minor}" for minor in minors]
    return [name for name in names if shutil.which(name)]


def fingerprint(root: Path, kind: str, version: Sequence[int]) -> str:
    """What an installation was made from: the locks, pyproject, the Python, and the place.

    Args:
        root: The checkout; an installation points into it, so moving it needs a new one.
        kind: "run" or "test".
        version: Such as `sys.version_info`.
    """
    digest = hashlib.sha256(f"{root}\n{version[0]}.{version[1]}\n".encode())
    for name in (*LOCKS[kind], "pyproject.toml"):
        content = (root / name).read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def is_stamped(venv: Path, kind: str, expected: str) -> bool:
    """True when this very set-up ended well in `venv` before."""
    try:
        return (venv / f".set-up-{kind}").read_text(encoding="ascii").strip() == expected
    except (OSError, ValueError):
        return False


def program(venv: Path, name: str, platform: str = sys.platform) -> Path:
    """Where a virtual environment keeps a program."""
    if platform == "win32":
        return venv / "Scripts" / f"{name}.exe"
    return venv / "bin" / name


def missing_libraries(wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the shared libraries that this machine cannot load, with their packages."""
    missing = {}
    for library, package in wanted.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing[library] = package
    return missing


def packages_for(missing: Mapping[str, str]) -> list[str]:
    """Debian packages for missing libraries, each once, sorted."""
    return sorted(set(missing.values()))


def missing_message(missing: Mapping[str, str], tools: Iterable[str]) -> str:
    """Which of Qt's libraries are missing, and the command that brings them.

    Args:
        missing: Shared library -> Debian package.
        tools: Package tools this machine has, such as "apt-get" or "dnf".
    """
    names = ", ".join(sorted(missing))
    if "apt-get" in tools:
        command = f"sudo apt-get install {' '.join(packages_for(missing))}"
        return (
            f"Qt needs system libraries that are missing: {names}. Install them with:\n  {command}"
        )
    if "dnf" in tools:
        wanted = " ".join(f"'{name}()(64bit)'" for name in sorted(missing))
        return (
            f"Qt needs system libraries that are missing: {names}. "
            f"Install them with:\n  sudo dnf install {wanted}"
        )
    return (
        f"Qt needs system libraries that are missing: {names}. Install the packages of your "
        "system that contain them, then run this command again."
    )


def administrator_prefix() -> list[str] | None:
    """How to run a command as administrator without asking; None when that is not possible."""
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") is None:
        return None
    asked = subprocess.run(
        ["sudo", "-n", "true"],  # noqa: S607 - wherever the system keeps sudo
        check=False,
        capture_output=True,
    )
    return ["sudo", "-n"] if asked.returncode == 0 else None


def apt_install(packages: Sequence[str]) -> bool:
    """Install Debian packages where that is allowed; False when it is not, or fails."""
    if shutil.which("apt-get") is None:
        return False
    prefix = administrator_prefix()
    if prefix is None:
        return False
    say(f"Installing system packages: {' '.join(packages)}")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    quietly = ["sh", "-c", WITHOUT_SERVICES, "sh", *quiet]
    install = [*prefix, *quietly, "install", "--yes", "--no-install-recommends", *packages]

    def succeeds(command: Sequence[str]) -> bool:
        # apt's talk goes unseen: what matters is whether the libraries load afterwards.
        done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - our words
        return done.returncode == 0

    return succeeds(install) or (succeeds([*prefix, *quiet, "update"]) and succeeds(install))


def provide_libraries(kind: str) -> None:
    """Bring the shared libraries that Qt needs on Linux.

    Args:
        kind: "run" needs those of a window; "test" can do with those of the offscreen platform.

    Raises:
        SetupError: Some are missing and may not be installed from here.
    """
    if not sys.platform.startswith("linux"):
        return
    missing = missing_libraries({**BASE_LIBRARIES, **WINDOW_LIBRARIES})
    if not missing:
        return
    apt_install(packages_for(missing))
    missing = missing_libraries({**BASE_LIBRARIES, **WINDOW_LIBRARIES})
    needed = missing if kind == "run" else {k: v for k, v in missing.items() if k in BASE_LIBRARIES}
    tools = [tool for tool in ("apt-get", "dnf") if shutil.which(tool)]
    if needed:
        raise SetupError(missing_message(needed, tools))
    if missing:
        say(missing_message(missing, tools))
        say("The tests need no window and go on without them.")


def missing_tools(root: Path = Path("/")) -> list[str]:
    """Debian packages of what some tests run beside SOC Copilot and this machine lacks, sorted."""
    found = ((any(root.glob(name.lstrip("/"))), package) for name, package in TEST_TOOLS.items())
    return sorted(package for is_there, package in found if not is_there)


def provide_test_tools() -> None:
    """Bring what some tests run beside SOC Copilot, as far as that is allowed here.

    Without them the tests that need them fail and name the package.
    """
    if not sys.platform.startswith("linux"):
        return
    missing = missing_tools()
    if not missing:
        return
    apt_install(missing)
    missing = missing_tools()
    if missing:
        say(
            "Some tests need programs that are missing here and will fail: "
            f"{', '.join(missing)}. Install them with:\n  sudo apt-get install {' '.join(missing)}"
        )


def has_display(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """True when a window can be opened: a Wayland or X11 display that answers.

    Windows and macOS always have one; so has anyone who chose Qt's platform on purpose.
    """
    if not platform.startswith("linux") or environ.get("QT_QPA_PLATFORM"):
        return True
    wayland = environ.get("WAYLAND_DISPLAY")
    if wayland:
        place = os.path.join(environ.get("XDG_RUNTIME_DIR", ""), wayland)  # noqa: PTH118 - may be absolute
        if _answers(socket.AF_UNIX, place):
            return True
    display = environ.get("DISPLAY", "")
    host, colon, rest = display.rpartition(":")
    number = rest.split(".")[0]
    if not colon or not number.isdigit():
        return False
    if host in ("", "unix"):
        place = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where X11 keeps it
        return _answers(socket.AF_UNIX, place) or _answers(socket.AF_UNIX, f"\0{place}")
    return _answers(socket.AF_INET, (host, 6000 + int(number)))  # X11 over TCP: port 6000 + n


def _answers(family: int, address: str | tuple[str, int]) -> bool:
    with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(DISPLAY_TIMEOUT_S)
        probe.connect(address)
        return True
    return False


def check_writable(venv: Path) -> None:
    """Make sure that the virtual environment can be written.

    Raises:
        SetupError: It cannot.
    """
    try:
        venv.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=str(venv)):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise SetupError(
            f'Cannot write to "{venv}": {reason}. Choose another place for the virtual '
            "environment with --venv DIR, or copy this folder to one of your own."
        ) from error


def make_venv(venv: Path) -> None:
    """Make the virtual environment, or make it anew where it does not fit this Python.

    Raises:
        SetupError: Python came without the venv module, or making it failed.
    """
    python = program(venv, "python")
    if python.exists() and _venv_version(python) == tuple(sys.version_info[:2]):
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        if not apt_install([package]):
            raise SetupError(
                "This Python came without its venv module. Install it (on Debian and Ubuntu: "
                f"sudo apt-get install {package}), then run this command again."
            )
    say(f"Making a virtual environment in {venv}")
    made = subprocess.run(  # noqa: S603 - this Python, our words
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode != 0:
        raise SetupError(f"Python could not make the virtual environment:\n{made.stderr.strip()}")


def _venv_version(python: Path) -> tuple[int, ...] | None:
    code = "import sys, pip; print(*sys.version_info[:2])"
    try:
        asked = subprocess.run(  # noqa: S603 - the environment's own Python
            [str(python), "-c", code], check=False, capture_output=True, text=True
        )
        return tuple(int(word) for word in asked.stdout.split()) or None
    except (OSError, ValueError):
        return None


def explain_pip_failure(lines: Iterable[str]) -> str:
    """One sentence on why pip failed, from what it printed."""
    text = "\n".join(lines).lower()
    signs = (
        (
            ("no space left",),
            "The disk is full. The dependencies need about 2 GB.",
        ),
        (
            ("permission denied", "read-only file system"),
            "A folder could not be written. Choose another place with --venv DIR.",
        ),
        (
            ("name resolution", "connection", "timed out", "unreachable", "proxy", "ssl"),
            "The package index could not be reached. Check the network (or pip's index and proxy "
            "settings), then run this command again; what was downloaded is kept.",
        ),
        (
            ("no matching distribution", "could not find a version"),
            "The package index has no build of a pinned package for this Python and platform; "
            "pip's message above names it.",
        ),
    )
    for words, sentence in signs:
        if any(word in text for word in words):
            return sentence
    return "pip could not install the dependencies; its message stands above."


def run_pip(venv: Path, arguments: Sequence[str]) -> None:
    """Run pip in the virtual environment.

    On a terminal its progress and its complaints are passed through; elsewhere the complaints
    are shown only when it fails.

    Raises:
        SetupError: It failed; the message says why as far as pip's words tell.
    """
    on_terminal = sys.stdout.isatty()
    command = [str(program(venv, "python")), "-m", "pip", "--disable-pip-version-check", *arguments]
    kept: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
    with subprocess.Popen(  # noqa: S603 - the environment's own pip, our words
        command if on_terminal else [*command, "--quiet"],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stderr or ():
            kept.append(line)
            if on_terminal:
                sys.stderr.write(line)
    if process.returncode != 0:
        if not on_terminal:
            sys.stderr.writelines(kept)
        raise SetupError(explain_pip_failure(kept))


def compile_loops(venv: Path) -> None:
    """Have the detectors' loops compiled now, so that nobody need wait for them at first use.

    Without it they are compiled at that use, so a failure here only costs time there.
    """
    say("Compiling the loops of the detectors; about a minute, once.")
    subprocess.run(  # noqa: S603 - the environment's own Python, our words
        [str(program(venv, "python")), "-c", COMPILE],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def set_up(venv: Path, kind: str) -> None:
    """Bring the virtual environment to what the locks say; at once when it is there already.

    Raises:
        SetupError: Something is missing that cannot be brought from here.
    """
    expected = fingerprint(ROOT, kind, sys.version_info[:2])
    if program(venv, "python").exists() and is_stamped(venv, kind, expected):
        return
    began = time.monotonic()
    check_writable(venv)
    make_venv(venv)
    say("Installing pinned dependencies; the first time takes a few minutes.")
    locks = [word for name in LOCKS[kind] for word in ("--requirement", str(ROOT / name))]
    run_pip(venv, ["install", *locks])
    # The build backend is pinned in the lock too, so nothing unpinned is fetched to build with.
    run_pip(venv, ["install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    compile_loops(venv)
    for done in ("run", "test") if kind == "test" else ("run",):
        stamp = fingerprint(ROOT, done, sys.version_info[:2])
        (venv / f".set-up-{done}").write_text(stamp, encoding="ascii")
    say(f"Set up in {time.monotonic() - began:.0f} s.")


def become(command: Sequence[str]) -> int:
    """Run a program in the foreground and return its exit status; replaces us where it can."""
    if os.name == "posix":
        os.execv(command[0], list(command))  # noqa: S606 - no shell on purpose
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own program


def watch_samples(venv: Path) -> int:
    """Do in the terminal what the window would do first: watch the bundled samples once."""
    samples = sorted(str(path) for path in (ROOT / "data" / "sample").glob("*.log"))
    with tempfile.TemporaryDirectory(prefix="soc-copilot-") as folder:
        database = str(Path(folder) / "governance.db")
        options = ["--from-start", "--until-idle", "2", "--db", database]
        done = subprocess.run(  # noqa: S603 - our own program
            [str(program(venv, "soc-copilot")), "watch", *samples, *options], check=False
        )
    return done.returncode


def run(venv: Path, arguments: Sequence[str]) -> int:
    """Set up and open the window; without a display, watch the samples in the terminal.

    Raises:
        SetupError: Set-up cannot go on.
    """
    windowed = has_display(os.environ)
    if windowed:
        provide_libraries("run")
    set_up(venv, "run")
    if windowed:
        return become([str(program(venv, "soc-copilot-desk")), *arguments])
    say(
        "There is no display here (neither WAYLAND_DISPLAY nor DISPLAY leads to one), so no "
        "window can open.\nThe same work in the terminal: watching the bundled samples, with a "
        "database that is deleted afterwards.\n"
    )
    status = watch_samples(venv)
    say(f"\nYour own logs: {program(venv, 'soc-copilot')} watch PATH... (--help says more)")
    return status


def test(venv: Path, arguments: Sequence[str]) -> int:
    """Set up with the test extras and run every test, offscreen.

    Raises:
        SetupError: Set-up cannot go on.
    """
    provide_libraries("test")
    provide_test_tools()
    set_up(venv, "test")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.chdir(ROOT)
    return become([str(program(venv, "python")), "-m", "pytest", *SIDE_BY_SIDE, *arguments])


def parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """The command line, and what is left of it for the window or pytest."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Set SOC Copilot up with nothing but Python, then open it or test it.",
        epilog="Further arguments go to the program that is started.",
    )
    parser.add_argument(
        "command", choices=("run", "test"), help="open the window, or run the tests"
    )
    parser.add_argument(
        "--venv",
        type=Path,
        default=ROOT / ".venv",
        metavar="DIR",
        help="where the virtual environment lies (default: .venv beside this folder)",
    )
    return parser.parse_known_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; the exit status is that of the program started."""
    try:
        check_python(sys.version_info[:2], newer_pythons())
        options, rest = parse(arguments)
        venv = options.venv.resolve()
        return run(venv, rest) if options.command == "run" else test(venv, rest)
    except SetupError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nbootstrap: interrupted. Run the same command again to go on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
