from soc_copilot.domain.paths import bundled


def test_bundled_folders_are_there() -> None:
    for kind in ("resources", "models", "data"):
        assert bundled(kind).is_dir()
    assert (bundled("resources") / "attack.json").is_file()
