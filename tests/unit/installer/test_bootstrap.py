"""The set-up program: what it decides, and what it says when it cannot go on."""

import ast
import importlib.util
import re
import socket
import stat
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
BOOTSTRAP = ROOT / "installer" / "bootstrap.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap", BOOTSTRAP)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


bootstrap = load()


def checkout(folder: Path) -> Path:
    """A folder with the files that an installation is made from."""
    (folder / "installer").mkdir(parents=True)
    for name in ("installer/requirements.lock", "installer/requirements-test.lock"):
        (folder / name).write_text("one==1\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    return folder


def test_a_python_that_is_new_enough_passes():
    bootstrap.check_python((3, 11))
    bootstrap.check_python((3, 14))


def test_an_old_python_is_refused_with_the_version_wanted():
    with pytest.raises(bootstrap.SetupError, match=r"This is Python 3\.9, .* needs 3\.11 or newer"):
        bootstrap.check_python((3, 9))


def test_an_old_python_is_told_of_a_newer_one_on_the_machine():
    with pytest.raises(bootstrap.SetupError, match=r"This machine has python3\.13"):
        bootstrap.check_python((3, 9), ["python3.13", "python3.11"])


def test_bootstrap_imports_nothing_but_the_standard_library():
    code = f"import runpy; runpy.run_path({str(BOOTSTRAP)!r}, run_name='bootstrap')"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False)
    assert done.returncode == 0


def test_bootstrap_is_readable_by_pythons_that_it_refuses():
    ast.parse(BOOTSTRAP.read_text(encoding="utf-8"), feature_version=(3, 7))


def test_the_fingerprint_holds_while_nothing_changes(tmp_path):
    root = checkout(tmp_path)
    first = bootstrap.fingerprint(root, "run", (3, 11))
    assert bootstrap.fingerprint(root, "run", (3, 11)) == first


@pytest.mark.parametrize("name", ["installer/requirements.lock", "pyproject.toml"])
def test_the_fingerprint_changes_with_each_file_it_covers(tmp_path, name):
    root = checkout(tmp_path)
    before = bootstrap.fingerprint(root, "run", (3, 11))
    (root / name).write_text("two==2\n")
    assert bootstrap.fingerprint(root, "run", (3, 11)) != before


def test_the_test_lock_concerns_only_the_test_set_up(tmp_path):
    root = checkout(tmp_path)
    run, test = (bootstrap.fingerprint(root, kind, (3, 11)) for kind in ("run", "test"))
    (root / "installer/requirements-test.lock").write_text("two==2\n")
    assert bootstrap.fingerprint(root, "run", (3, 11)) == run
    assert bootstrap.fingerprint(root, "test", (3, 11)) != test


def test_the_fingerprint_changes_with_the_python_and_the_place(tmp_path):
    here, there = checkout(tmp_path / "here"), checkout(tmp_path / "there")
    first = bootstrap.fingerprint(here, "run", (3, 11))
    assert bootstrap.fingerprint(here, "run", (3, 12)) != first
    assert bootstrap.fingerprint(there, "run", (3, 11)) != first


def test_line_ends_of_a_checkout_do_not_change_the_fingerprint(tmp_path):
    root = checkout(tmp_path)
    before = bootstrap.fingerprint(root, "run", (3, 11))
    (root / "pyproject.toml").write_bytes(b"[project]\r\n")
    assert bootstrap.fingerprint(root, "run", (3, 11)) == before


def test_a_stamp_counts_only_when_it_is_the_expected_one(tmp_path):
    assert not bootstrap.is_stamped(tmp_path, "run", "abc")
    (tmp_path / ".set-up-run").write_text("abc")
    assert bootstrap.is_stamped(tmp_path, "run", "abc")
    assert not bootstrap.is_stamped(tmp_path, "run", "abd")
    assert not bootstrap.is_stamped(tmp_path, "test", "abc")


def test_a_stamp_that_is_not_text_counts_as_none(tmp_path):
    (tmp_path / ".set-up-run").write_bytes(b"\xff\x00")
    assert not bootstrap.is_stamped(tmp_path, "run", "abc")


def test_programs_lie_where_each_platform_puts_them(tmp_path):
    assert bootstrap.program(tmp_path, "python", "linux") == tmp_path / "bin" / "python"
    assert bootstrap.program(tmp_path, "python", "darwin") == tmp_path / "bin" / "python"
    assert bootstrap.program(tmp_path, "python", "win32") == tmp_path / "Scripts" / "python.exe"


def test_only_libraries_that_cannot_be_loaded_are_missing():
    wanted = {"libno-such-thing.so.7": "libno-such-thing7"}
    if sys.platform.startswith("linux"):
        wanted["libc.so.6"] = "libc6"
    assert bootstrap.missing_libraries(wanted) == {"libno-such-thing.so.7": "libno-such-thing7"}


