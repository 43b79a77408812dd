"""`soc-copilot worker`: analyse what other machines put into Redis."""

import argparse
import json
import os

from soc_copilot.cli.common import add_common, open_governance
from soc_copilot.domain.errors import PolicyError

_EPILOG = """examples:
  soc-copilot worker --redis redis://127.0.0.1:6379/0
  SOC_COPILOT_REDIS_URL=rediss://:PASSWORD@redis.example:6379/0 soc-copilot worker

Takes jobs of the phishing pipeline that a service with phishing.redis_url put there, and those
that somebody waits for first. Start as many as there are cores. The kill switch of --db holds it
within a second. A password is better given by the variable: options are seen by everyone on the
machine. Ctrl-C or SIGTERM finishes the job at hand and ends."""
_VARIABLE = "SOC_COPILOT_REDIS_URL"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "worker",
        help="analyse URLs, e-mails and texts for services on other machines (Redis)",
        description="Analyse URLs, e-mails and texts that services put into Redis.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_common(parser)
    parser.add_argument("--redis", metavar="URL", help=f"Redis; by default ${_VARIABLE}")
    parser.set_defaults(func=run)


def run(options: argparse.Namespace) -> int:
    """Work until asked to stop."""
    from soc_copilot.phishing.redis_store import RedisCache, connect

    url = options.redis or os.environ.get(_VARIABLE, "")
    if not url:
        raise PolicyError(f"Which Redis? Give --redis URL, or set {_VARIABLE}.")
    redis = connect(url)
    # What needs RQ, and the models, only after the URL was found good.
    import torch

    from soc_copilot.governance.database import Governance
    from soc_copilot.phishing.engine import Engine
    from soc_copilot.phishing.loading import load_parts
    from soc_copilot.phishing.orchestrator import Orchestrator
    from soc_copilot.phishing.reading import read_content
    from soc_copilot.phishing.registry import StoredBrands
    from soc_copilot.phishing.worker import run_worker
    from soc_copilot.service.switch import SwitchWatch

    torch.set_num_threads(1)  # small models, and as many workers as cores
    with open_governance(options) as governance:
        loaded = load_parts(
            brands=StoredBrands(lambda: Governance.open(options.db, read_only=True))
        )
        engine = Engine(
            Orchestrator(loaded.parts, missing=loaded.missing),
            RedisCache(connect(url)),
            read_content,
        )
        watch = SwitchWatch(governance.kill_switch.state)
        watch.start()
        try:
            run_worker(
                redis, engine, halted=watch.reason, ready=lambda: _say_ready(as_json=options.json)
            )
        finally:
            watch.stop()
            engine.close()
    return 0


def _say_ready(*, as_json: bool) -> None:
    words = "Taking jobs. Ctrl-C ends it."
    print(json.dumps({"state": "ready"}) if as_json else words, flush=True)
