"""Network file systems are told from local ones by the mount that holds a path."""

from soc_copilot.domain.file_systems import file_system_type, is_network


def mounts(tmp_path, *rows):
    path = tmp_path / "mountinfo"
    lines = [f"1 0 0:1 / {point} rw - {kind} dev rw\n" for point, kind in rows]
    path.write_text("".join([*lines, "not a mount line\n"]))
    return path


def test_the_longest_mount_that_holds_the_path_counts(tmp_path):
    log = tmp_path / "logs here"
    log.mkdir()
    shown = str(log).replace(" ", "\\040")
    table = mounts(tmp_path, ("/", "ext4"), (shown, "nfs4"))
    assert file_system_type(log / "a.log", table) == "nfs4"
    assert is_network(log, table)
    assert file_system_type(tmp_path, table) == "ext4"
    assert not is_network(tmp_path / "no" / "such", table)


def test_a_later_mount_at_the_same_place_covers_the_earlier(tmp_path):
    table = mounts(tmp_path, ("/", "nfs"), ("/", "ext4"))
    assert file_system_type(tmp_path, table) == "ext4"


def test_without_a_table_nothing_is_known(tmp_path):
    assert file_system_type(tmp_path, tmp_path / "none") == ""
