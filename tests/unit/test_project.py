"""Promises about the code itself: layers, no Qt in the core, no unpickling, a test per module."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "soc_copilot"
MODULES = sorted(p for p in PACKAGE.rglob("*.py") if "migrations" not in p.parts)
CORE = [
    p
    for p in MODULES
    if p.relative_to(PACKAGE).parts[0] not in {"ui", "app.py"} and p.name != "__main__.py"
]


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_imports_point_down() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_core_imports_without_qt() -> None:
    code = "import sys, importlib\n"
    code += "for name in ('PySide6', 'pyqtgraph', 'shiboken6'): sys.modules[name] = None\n"
    code += "".join(f"importlib.import_module({dotted(p)!r})\n" for p in CORE)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_every_module_has_its_test_file(path: Path) -> None:
    relative = path.relative_to(PACKAGE)
    if path.name in {"__init__.py", "__main__.py"}:
        return  # tested through the modules that use them
    name = f"test_{path.stem}"
    if relative.parts[0] in {"ui", "app.py"}:
        # Parts of the window are tested where they are used: a test names the module.
        folder = ROOT / "tests" / "ui"
        found = list(folder.rglob(f"{name}*.py")) or [
            test for test in folder.rglob("test_*.py") if _names(test, dotted(path))
        ]
    else:
        found = list((ROOT / "tests" / "unit" / relative.parent).glob(f"{name}*.py"))
    assert found, f"{relative} has no {name}.py"


def _names(test: Path, module: str) -> bool:
    parent, _, last = module.rpartition(".")
    text = test.read_text(encoding="utf-8")
    return f"from {module} import" in text or f"from {parent} import {last}" in text


EXTENSIONS = ROOT / "soc_copilot" / "detection" / "host" / "formats.py"  # names of files, no more


def test_nothing_is_unpickled() -> None:
    word = re.compile(r"\b(pickle|joblib|cloudpickle|dill|shelve|marshal)\b|torch\.load\(")
    hits = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in MODULES
        for match in word.finditer(path.read_text(encoding="utf-8"))
        if not _in_comment(path, match.start()) and path != EXTENSIONS
    ]
    assert hits == []


def _in_comment(path: Path, at: int) -> bool:
    text = path.read_text(encoding="utf-8")
    line = text[text.rfind("\n", 0, at) + 1 : text.find("\n", at)]
    return line.lstrip().startswith("#")


def test_no_module_is_longer_than_a_person_reads() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in MODULES
        if (lines := path.read_text(encoding="utf-8").count("\n")) > 600
    }
    assert long == {}


def test_lint_and_types_hold() -> None:
    for command in (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy", "--num-workers", "2", "soc_copilot", "installer"],
    ):
        tool = Path(sys.executable).with_name(command[0])
        result = subprocess.run(
            [tool, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-2000:]
