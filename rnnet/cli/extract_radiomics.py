"""rnnet_extract_radiomics: 1,130 features of every lesion through pyradiomics."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.cli._failures import MOST_SHOWN

if TYPE_CHECKING:
    from rnnet.features.extraction import ExtractionReport

# Written out: the help text must not import the features.
_PRESETS = ("molab", "paper", "ibsi")


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_extract_radiomics",
        "Extract the radiomic features of every lesion of a preprocessed data set through pyradiomics. Finished "
        "lesions are not redone; a lesion that is too small or flat gets an empty row with the reason.",
        "rnnet_extract_radiomics 1 -preset molab -np 4",
    )
    parser.add_argument("dataset", metavar="DATASET", help="data set, by number or full name")
    parser.add_argument(
        "-preset", choices=_PRESETS, default="",
        help="change the stored plan to these settings first: of the labelled public data set (molab), of the "
        "published method as far as known (paper), or after the Image Biomarker Standardisation Initiative (ibsi); "
        "default: the plan as it is",
    )
    _common.add_plan(parser)
    parser.add_argument(
        "--plan_of", metavar="ID",
        help="data set whose plan the scans were preprocessed under, if it was not planned itself",
    )
    parser.add_argument(
        "--export", type=_common.positive_int, default=0, metavar="N",
        help="also write the first N lesions as files for pyradiomics' own command line, which gives the same values",
    )
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> None:
    report, commands = pipeline.extract_radiomics(
        _common.workspace_of(arguments),
        arguments.dataset,
        preset=arguments.preset,
        plan_name=arguments.plan_name,
        plan_of=arguments.plan_of,
        export=arguments.export,
        n_processes=arguments.n_processes,
    )
    _print_report(report)
    if commands:
        print("pyradiomics itself gives the same values:")
        print("\n".join(f"  {command}" for command in commands))


def _print_report(report: ExtractionReport) -> None:
    settings = f"preset {report.preset}" if report.preset else "the plan's own settings"
    print(f"{report.n_lesions - len(report.refused)} of {report.n_lesions} lesions have radiomics: "
          f"{report.n_features} features each, {settings}")
    without = [*report.refused, *((case_id, "Its scan is not preprocessed; it has no row.") for case_id in
                                  report.missing)]
    for case_id, reason in without[:MOST_SHOWN]:
        print(f"  no radiomics: {case_id}: {reason}", file=sys.stderr)
    if len(without) > MOST_SHOWN:
        print(f"  ... and {len(without) - MOST_SHOWN} more: see {report.layout.diagnostics_csv}", file=sys.stderr)
    print(f"Features: {report.layout.radiomics_csv}")
    print(f"Reasons and diagnostics: {report.layout.diagnostics_csv}")
    print(f"Settings as pyradiomics reads them: {report.layout.parameters_yaml}")
