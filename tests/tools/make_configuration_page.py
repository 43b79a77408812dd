"""Writes docs/configuration.md from the tables in the code.

Run from the repository's root: python -m tests.tools.make_configuration_page
"""

from pathlib import Path

from soc_copilot.cli.settings import word
from soc_copilot.cli.sources import CONFIGURABLE, allowed
from soc_copilot.domain.setting import Setting
from soc_copilot.domain.source_options import KIND_TITLES, OPTIONS
from soc_copilot.parsing.registry import FORMAT_NAMES
from soc_copilot.settings import SETTINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"

EXAMPLE = """settings:
  ingestion.batch_interval_s: 0.5
  archive.retention_days: 30
sources:
  - path: /var/log/auth.log        # the kind is told from the path: a file
    format: syslog
    from_start: true
  - kind: directory
    path: /var/log/nginx
    pattern: "*.log"
    options:
      recursive: true
      multiline: off
  - kind: syslog-tls
    address: 127.0.0.1:6514
    name: Branch offices
    options:
      tls_certificate: tls/chain.pem # from this file's folder on
      tls_key: tls/key.pem
  - kind: journald                 # the machine's own journal
    enabled: false
"""

_INTRO = """# Configuration

Every setting and every source can be changed in the window, on the command line, and in a YAML file:

```sh
soc-copilot sources import FILE          # store what the file says
soc-copilot sources export > FILE        # write what is stored
soc-copilot watch --config FILE          # store it, then read its sources
soc-copilot-desk --config FILE           # store it, then open the window
```

The file is applied to the database: the settings that it names are set, the sources that it names are
added or changed, and everything else stays as it is. Each change is kept in the audit trail. A source
that is known already (same path and pattern, or same address) keeps its name and its position. Nothing
is changed when anything in the file is wrong; the message then names the line, the key, what was found
and what is allowed.

```yaml
{example}```

Relative paths start at the file's folder, and `~` is your home. Variables of the environment are not
put in. Values are read as they are written: `off` is a word, not "false".

## Keys of a source

| key | what it is |
|---|---|
| `kind` | {kinds}. May be left out where `path` is given: a folder is a `directory`, a file whose name ends in .evtx is `evtx`, anything else is a `file` |
| `path` | The file or folder; for `activity` several folders may be given, separated as in `PATH`; for `journald` a journal file or folder, or nothing for the machine's own; for `evtx` also `channel:NAME`, a live channel of this Windows; for `mail` a folder |
| `address` | For listeners instead of `path`: an IP address of this machine and a port, such as 127.0.0.1:5514 or [::1]:5514; a port alone means the loopback address |
| `name` | For people; used when the source is added |
| `pattern` | File names to read in a `directory`; `*.log` when left out |
| `format` | {formats}; `auto` (when left out) tells it from the lines |
| `from_start` | `true` also reads what is there when the source is added; used then only. An `evtx` source always begins with the first record, a `mail` source with every file that is there |
| `enabled` | `false` keeps the source on the list without reading it |
| `options` | See below |
"""  # noqa: E501 - rows of a table cannot be broken


def page() -> str:
    """The whole page."""
    kinds = ", ".join(f"`{kind}` ({KIND_TITLES[kind]})" for kind in CONFIGURABLE)
    formats = ", ".join(f"`{name}`" for name in FORMAT_NAMES)
    return "\n".join(
        (
            _INTRO.format(example=EXAMPLE, kinds=kinds, formats=formats),
            "## Options of sources\n",
            "| option | default | allowed | kinds | what it does |\n|---|---|---|---|---|",
            *(
                f"| {_cells(option)} | {_of(kinds_of)} | {option.help} |"
                for option, kinds_of in OPTIONS
            ),
            "\n## Settings\n",
            "| setting | default | allowed | what it does |\n|---|---|---|---|",
            *(f"| {_cells(setting)} | {setting.help}{_late(setting)} |" for setting in SETTINGS),
            "",
        )
    )


def _cells(setting: Setting) -> str:
    unit = f" {setting.unit}" if setting.unit else ""
    default = f"`{word(setting.default)}`{unit}" if word(setting.default) else "none"
    return f"`{setting.key}` | {default} | {allowed(setting)}"


def _of(kinds: frozenset[str]) -> str:
    if kinds >= frozenset(CONFIGURABLE):
        return "all"
    return ", ".join(kind for kind in CONFIGURABLE if kind in kinds)


def _late(setting: Setting) -> str:
    return " Takes effect at the next start of ingestion." if setting.restart else ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
