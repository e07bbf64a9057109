"""rnnet_extract_fingerprint: what a data set looks like, before anything is planned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_extract_fingerprint",
        "Measure spacings, lesion sizes, intensities, classes and clinical columns of raw data sets.",
        "rnnet_extract_fingerprint -d 1",
    )
    _common.add_datasets(parser)
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    paths = pipeline.extract_fingerprint(
        _common.workspace_of(arguments), arguments.datasets, n_processes=arguments.n_processes
    )
    for path in paths:
        print(f"Written: {path}")
