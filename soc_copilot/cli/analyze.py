"""`soc-copilot analyze`: is this URL, e-mail or text phishing?"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from soc_copilot.cli.common import print_json
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.text import render_safe

if TYPE_CHECKING:
    from soc_copilot.domain.phishing import Content, ContentType, PartResult

EXIT_PHISH: Final = 1
_MAX_INPUT_BYTES: Final = 16 << 20  # chosen: what is read of standard input


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "analyze",
        help="check a URL, an e-mail or a text for phishing",
        description="Check a URL, an e-mail (.eml, mbox, maildir, a folder of messages), a saved "
        "page or a short text for phishing. Nothing is fetched, no attachment is opened. Exits "
        "with 0 when all is benign or suspicious, 1 when something is phishing, 2 after an error.",
        epilog="Example:\n  soc-copilot analyze suspicious.eml",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", metavar="FILE|URL|-", help="what to check; - is standard input")
    parser.add_argument(
        "--type",
        choices=("url", "email", "text", "page"),
        help="what it is (default: guessed)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from soc_copilot.detection.phishing.analysers import analysers
    from soc_copilot.detection.phishing.contents import content_of
    from soc_copilot.domain.phishing import prediction_of

    parts = analysers()
    kind = cast("ContentType | None", options.type)
    is_phish = False
    for name, raw in _inputs(options.what):
        content = content_of(raw, kind)
        part = next(part for part in parts if part.applies(content))
        result = part.analyse(content)
        prediction = prediction_of(result.score or 0.0)
        is_phish = is_phish or prediction == "phish"
        if options.json:
            print_json(_as_json(name, content, result, prediction))
        else:
            print("\n".join(map(render_safe, _lines(name, content, result, prediction))))
    return EXIT_PHISH if is_phish else 0


def _inputs(what: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of what is to be checked."""
    from soc_copilot.detection.phishing.contents import guess_kind, messages

    if what == "-":
        yield "-", sys.stdin.buffer.read(_MAX_INPUT_BYTES)
        return
    path = Path(what)
    try:
        exists = path.exists()
    except (OSError, ValueError):  # far too long, or no name a file can have
        exists = False
    if exists:
        yield from messages(path)
        return
    if guess_kind(what.encode("utf-8", "replace")) != "url":
        raise SourceError(
            f'There is no file "{what}", and it is no URL. Give a file, a URL, or - for a text.'
        )
    yield what, what.encode("utf-8", "replace")


def _as_json(name: str, content: "Content", result: "PartResult", prediction: str) -> Any:
    from soc_copilot.domain.phishing import ParsedEmail

    mail = content.parsed if isinstance(content.parsed, ParsedEmail) else None
    return {
        "name": name,
        "content_type": content.kind,
        "prediction": prediction,
        "score": round(result.score or 0.0, 6),
        "confidence": round(result.confidence, 6),
        "reasons": [
            {"kind": r.kind, "text": r.text, "start": r.start, "end": r.end} for r in result.reasons
        ],
        "links": [{"text": k.text, "target": k.defanged} for k in mail.links] if mail else [],
        "attachments": [
            {"name": a.name, "type": a.content_type, "bytes": a.size_bytes, "sha256": a.sha256}
            for a in mail.attachments
        ]
        if mail
        else [],
        "notes": list(mail.notes) if mail else [],
    }


def _lines(name: str, content: "Content", result: "PartResult", prediction: str) -> list[str]:
    from soc_copilot.domain.phishing import ParsedEmail, defang

    shown = defang(name) if content.kind == "url" else name
    found = [f"{prediction.upper():<10} {result.score or 0.0:.3f}  {content.kind}  {shown}"]
    found += [f"  {text}" for text in dict.fromkeys(r.text for r in result.reasons)]
    if isinstance(content.parsed, ParsedEmail):
        mail = content.parsed
        found += [f"  link: {link.defanged}" for link in mail.links[:10]]
        found += [f"  attachment: {a.name} ({a.content_type}) {a.sha256}" for a in mail.attachments]
        found += [f"  note: {note}" for note in mail.notes]
    return found
