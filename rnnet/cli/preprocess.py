"""rnnet_preprocess: scans onto the atlas grid, skull-stripped and z-scored."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._dask import add_dask
from rnnet.cli._failures import report_failures


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_preprocess",
        "Preprocess raw data sets under the plan of the first one. Finished scans are not redone.",
        "rnnet_preprocess -d 1 2 -np 4",
    )
    _common.add_datasets(parser)
    _common.add_plan(parser)
    _common.add_processes(parser)
    add_dask(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    parser.add_argument("--clean", action="store_true", help="delete the preprocessed scans first and start anew")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    reports = pipeline.preprocess(
        _common.workspace_of(arguments),
        arguments.datasets,
        plan_name=arguments.plan_name,
        n_processes=arguments.n_processes,
        clean=arguments.clean,
        dask=arguments.dask,
    )
    return report_failures(reports)
