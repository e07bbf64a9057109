"""Arguments and output that the two planning commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from rnnet.cli import _common
from rnnet.core.workspace import PreprocessedLayout
from rnnet.planning.plan import ExperimentPlan


def add_planning(parser: argparse.ArgumentParser) -> None:
    """-pl PLANNER, -gpu_memory_target GIB and --explain."""
    parser.add_argument(
        "-pl",
        dest="planner",
        default="default",
        metavar="PLANNER",
        help="'default', or 'paper' for the settings of the published method (default: %(default)s)",
    )
    parser.add_argument(
        "-gpu_memory_target",
        dest="memory_gib",
        type=_common.positive_number,
        metavar="GIB",
        help="memory of the device that will train (default: that of the smallest NVIDIA GPU here, else the machine's)",
    )
    parser.add_argument("--explain", action="store_true", help="print the reason of every choice as a table")


def print_plan(plan: ExperimentPlan, path: Path, *, explain: bool) -> None:
    """The places of the plan and of its page and, if asked for, its reasons as a table."""
    if explain:
        from rnnet.planning.planner import plan_reasons_table
        from rnnet.reporting.screen import text_table

        print(text_table(("field", "value", "rule", "inputs"), plan_reasons_table(plan)))
    print(f"Plan: {path}")
    print(f"Page: {PreprocessedLayout(path.parent).plan_html(path.stem)}")
