"""rnnet_plan_and_preprocess: fingerprint, plan, folds and preprocessing in one go."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._dask import add_dask
from rnnet.cli._failures import report_failures
from rnnet.cli._plan_output import add_planning, print_plan


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_plan_and_preprocess",
        "Extract the fingerprints, plan the experiment for the first data set, preprocess all of them under that plan.",
        "rnnet_plan_and_preprocess -d 1 2 --verify_dataset_integrity --explain",
    )
    _common.add_datasets(parser)
    _common.add_plan(parser)
    _common.add_processes(parser)
    add_dask(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    _common.add_settings(parser)
    add_planning(parser)
    parser.add_argument("--verify_dataset_integrity", action="store_true", help="check the raw data first")
    parser.add_argument("--no_pp", action="store_true", help="plan only, do not preprocess")
    parser.add_argument("--clean", action="store_true", help="make fingerprints and preprocessed scans anew")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    plan, path, reports = pipeline.plan_and_preprocess(
        _common.workspace_of(arguments),
        arguments.datasets,
        planner=arguments.planner,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        memory_gib=arguments.memory_gib,
        verify=arguments.verify_dataset_integrity,
        preprocess_scans=not arguments.no_pp,
        n_processes=arguments.n_processes,
        clean=arguments.clean,
        dask=arguments.dask,
    )
    print_plan(plan, path, explain=arguments.explain)
    return report_failures(reports)
