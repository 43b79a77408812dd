"""`soc-copilot train`: make a detector's model from labelled data."""

import argparse
import json
import sys
from pathlib import Path

from soc_copilot.cli.common import add_training
from soc_copilot.cli.load import add_train
from soc_copilot.domain.errors import SourceError
from soc_copilot.domain.paths import bundled


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "train",
        help="train a detector's model",
        description="Train a detector's model from labelled data. Nothing is trained otherwise.",
    )
    kinds = parser.add_subparsers(title="models", metavar="MODEL", required=True)
    web = kinds.add_parser(
        "web",
        help="the web detector",
        description="Train the web detector on every *.jsonl and *.jsonl.gz file of a folder, one "
        'request a line: {"id","label","kind","method","path","query","headers","body"}, '
        'label being "normal" or "attack". About a fifth of the groups of near-duplicates (the '
        "id up to ~) is held out for thresholds and figures. Takes about four minutes on one "
        "processor core for 300,000 requests.",
    )
    source = web.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="DIR", help="labelled requests")
    source.add_argument(
        "--normal",
        type=Path,
        metavar="FILE",
        help="harmless requests of your own site: train nothing, but raise the shipped model's "
        "thresholds until each budget holds on them; make sure that no attack is among them",
    )
    add_training(web, "web")
    web.add_argument("--epochs", type=int, default=3, help="passes over the data (default: 3)")
    web.add_argument(
        "--share", type=float, default=1.0, help="train on this share of the rows, for trials"
    )
    web.add_argument(
        "--synthetic",
        type=int,
        default=40_000,
        metavar="N",
        help="texts of our own making of each label (default: %(default)s)",
    )
    web.add_argument(
        "--cross-sets",
        action="store_true",
        help="also train once without each file, test on it, and put that on the card; four "
        "times as long",
    )
    web.add_argument(
        "--variants",
        action="store_true",
        help="also time the model in 8 and 16 bits and compiled, and put that on the card",
    )
    web.add_argument("--json", action="store_true", help="print the model's card as JSON")
    web.set_defaults(func=_run_web)
    _add_host(kinds)
    _add_phishing(kinds)
    add_train(kinds)


