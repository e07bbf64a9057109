"""rnnet_make_splits: test patients and cross-validation folds of a data set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_make_splits",
        "Write splits_final.json: cross-validation folds, grouped by patient and stratified by outcome and centre, and "
        "if asked for a test set; print the outcomes and centres of each part. Raw data stays as it is. "
        "Run it before rnnet_plan_and_preprocess, which otherwise makes the folds itself.",
        "rnnet_make_splits -d 1 -k 5 --test_share 0.2",
    )
    parser.add_argument("-d", dest="dataset", required=True, metavar="ID", help="data set, by number or full name")
    parser.add_argument(
        "-k", dest="n_folds", type=int, metavar="FOLDS",
        help="number of folds (default: 5, or the number of patients of the rarer outcome if that is lower)",
    )
    parser.add_argument(
        "--test_share", type=float, metavar="SHARE",
        help="hold out patients with this share of the labelled lesions that cases.csv leaves for training; 0 holds "
        "out nobody beside cases.csv (default: who is held out stays held out)",
    )
    parser.add_argument(
        "--more_test", action="store_true", help="with --test_share: although cases.csv holds patients out already"
    )
    parser.add_argument(
        "--leave_one_center_out", action="store_true", help="one fold per centre, which validates it, instead of -k"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: %(default)s")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace the folds, and list what was made with the old ones"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    from rnnet.dataset.split_balance import balance_table
    from rnnet.reporting.screen import text_table

    result = pipeline.make_splits(
        _common.workspace_of(arguments),
        arguments.dataset,
        n_folds=arguments.n_folds,
        test_share=arguments.test_share,
        more_test=arguments.more_test,
        leave_one_center=arguments.leave_one_center_out,
        seed=arguments.seed,
        overwrite=arguments.overwrite,
    )
    print("Labelled lesions (patients) of each part:\n")
    print(text_table(*balance_table(result.balance, result.positive_outcome)))
    print("\n" + "\n".join((result.rule, *result.held_out)))
    print(f"Written: {result.path}")
    for line in result.stale:
        print(f"Out of date: {line}")
