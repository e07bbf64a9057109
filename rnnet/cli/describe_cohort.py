"""rnnet_describe_cohort: the characteristics table of the labelled patients and lesions."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_describe_cohort",
        "Describe and compare the labelled patients and lesions of raw data sets (n, %, mean, SD, range, p-values): "
        "by patient and by lesion, printed and as Markdown, CSV and LaTeX.",
        "rnnet_describe_cohort -d 1 3 --by dataset -o tables",
    )
    _common.add_datasets(parser)
    parser.add_argument(
        "-o",
        dest="output",
        type=Path,
        metavar="DIR",
        help="folder for the three files (default: the folder cohort of the first data set, below rnnet_preprocessed)",
    )
    parser.add_argument(
        "--by",
        choices=("outcome", "center", "dataset", "split"),
        default="outcome",
        help="what makes the groups that are compared (default: %(default)s)",
    )
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    from rnnet.reporting.cohort_tables import cohort_tables
    from rnnet.reporting.render import to_text

    description, paths = pipeline.describe_cohort(
        _common.workspace_of(arguments),
        arguments.datasets,
        by=arguments.by,
        output=arguments.output,
        n_processes=arguments.n_processes,
    )
    print("\n\n".join(to_text(table) for table in cohort_tables(description)))
    for path in paths:
        print(f"Written: {path}")
