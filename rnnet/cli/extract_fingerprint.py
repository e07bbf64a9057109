"""rnnet_extract_fingerprint: what a data set looks like, before anything is planned."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_extract_fingerprint",
        "Measure spacings, lesion sizes, intensities, classes and clinical columns of raw data sets, and compare their "
        "centres, and the data sets with the first one.",
        "rnnet_extract_fingerprint -d 1 3",
    )
    _common.add_datasets(parser)
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    from rnnet.reporting.distances import distance_table
    from rnnet.reporting.render import to_text

    workspace = _common.workspace_of(arguments)
    paths = pipeline.extract_fingerprint(workspace, arguments.datasets, n_processes=arguments.n_processes)
    if comparisons := pipeline.compare_centers(workspace, arguments.datasets, n_processes=arguments.n_processes):
        print(to_text(distance_table(comparisons, "Distances between centres and data sets")))
    for comparison in comparisons:
        if comparison.warning:
            print(f"warning: {comparison.warning}", file=sys.stderr)
    for path in paths:
        print(f"Written: {path}")
