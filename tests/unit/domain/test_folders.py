import os

import pytest

from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.folders import join_folders, split_folders


def test_folders_come_apart_as_they_were_put_together() -> None:
    folders = ("/var/www", "/srv/sh are", "/home")
    assert split_folders(join_folders(folders)) == folders
    assert split_folders("") == ()
    assert split_folders(os.pathsep + "/a" + os.pathsep) == ("/a",)


def test_a_folder_that_could_not_come_apart_is_refused() -> None:
    with pytest.raises(SourceError, match="separates"):
        join_folders(["/a", f"/b{os.pathsep}c"])
