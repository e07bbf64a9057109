"""rnnet_report: the report of an evaluation, drawn from its stored files."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_report",
        "Draw the report from what rnnet_evaluate stored: one HTML file that needs no other file, and the tables in "
        "Markdown, LaTeX and CSV. Computes no figure anew.",
        "rnnet_report 1 --cohort cohort",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument(
        "--cohort", type=Path, metavar="DIR",
        help="folder that rnnet_select_cohort wrote: its flow diagram becomes part of the report (default: the one "
        "given before, or the folder cohort of the data set, below rnnet_preprocessed)",
    )
    parser.add_argument(
        "--label_source", nargs="+", default=[], metavar="SOURCE",
        help="the evaluation that rnnet_evaluate --label_source made of the lesions of these sources",
    )
    _common.add_plan(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    page = pipeline.report(
        _common.workspace_of(arguments),
        arguments.dataset,
        plan_name=arguments.plan_name,
        cohort=arguments.cohort,
        label_sources=arguments.label_source,
    )
    print(f"Report: {page}")
    print(f"Tables: {page.parent}")
