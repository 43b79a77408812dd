"""`soc-copilot serve`: the local checking service."""

import argparse
import json
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from soc_copilot.cli.common import add_common, print_error
from soc_copilot.cli.watch import stop_on_signals
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.text import render_safe

if TYPE_CHECKING:
    from soc_copilot.service.running import RunningService

_EPILOG = """examples:
  soc-copilot serve
  soc-copilot serve --config service.yaml
  curl -H "Authorization: Bearer $(cat TOKEN_FILE)" -H "Content-Type: application/json" \\
       -d '{"method":"GET","path":"/api/users","query_params":{"id":"123"}}' \\
       http://127.0.0.1:8765/check

The first line says where it listens and which file holds the token. Every request that is
checked is recorded in the governance database, threats become alerts. Ctrl-C or SIGTERM answers
the calls at hand and ends. Exit code: 0, or 2 for an error."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "serve",
        help="answer other programs: is this request an attack?",
        description="Answer other programs over HTTP: is this request an attack? Loopback only, "
        "with a bearer token.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="YAML file; see docs/service.md"
    )
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Serve until asked to stop."""
    from soc_copilot.service.config import ServiceConfig, load_config
    from soc_copilot.service.files import allow_connections
    from soc_copilot.service.running import RunningService, settle_memory, take_turns

    config = load_config(options.config) if options.config is not None else ServiceConfig()
    allow_connections(config.limits.connections + config.phishing.sockets)
    with stop_on_signals() as stop, RunningService(config, options.db) as service:
        settle_memory()
        take_turns()
        _say_ready(service, as_json=options.json)
        _loop(service, stop)
        if not stop.is_set():
            raise SourceError("The service ended by itself; see the log.")
    return 0


def _say_ready(service: "RunningService", *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": service.url, "token_file": str(service.token_path)}), flush=True)
        return
    print(
        f"Checking requests at {service.url}; the token is in "
        f'"{render_safe(str(service.token_path))}". Ctrl-C ends it.',
        flush=True,
    )


def _loop(service: "RunningService", stop: threading.Event) -> None:
    told = ""
    while not stop.is_set() and service.is_running:
        service.run_batch(stop)
        trouble = service.halted or service.trouble
        if trouble != told:
            print_error(trouble or "Going on.")
        told = trouble
