"""What reads files is a source in the protocol's sense."""

from soc_copilot.ingestion.directory import DirectoryWatcher
from soc_copilot.ingestion.source import Source
from soc_copilot.ingestion.tailer import FileTailer


def test_tailers_and_folders_are_sources(tmp_path):
    assert isinstance(FileTailer(tmp_path / "a"), Source)
    assert isinstance(DirectoryWatcher(tmp_path), Source)
