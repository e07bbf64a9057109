"""rnnet_plan_experiment: from fingerprints to a plan with its reasons, and the folds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._plan_output import add_planning, print_plan


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_plan_experiment",
        "Choose every setting from the fingerprint, with the reason beside it, and write the folds. "
        "The plan is made for the first data set; the others count as further pretraining cubes.",
        "rnnet_plan_experiment -d 1 2 --explain",
    )
    _common.add_datasets(parser)
    _common.add_plan(parser)
    _common.add_processes(parser)
    _common.add_settings(parser)
    add_planning(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    plan, path = pipeline.plan_experiment(
        _common.workspace_of(arguments),
        arguments.datasets,
        planner=arguments.planner,
        plan_name=arguments.plan_name,
        settings=arguments.settings,
        memory_gib=arguments.memory_gib,
        n_processes=arguments.n_processes,
    )
    print_plan(plan, path, explain=arguments.explain)
