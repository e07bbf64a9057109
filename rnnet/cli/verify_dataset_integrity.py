"""rnnet_verify_dataset_integrity: all problems of raw data sets at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.codec import write_artefact


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_verify_dataset_integrity",
        "Check raw data sets against the convention and list every problem with its cure.",
        "rnnet_verify_dataset_integrity -d 1 2 --json problems.json",
    )
    _common.add_datasets(parser)
    _common.add_processes(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the problems as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    reports = pipeline.verify_dataset_integrity(
        _common.workspace_of(arguments), arguments.datasets, n_processes=arguments.n_processes
    )
    n_errors = 0
    for name, report in reports.items():
        for problem in report.problems:
            print(f"{problem.level.upper():7} {problem.code} [{problem.where}] {problem.message} {problem.fix}")
        n_errors += len(report.errors)
        print(f"{name}: {len(report.errors)} error(s), {len(report.warnings)} warning(s)")
    if arguments.json:
        write_artefact(arguments.json, reports)
        print(f"Written: {arguments.json}")
    return _common.EXIT_ERROR if n_errors else 0