def test_a_package_with_two_libraries_is_named_once():
    missing = {"libgthread-2.0.so.0": "libglib2.0-0", "libglib-2.0.so.0": "libglib2.0-0"}
    assert bootstrap.packages_for(missing) == ["libglib2.0-0"]


@pytest.mark.parametrize(
    ("tools", "command"),
    [
        (["apt-get"], "sudo apt-get install libegl1 libxcb-cursor0"),
        (["dnf"], "sudo dnf install 'libEGL.so.1()(64bit)' 'libxcb-cursor.so.0()(64bit)'"),
        ([], "Install the packages of your system that contain them"),
    ],
)
def test_the_message_names_each_library_and_the_command(tools, command):
    missing = {"libxcb-cursor.so.0": "libxcb-cursor0", "libEGL.so.1": "libegl1"}
    message = bootstrap.missing_message(missing, tools)
    assert "libEGL.so.1, libxcb-cursor.so.0" in message
    assert command in message


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays by socket: Linux only")
def test_a_display_that_answers_is_found_and_one_that_does_not_is_not(tmp_path):
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "WAYLAND_DISPLAY": "wayland-7"}
    assert not bootstrap.has_display(environ, "linux")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "wayland-7"))
        server.listen()
        assert bootstrap.has_display(environ, "linux")


@pytest.mark.parametrize("display", ["", ":", "nonsense", ":x", ":98765"])
def test_a_display_variable_that_leads_nowhere_is_no_display(display):
    assert not bootstrap.has_display({"DISPLAY": display}, "linux")


def test_other_platforms_and_a_chosen_qt_platform_have_a_display():
    assert bootstrap.has_display({}, "win32")
    assert bootstrap.has_display({}, "darwin")
    assert bootstrap.has_display({"QT_QPA_PLATFORM": "offscreen"}, "linux")


def test_a_place_that_cannot_be_written_is_named_with_the_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(bootstrap.SetupError, match=r'Cannot write to ".*venv".*--venv DIR'):
        bootstrap.check_writable(tmp_path / "file" / "venv")


