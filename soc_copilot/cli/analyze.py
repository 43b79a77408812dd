"""`soc-copilot analyze`: is this URL, e-mail or text phishing?"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from soc_copilot.cli.common import open_existing, print_json
from soc_copilot.domain.errors import KillSwitchEngagedError, ParseError, SourceError
from soc_copilot.domain.text import render_safe

if TYPE_CHECKING:
    from soc_copilot.domain.phishing import Content, ContentType, PartResult

EXIT_PHISH: Final = 1
_LIKE_NONE: Final = (
    "It looks like none of your brands, and a picture says no more. Give the page's URL or its "
    "HTML as well."
)
_MAX_PICTURE_BYTES: Final = 20 << 20  # as the visual model takes
_MAX_INPUT_BYTES: Final = 16 << 20  # chosen: what is read of standard input


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "analyze",
        help="check a URL, an e-mail or a text for phishing",
        description="Check a URL, an e-mail (.eml, .msg, mbox, maildir, a folder of messages), a "
        "saved page or a short text for phishing. Nothing is fetched, no attachment is opened. A "
        "screenshot of a page is compared with the protected brands of the governance database, "
        "by itself or beside the page's URL or HTML. Exits with 0 when all is benign or "
        "suspicious, 1 when something is phishing, 2 after an error.",
        epilog="Example:\n  soc-copilot analyze suspicious.eml\n"
        "  soc-copilot analyze --screenshot page.png https://bank.example.evil.example/",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "what", metavar="FILE|URL|-", nargs="?", help="what to check; - is standard input"
    )
    parser.add_argument(
        "--screenshot",
        type=Path,
        metavar="FILE",
        help="a picture of the page (PNG, JPEG or WebP), to be compared with your brands",
    )
    parser.add_argument(
        "--db",
        metavar="PATH|URL",
        help="governance database whose brands a screenshot is compared with; by default the one "
        "in your user data folder",
    )
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

    if options.screenshot is not None:
        return _look(options)
    if options.what is None:
        raise SourceError("Give a file, a URL, - for standard input, or --screenshot FILE.")
    parts = analysers()
    kind = cast("ContentType | None", options.type)
    is_phish = False
    for name, raw in _inputs(options.what):
        content = content_of(raw, kind)
        part = next(part for part in parts if part.applies(content))
        result = part.analyse(content)
        prediction = prediction_of(result.score or 0.0)
        is_phish = is_phish or prediction == "phish"
        _tell(options, name, content, result, prediction)
    return EXIT_PHISH if is_phish else 0


def _look(options: argparse.Namespace) -> int:
    """Check a screenshot, and the URL or saved page that it is of."""
    from soc_copilot.detection.phishing.analysers import analysers
    from soc_copilot.detection.phishing.visual.analyser import VisualAnalyser
    from soc_copilot.domain.phishing import prediction_of
    from soc_copilot.governance.database import Governance
    from soc_copilot.phishing.registry import StoredBrands

    with open_existing(options) as governance:
        if (state := governance.kill_switch.state()).engaged:
            raise KillSwitchEngagedError(f"The kill switch is engaged: {state.reason}")
    name, content = _page(options)
    brands = StoredBrands(lambda: Governance.open(options.db, read_only=True))
    parts = [part for part in analysers() if content.raw and part.applies(content)]
    results = [part.analyse(content) for part in (*parts, VisualAnalyser(brands))]
    if (visual := results[-1]).state != "ok":
        raise ParseError(f'Cannot use the screenshot "{options.screenshot}": {visual.detail}')
    said = [one for one in results if one.score is not None]
    if not said:
        _tell_nothing(options, name, visual.detail or _LIKE_NONE)
        return 0
    result = max(said, key=lambda one: one.score or 0.0)
    reasons = sorted((why for one in said for why in one.reasons), key=lambda why: -why.weight)
    result = replace(result, reasons=tuple(reasons), match=visual.match)
    prediction = prediction_of(result.score or 0.0)
    _tell(options, name, content, result, prediction)
    return EXIT_PHISH if prediction == "phish" else 0


def _page(options: argparse.Namespace) -> "tuple[str, Content]":
    """The page that a screenshot is of, as far as it is known, and the screenshot.

    Raises:
        SourceError: The screenshot cannot be read, or what stands beside it is no page.
    """
    from soc_copilot.detection.phishing.contents import content_of
    from soc_copilot.domain.phishing import Content

    path = options.screenshot
    try:
        with path.open("rb") as file:
            picture = file.read(_MAX_PICTURE_BYTES + 1)
    except OSError as error:
        raise SourceError(
            f'Cannot read "{path}": {error.strerror or error}. Check that it is there.'
        ) from error
    if options.what is None:
        return path.name, Content("page", b"", "", None, picture)
    found = list(itertools.islice(_inputs(options.what), 2))
    kind = cast("ContentType | None", options.type)
    content = content_of(found[0][1], kind) if len(found) == 1 else None
    if content is None or content.kind not in {"url", "page"}:
        raise SourceError("A screenshot is of a page: give the page's URL or its HTML beside it.")
    return found[0][0], replace(content, screenshot=picture)


def _tell_nothing(options: argparse.Namespace, name: str, words: str) -> None:
    """A picture that is like none is no proof of a harmless page."""
    if options.json:
        print_json({"name": name, "prediction": None, "detail": words})
    else:
        print(f"{'NOTHING':<10} -      screenshot  {render_safe(name)}\n  {words}")


def _tell(
    options: argparse.Namespace, name: str, content: "Content", result: "PartResult", told: str
) -> None:
    if options.json:
        print_json(_as_json(name, content, result, told))
    else:
        print("\n".join(map(render_safe, _lines(name, content, result, told))))


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
        "brand": result.match.brand if result.match else None,
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
