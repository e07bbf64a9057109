"""rnnet_plot_qc: one page of all preprocessed scans, worst registration first."""

from __future__ import annotations

import argparse
import webbrowser
from collections.abc import Sequence

from rnnet import pipeline
from rnnet.cli import _common


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_plot_qc",
        "Write one HTML page of all preprocessed scans of a data set: failed scans first, then the worst registration "
        "first, each with its picture and figures.",
        "rnnet_plot_qc 1 --open",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    _common.add_plan(parser)
    parser.add_argument(
        "--plan_of", metavar="ID",
        help="data set whose plan the scans were preprocessed under, if it was not planned itself",
    )
    _common.add_processes(parser)
    parser.add_argument("--open", dest="show", action="store_true", help="open the page in the browser")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    page = pipeline.plot_qc(
        _common.workspace_of(arguments),
        arguments.dataset,
        arguments.plan_name,
        plan_of=arguments.plan_of,
        n_processes=arguments.n_processes,
    )
    print(f"Written: {page}")
    if arguments.show:
        webbrowser.open(page.resolve().as_uri())
