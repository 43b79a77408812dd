import subprocess
import sys

import pytest

CODE = """
import resource, sys
from soc_copilot.service.files import allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, (300, int(sys.argv[1])))
found = allow_connections(1_000)
print(found, *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize(
    ("hard", "told"), [("2000", "True 1256 2000"), ("1100", "False 1100 1100")]
)
def test_as_much_is_asked_for_as_is_needed_and_allowed(hard: str, told: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", CODE, hard], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == told
