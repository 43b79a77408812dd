from pathlib import Path

import yaml

from soc_copilot.domain.source_options import BY_KEY as OPTIONS
from soc_copilot.pipeline import config
from soc_copilot.settings import BY_KEY as SETTINGS
from tests.tools.make_configuration_page import EXAMPLE, PAGE, page


def test_the_page_says_what_the_code_does() -> None:
    # When this fails: python -m tests.tools.make_configuration_page
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_setting_option_and_key_is_on_the_page() -> None:
    text = page()
    for key in (*SETTINGS, *OPTIONS, *config._SOURCE):
        assert f"`{key}`" in text


def test_the_example_is_taken(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(EXAMPLE)
    loaded = config.load_config(tmp_path / "c.yaml")
    assert len(loaded.sources) == len(yaml.safe_load(EXAMPLE)["sources"]) == 4
    assert loaded.sources[1].options.text("multiline") == "off"