@pytest.mark.parametrize(
    ("printed", "cause"),
    [
        ("ERROR: [Errno 28] No space left on device", "disk is full"),
        ("Temporary failure in name resolution", "could not be reached"),
        (
            "NewConnectionError: connection refused\nERROR: No matching distribution found",
            "could not be reached",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build"),
        ("OSError: [Errno 30] Read-only file system", "--venv DIR"),
        ("something nobody thought of", "its message stands above"),
    ],
)
def test_a_failure_of_pip_is_put_into_words(printed, cause):
    assert cause in bootstrap.explain_pip_failure(printed.splitlines())


def stand_in_pip(folder: Path, script: str) -> Path:
    """A virtual environment whose Python is a shell script."""
    python = bootstrap.program(folder, "python")
    python.parent.mkdir()
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return folder


def test_complaints_of_a_pip_that_succeeds_are_not_shown(tmp_path, capfd):
    venv = stand_in_pip(tmp_path, "echo 'WARNING: an index is ignored' >&2")
    bootstrap.run_pip(venv, ["install", "one==1"])
    assert capfd.readouterr() == ("", "")


def test_complaints_of_a_pip_that_fails_are_shown_and_explained(tmp_path, capfd):
    venv = stand_in_pip(tmp_path, "echo 'ERROR: No matching distribution: '$* >&2; exit 1")
    with pytest.raises(bootstrap.SetupError, match="has no build of a pinned package"):
        bootstrap.run_pip(venv, ["install", "one==1"])
    assert "install one==1 --quiet" in capfd.readouterr().err


def test_arguments_that_are_not_ours_go_on_to_the_program(tmp_path):
    options, rest = bootstrap.parse(["test", "--venv", str(tmp_path), "tests/unit", "-q"])
    assert (options.command, options.venv, rest) == ("test", tmp_path, ["tests/unit", "-q"])


def test_a_second_start_does_no_set_up(tmp_path, monkeypatch):
    python = bootstrap.program(tmp_path, "python")
    python.parent.mkdir()
    python.touch()
    stamp = bootstrap.fingerprint(bootstrap.ROOT, "run", sys.version_info[:2])
    (tmp_path / ".set-up-run").write_text(stamp)

    def refuse(*_: object) -> None:
        pytest.fail("pip was run")

    monkeypatch.setattr(bootstrap, "run_pip", refuse)
    bootstrap.set_up(tmp_path, "run")


def test_without_a_display_the_samples_are_watched_in_the_terminal(tmp_path, monkeypatch, capfd):
    if sys.platform == "win32":
        pytest.skip("a shell script stands in for the program")
    program = bootstrap.program(tmp_path, "soc-copilot")
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "ran: $@"\nexit 4\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(bootstrap, "has_display", lambda _environ: False)
    monkeypatch.setattr(bootstrap, "set_up", lambda _venv, _kind: None)
    assert bootstrap.main(["run", "--venv", str(tmp_path)]) == 4
    printed = capfd.readouterr().out
    assert "There is no display here" in printed
    assert "ran: watch" in printed
    assert "--from-start --until-idle 2 --db" in printed


def test_every_line_of_the_locks_is_an_exact_version():
    for names in bootstrap.LOCKS.values():
        for name in names:
            lines = (ROOT / name).read_text().splitlines()
            pins = [line for line in lines if not line.startswith("#")]
            assert pins
            assert all("==" in pin and "+" not in pin for pin in pins)


def test_every_declared_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = project["dependencies"] + project["optional-dependencies"]["test"]
    locked = {
        line.split("==")[0].lower().replace("_", "-")
        for name in bootstrap.LOCKS["test"]
        for line in (ROOT / name).read_text().splitlines()
    }
    for requirement in declared:
        name = requirement.split(">")[0].split("[")[0].split("=")[0].split("!")[0].strip()
        assert name.lower().replace("_", "-") in locked


def test_the_lock_is_closed_no_requirement_is_left_to_chance():
    locked = {
        re.sub(r"[-_.]+", "-", line.split("==")[0]).lower()
        for name in bootstrap.LOCKS["test"]
        for line in (ROOT / name).read_text().splitlines()
        if not line.startswith("#")
    }
    wanted = {
        re.sub(r"[-_.]+", "-", re.split(r"[ ;<>=!~\[(]", requirement)[0]).lower()
        for name in locked
        for requirement in metadata.requires(name) or []
        if ";" not in requirement  # for this platform and Python, without extras
    }
    assert wanted <= locked


def with_tools(root: Path, *leave_out: str) -> Path:
    """A file system with the tests' tools, but those of some packages."""
    for pattern, package in bootstrap.TEST_TOOLS.items():
        if package not in leave_out:
            place = root / pattern.lstrip("/").replace("*", "x86_64-linux-gnu")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return root


def test_tools_of_the_tests_are_found_by_their_files(tmp_path):
    assert bootstrap.missing_tools(with_tools(tmp_path / "all")) == []
    assert bootstrap.missing_tools(with_tools(tmp_path / "some", "rsyslog", "gcc")) == [
        *("gcc", "rsyslog"),
    ]
    assert bootstrap.missing_tools(tmp_path) == sorted(bootstrap.TEST_TOOLS.values())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Debian packages")
def test_missing_tools_are_installed_or_named(monkeypatch, capsys):
    missing = [["logrotate", "rsyslog"], ["rsyslog"]]
    asked = []
    monkeypatch.setattr(bootstrap, "missing_tools", lambda: missing.pop(0))
    monkeypatch.setattr(bootstrap, "apt_install", asked.append)
    bootstrap.provide_test_tools()
    assert asked == [["logrotate", "rsyslog"]]
    said = capsys.readouterr().out
    assert "sudo apt-get install rsyslog\n" in said
    assert "logrotate" not in said


def test_nothing_is_asked_for_where_nothing_is_missing(monkeypatch, capsys):
    monkeypatch.setattr(bootstrap, "missing_tools", list)
    monkeypatch.setattr(bootstrap, "apt_install", lambda packages: pytest.fail("installs"))
    bootstrap.provide_test_tools()
    assert capsys.readouterr().out == ""


def test_only_the_tests_bring_their_tools(monkeypatch, tmp_path):
    called = []
    monkeypatch.setattr(bootstrap, "provide_test_tools", lambda: called.append("tools"))
    monkeypatch.setattr(bootstrap, "provide_libraries", called.append)
    monkeypatch.setattr(bootstrap, "set_up", lambda venv, kind: called.append(f"set up {kind}"))
    monkeypatch.setattr(bootstrap, "become", lambda command: 0)
    monkeypatch.setattr(bootstrap, "has_display", lambda environ: True)
    monkeypatch.setattr(bootstrap.os, "chdir", lambda path: None)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    bootstrap.run(tmp_path, [])
    assert called == ["run", "set up run"]
    called.clear()
    bootstrap.test(tmp_path, [])
    assert called == ["test", "tools", "set up test"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Debian packages")
@pytest.mark.parametrize("is_there", [False, True])
def test_no_service_starts_while_packages_are_installed(tmp_path, is_there):
    policy = tmp_path / "policy-rc.d"
    if is_there:
        policy.write_text("#!/bin/sh\nexit 104\n")
        policy.chmod(0o755)
    script = bootstrap.WITHOUT_SERVICES.replace("/usr/sbin/policy-rc.d", str(policy))
    command = ["sh", "-c", script, "sh", "sh", "-c", f"{policy}; echo $?; exit 3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == ("104\n" if is_there else "101\n")
    assert done.returncode == 3
    assert policy.exists() is is_there
