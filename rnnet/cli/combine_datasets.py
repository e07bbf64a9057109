"""rnnet_combine_datasets: several labelled data sets as one, without copying an image."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_combine_datasets",
        "Make one data set of several, to train on all their centres: a dataset.json and a cases.csv that say where "
        "the images lie. Nothing is copied; the centre stays a column, so that folds can be stratified by it or hold "
        "it out.",
        "rnnet_combine_datasets -d 1 2 --as_dataset 10 -n TwoCentres",
    )
    _common.add_datasets(parser, "data sets with a cases.csv and the same outcomes")
    parser.add_argument("--as_dataset", dest="number", type=_common.dataset_number, required=True, metavar="ID",
                        help="number of the new data set")
    parser.add_argument("-n", dest="name", required=True, metavar="NAME", help="its name")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    layout = pipeline.combine_datasets(
        _common.workspace_of(arguments), arguments.datasets, number=arguments.number, name=arguments.name
    )
    print(f"Written: {layout.folder}")
    print(f"Next: rnnet_make_splits -d {arguments.number}, then rnnet_plan_and_preprocess -d {arguments.number}")
