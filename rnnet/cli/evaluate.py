"""rnnet_evaluate: metrics of every trained configuration and the report."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._failures import report_failures
from rnnet.core.types import CONFIGS


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_evaluate",
        "Evaluate all trained configurations by cross-validation, on the test split and on external data sets, "
        "compare them, and write the report.",
        "rnnet_evaluate 1 --external 3 --compare multimodal radiomics",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument(
        "--external", nargs="+", default=[], metavar="DATASET", help="labelled data sets of other centres"
    )
    parser.add_argument(
        "--compare", nargs="+", default=[], choices=CONFIGS, metavar="CONFIG",
        help="compare these with each other, or one with all (default: multimodal, else ssl_vit, with all)",
    )
    parser.add_argument(
        "--label_source", nargs="+", default=[], metavar="SOURCE",
        help="evaluate only lesions whose outcome comes from these sources, such as histology; the results lie in a "
        "folder of their own",
    )
    _common.add_plan(parser)
    _common.add_device(parser)
    _common.add_processes(parser)
    _common.add_allow_leakage(parser)
    _common.add_atlas(parser)
    _common.add_weights(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    from rnnet.reporting.comparison_tables import comparison_tables
    from rnnet.reporting.render import to_text
    from rnnet.reporting.screen import summary_text

    evaluation = pipeline.evaluate(
        _common.workspace_of(arguments),
        arguments.dataset,
        external=arguments.external,
        compare=arguments.compare,
        label_sources=arguments.label_source,
        plan_name=arguments.plan_name,
        device=_common.resolve_device(arguments.device),
        n_processes=arguments.n_processes,
        allow_leakage=arguments.allow_leakage,
    )
    print(summary_text(evaluation.summaries, evaluation.controls, evaluation.seeds))
    for table in comparison_tables(evaluation.comparisons):
        print(f"\n{to_text(table)}")
    print(f"Report: {evaluation.report}")
    _print_warnings(evaluation.warnings)
    _common.print_leaks(evaluation.leaks)
    return report_failures({name: result.report for name, result in evaluation.external.items()})


def _print_warnings(warnings: Sequence[str]) -> None:
    """What the report says at its top, after the tables and on standard error."""
    if warnings:
        print(f"\nWarnings ({len(warnings)}):", file=sys.stderr)
    for warning in warnings:
        print(textwrap.fill(f"- {warning}", 100, subsequent_indent="  "), file=sys.stderr)
