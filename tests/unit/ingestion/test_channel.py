"""Live event channels, with a stand-in for Windows' export tool."""

import sys
from pathlib import Path

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.ingestion.channel import ChannelExport

TOOL = """#!{python}
import sys
if "Refused" in sys.argv:
    sys.exit("Access is denied.")
with open(sys.argv[3], "w") as file:
    file.write("|".join(sys.argv[1:]))
"""


@pytest.fixture
def tool(tmp_path):
    path = tmp_path / "wevtutil"
    path.write_text(TOOL.format(python=sys.executable))
    path.chmod(0o755)
    return str(path)


def test_only_channels_are_meant():
    assert ChannelExport.of("/var/log/a.evtx") is None
    assert ChannelExport.of("channel:") is None
    found = ChannelExport.of("channel:Security")
    assert found is not None
    assert found.name == "channel:Security"


@pytest.mark.skipif(sys.platform == "win32", reason="runs a script")
def test_export_asks_for_what_is_new_and_not_too_often(tool):
    export = ChannelExport("A; rm -rf /", tool)
    assert export.refresh(7, 100.0)
    assert export.file.read_text() == "|".join(
        [
            "epl",
            "A; rm -rf /",
            str(export.file),
            "/q:*[System[(EventRecordID>=7)]]",
            "/ow:true",
        ]
    )
    assert not export.refresh(7, 104.0)
    assert export.refresh(7, 105.0)
    folder = Path(export.file).parent
    export.close()
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="runs a script")
def test_refusal_says_what_to_do(tool):
    with pytest.raises(SourceError, match=r"Access is denied.*Event Log Readers"):
        ChannelExport("Refused", tool).refresh(0, 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="there it works")
def test_elsewhere_the_message_says_so():
    with pytest.raises(SourceError, match="exist on Windows only"):
        ChannelExport("Security").refresh(0, 0.0)
