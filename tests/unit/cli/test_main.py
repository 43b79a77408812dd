import subprocess
import sys
from pathlib import Path

import pytest

from soc_copilot.cli import _GROUPS, main


@pytest.mark.parametrize("name", _GROUPS)
def test_each_command_is_understood_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["-v", name, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: soc-copilot {name} ")


@pytest.mark.parametrize("words", [["--help"], ["-v", "-h", "audit"], []])
def test_the_help_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == (0 if words else 2)
    named = {line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert set(_GROUPS) <= named


def test_an_unknown_command_is_refused_with_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["alarms"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert all(name in said for name in ("alarms", *_GROUPS))


def test_a_small_command_does_not_wait_for_what_it_does_not_need(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom soc_copilot.cli import main\n"
        f"main(['killswitch', 'status', '--db', {str(tmp_path / 'g.db')!r}])\n"
        "print([name for name in ('torch', 'soc_copilot.pipeline.session') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