def _add_host(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    host = kinds.add_parser(
        "host",
        help="the host detector",
        description="Train the host detector on folders of recorded file activity: CSV files "
        "(t,event,path,size,entropy4k) named by an index.jsonl with their labels, programs and "
        "families. Every family is left out once; figures, thresholds and the rule that fuses "
        "the parts come from recordings whose families the parts had not seen.",
    )
    host.add_argument(
        "--data", type=Path, nargs="+", required=True, metavar="DIR", help="recordings"
    )
    add_training(host, "host")
    host.add_argument(
        "--folds", type=int, default=5, help="parts that families are dealt into (default: 5)"
    )
    host.add_argument(
        "--variants",
        type=int,
        default=1,
        metavar="N",
        help="varied forms of each recording beside itself (default: %(default)s)",
    )
    host.add_argument("--epochs", type=int, default=6, help="passes over the data (default: 6)")
    host.add_argument(
        "--budget",
        type=float,
        default=0.04,
        metavar="SHARE",
        help="of ordinary recordings that may have an alarm (default: %(default)s)",
    )
    host.add_argument(
        "--no-boosting", action="store_true", help="leave out the boosted trees on windows"
    )
    host.add_argument("--json", action="store_true", help="print the model's card as JSON")
    host.set_defaults(func=_run_host)


def _add_phishing(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    phishing = kinds.add_parser(
        "phishing",
        help="the phishing models for URLs, e-mails and texts",
        description="Train the phishing models on every *.jsonl and *.jsonl.gz file of a folder, "
        'one content a line: {"id","label","content_type","content","source","date"}, label '
        'being "benign", "phish" or "spam", content_type "url", "email" or "text". About a fifth '
        "of the groups (registered domains, subjects, beginnings of texts) is held out. Sets under "
        "non-commercial licences (openphish, phishing_pot) are left out unless asked for. Takes "
        "about three minutes on one processor core for 90,000 rows; URLs alone take one.",
    )
    source = phishing.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, metavar="DIR", help="labelled rows")
    source.add_argument(
        "--visual",
        type=Path,
        metavar="DIR",
        help="train the model for screenshots instead, on pages of made-up brands in this folder; "
        "where it has none they are rendered by a local Chromium without a network, which takes "
        "about fifteen minutes of a processor core, and training an hour",
    )
    phishing.add_argument(
        "--marks",
        type=Path,
        metavar="FILE",
        help="with --visual: also draw logos with these marks, gzipped JSON lines with brand, hex "
        "and svg",
    )
    add_training(phishing, "phishing", "folder to write the models to")
    phishing.add_argument(
        "--only", choices=("url", "email", "text"), nargs="+", help="train these alone"
    )
    phishing.add_argument(
        "--everything",
        action="store_true",
        help="train on sets under non-commercial licences, too: what comes out must not be shipped",
    )
    phishing.add_argument(
        "--cross-sets",
        action="store_true",
        help="write nothing, but measure how models carry over to sources never seen and forward "
        "in time; each is trained anew, about fifteen minutes",
    )
    phishing.add_argument("--json", action="store_true", help="print the cards as JSON")
    phishing.set_defaults(func=_run_phishing)


def _run_visual(options: argparse.Namespace) -> int:
    from soc_copilot.detection.phishing.training.visual.evaluate import table
    from soc_copilot.detection.phishing.training.visual.train import Options, train

    out = options.out / "visual"
    card = train(Options(options.visual, out, options.seed, options.threads, marks=options.marks))
    print(json.dumps(card, ensure_ascii=False) if options.json else table(card["figures"]["test"]))
    if not options.json:
        print(f"Written to {out}")
    return 0


def _run_phishing(options: argparse.Namespace) -> int:
    if options.visual is not None:
        return _run_visual(options)
    from soc_copilot.detection.phishing.training.data import KINDS, read_all
    from soc_copilot.detection.phishing.training.evaluate import table
    from soc_copilot.detection.phishing.training.train import Options, train
    from soc_copilot.detection.web.training.data import data_files

    kinds = tuple(options.only or KINDS)
    if options.cross_sets:
        from soc_copilot.detection.phishing.training.crossing import experiments

        found = experiments(read_all(data_files(options.data)), kinds, options.seed)
        if options.json:
            print(json.dumps(found))
            return 0
        print(
            table({f"{name} | {k}": f for name, parts in found.items() for k, f in parts.items()})
        )
        return 0
    shipped = bundled("models") / "phishing"
    if options.everything and options.out.resolve() == shipped.resolve():
        raise SourceError("Give --out DIR: what is trained on everything must not be shipped.")
    cards = train(
        Options(
            data=options.data,
            out=options.out,
            seed=options.seed,
            kinds=kinds,
            threads=options.threads,
            everything=options.everything,
        )
    )
    print(json.dumps(cards, ensure_ascii=False) if options.json else f"Written to {options.out}")
    return 0


def _run_host(options: argparse.Namespace) -> int:
    from soc_copilot.detection.host.training.evaluate import table
    from soc_copilot.detection.host.training.train import Options, train

    card = train(
        Options(
            data=options.data,
            out=options.out,
            seed=options.seed,
            n_folds=options.folds,
            n_variants=options.variants,
            epochs=options.epochs,
            budget=options.budget,
            threads=options.threads,
            has_boosting=not options.no_boosting,
        )
    )
    print(json.dumps(card, ensure_ascii=False) if options.json else table(card))
    if not options.json:
        print(f"Written to {options.out}")
    return 0


def _run_web(options: argparse.Namespace) -> int:
    if options.normal:
        return _adapt_web(options)
    from soc_copilot.detection.web.training.evaluate import table
    from soc_copilot.detection.web.training.metrics import Figures
    from soc_copilot.detection.web.training.train import Options, train

    card = train(
        Options(
            data=options.data,
            out=options.out,
            seed=options.seed,
            epochs=options.epochs,
            threads=options.threads,
            share=options.share,
            n_synthetic=options.synthetic,
            cross_sets=options.cross_sets,
            variants=options.variants,
        )
    )
    if options.json:
        print(json.dumps(card, ensure_ascii=False))
        return 0
    print(table({name: Figures(**found) for name, found in card["figures"].items()}))
    print(f"Thresholds: {card['thresholds']}", f"Written to {options.out}", sep="\n")
    sys.stdout.flush()
    return 0


def _adapt_web(options: argparse.Namespace) -> int:
    from soc_copilot.detection.web.training.adapt import adapt

    shipped = bundled("models") / "web"
    if options.out.resolve() == shipped.resolve():
        raise SourceError("Give --out DIR: the shipped model is left as it is.")
    card = adapt(shipped, options.normal, options.out)
    said = card["adapted"]
    print(json.dumps(card, ensure_ascii=False) if options.json else f"Thresholds: {said}")
    if not options.json:
        print(f"Written to {options.out}")
    return 0
