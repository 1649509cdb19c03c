"""``python -m tests.tiny_whisper train FOLDER`` makes a model, ``python -m tests.tiny_whisper evaluate`` judges one."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.tiny_whisper import MODEL


def _train(options: argparse.Namespace) -> None:
    # Only this needs torch.
    from tests.tiny_whisper.training import Settings, train

    settings = Settings(options.seed, options.phrases, options.scale, options.threads)
    train(settings, options.folder)


def _evaluate(options: argparse.Namespace) -> None:
    from tests.tiny_whisper.evaluation import evaluate, table

    seeds = range(1, options.lessons + 1)
    rows = evaluate(options.model, seconds=options.seconds, seeds=seeds, phrases=options.phrases)
    sys.stdout.write(table(rows) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tiny_whisper", description=__doc__)
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train and export a model (needs torch)")
    train.add_argument("folder", type=Path, help="where the model is written")
    train.add_argument("--seed", type=int, default=1)
    train.add_argument("--phrases", type=int, default=6000, help="phrases to speak and learn from")
    train.add_argument("--scale", type=float, default=1.0, help="multiplies the number of steps")
    train.add_argument("--threads", type=int, default=2)
    train.set_defaults(run=_train)
    evaluate = commands.add_parser("evaluate", help="print word error rates and time errors on held-out phrases")
    evaluate.add_argument("model", type=Path, nargs="?", default=MODEL)
    evaluate.add_argument("--seconds", type=float, default=90, help="length of each lesson")
    evaluate.add_argument("--lessons", type=int, default=6, help="lessons of each kind of voice")
    evaluate.add_argument("--phrases", type=int, default=60, help="single phrases of each kind of voice")
    evaluate.set_defaults(run=_evaluate)
    return parser


def main(arguments: Sequence[str]) -> None:
    """Run a sub-command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    # faster-whisper tells of every file at this level.
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    options = _parser().parse_args(arguments)
    options.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
