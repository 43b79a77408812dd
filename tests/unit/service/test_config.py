from pathlib import Path

import pytest

from soc_copilot.domain.errors import PolicyError
from soc_copilot.service.config import LISTS, OPTIONS, ServiceConfig, load_config, make_config


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "service.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_no_values_give_the_defaults_of_the_table() -> None:
    found = make_config({})
    assert found == ServiceConfig()
    for option in OPTIONS:
        group, dot, name = option.key.partition(".")
        value = getattr(getattr(found, group), name) if dot else getattr(found, group)
        assert value == option.default, option.key
    assert found.rate_limit.global_per_s == 100
    assert found.inference.batch_size == 32


def test_every_option_can_be_given_in_yaml(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
host: 127.0.0.1
port: 9000
timeout_s: 2.5
budget: 1%
token_file: here.token
allowed_hosts: [desk.example, localhost]
allowed_origins:
  - https://Desk.example/
inference: {batch_size: 8, batch_timeout_ms: 1, max_workers: 2}
rate_limit:
  global_per_s: 0
  per_address_per_s: 7
queue: {size: 5}
limits: {body_kib: 1, batch: 9}
""",
    )
    found = load_config(path)
    assert (found.port, found.timeout_s, found.budget) == (9000, 2.5, "1%")
    assert found.token_file == str(tmp_path / "here.token")
    assert found.allowed_hosts == ("desk.example", "localhost")
    assert found.allowed_origins == ("https://desk.example",)
    assert (found.inference.batch_size, found.inference.max_workers) == (8, 2)
    assert (found.rate_limit.global_per_s, found.queue.size) == (0, 5)
    assert found.most_per_call == 5


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "# nothing\n")) == ServiceConfig()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("host: a\nprot: 1\n", 2, 'no option "prot". Did you mean "port"?'),
        ("port: 70000\n", 1, "at most 65535"),
        ("port: many\n", 1, "whole number"),
        ("timeout_s: .nan\n", 1, "number"),
        ("port: 1\nport: 2\n", 2, "twice"),
        ("workers: 4\n", 1, "one process holds the model, the queue"),
        ("budget: 5%\n", 1, "one of"),
        ("queue: 5\n", 1, 'no option "queue"'),
        ("queue:\n  size: {a: 1}\n", 2, "not keys"),
        ("port: [1]\n", 1, "not a list"),
        ("allowed_hosts: localhost\n", 1, "list"),
        ("allowed_hosts: ['http://localhost']\n", 1, "without scheme"),
        ("- a\n", 1, "keys with values"),
        ("a: b: c\n", 1, "no YAML"),
        ("? [a]\n: b\n", 1, "a key is a word"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(PolicyError) as caught:
        load_config(write(tmp_path, text))
    assert f"service.yaml, line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_or_no_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="Cannot read"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(PolicyError, match="no configuration"):
        load_config(write(tmp_path, "#" * (1024 * 1024 + 1)))


def test_the_page_of_the_service_names_every_option() -> None:
    page = Path(__file__).parents[3] / "docs" / "service.md"
    text = page.read_text(encoding="utf-8")
    assert [o.key for o in OPTIONS if f"| `{o.key}` |" not in text] == []
    assert [key for key in LISTS if f"| `{key}` |" not in text] == []
