"""rnnet_verify_dataset_integrity: all problems of raw data sets at once."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.codec import write_artefact
from rnnet.core.types import Problem
from rnnet.dataset.integrity import IntegrityReport
from rnnet.dataset.problems import PROBLEM_CODES

if TYPE_CHECKING:
    from rnnet.inference.audit import LeakageAudit

FIRST_PLACES = 3


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_verify_dataset_integrity",
        "Check raw data sets against the convention, and those given together against each other, and list every "
        "problem with its cure. Exit code 2 if there is an error.",
        "rnnet_verify_dataset_integrity -d 1 2 --json problems.json",
    )
    _common.add_datasets(parser)
    _common.add_processes(parser)
    parser.add_argument("--all", action="store_true", help=f"print every place, not the first {FIRST_PLACES} of each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all problems as JSON")
    parser.add_argument(
        "--orientation",
        action="store_true",
        help="also compare scans that were not preprocessed with the atlas, to find mirrored ones "
        "(finds the brain first: seconds to a minute a scan)",
    )
    parser.add_argument(
        "--leakage",
        action="store_true",
        help="also say who has seen whom: patients and images of test splits in other data sets, in folds, in "
        "pretrained encoders and trained models",
    )
    _common.add_atlas(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    reports = pipeline.verify_dataset_integrity(
        _common.workspace_of(arguments),
        arguments.datasets,
        orientation=arguments.orientation,
        n_processes=arguments.n_processes,
    )
    found = dict(reports)
    if arguments.leakage:
        audit = pipeline.audit_leakage(_common.workspace_of(arguments), reports)
        found["leakage"] = IntegrityReport("leakage", audit.problems)
    for name, report in reports.items():
        for line in report_lines(report, most=None if arguments.all else FIRST_PLACES):
            print(line)
        print(f"{name}: {len(report.errors)} error(s), {len(report.warnings)} warning(s) in {report.n_scans} scan(s)")
        if report.n_scans:
            print(_orientation_line(name, report))
    if arguments.leakage:
        _print_audit(audit, most=None if arguments.all else FIRST_PLACES)
    if arguments.json:
        write_artefact(arguments.json, found)
        print(f"Written: {arguments.json}")
    return _common.EXIT_ERROR if any(report.errors for report in found.values()) else 0


def _print_audit(audit: LeakageAudit, *, most: int | None) -> None:
    """Who has seen whom, as a table, and what of it must not be."""
    from rnnet.reporting.screen import text_table

    print("\nWho has seen whom\n")
    if audit.held_out:
        held_out = [f"{name} ({patients} patients)" for name, patients in audit.held_out]
        rows = [(row.seen, str(row.patients), str(row.images), *(cell or "-" for cell in row.shared))
                for row in audit.rows]
        print(text_table(["what has seen", "patients", "images", *held_out], rows))
    else:
        print("None of these data sets holds anybody out: there is no test split.")
    report = IntegrityReport("leakage", audit.problems)
    for line in report_lines(report, most=most):
        print(line)
    print(f"leakage: {len(report.errors)} error(s), {len(report.warnings)} warning(s)")


def report_lines(report: IntegrityReport, *, most: int | None) -> Iterator[str]:
    """The findings grouped by level and code: a head line, at most `most` places (None: all), and the cure once."""
    groups: dict[tuple[str, str], list[Problem]] = {}
    for problem in report.problems:
        groups.setdefault((problem.level, problem.code), []).append(problem)
    for (level, code), found in groups.items():
        cures = {p.fix for p in found}
        times = "" if len(found) == 1 else f" ({len(found)} times)"
        yield f"{level.upper()} {code}{times}: {PROBLEM_CODES[code].meaning}"
        for problem in found[:most]:
            own = f" {problem.fix}" if len(cures) > 1 else ""
            yield f"    [{problem.where}] {problem.message}{own}"
        if most is not None and len(found) > most:
            yield f"    and {len(found) - most} more (--all prints them)"
        yield f"    Cure: {cures.pop() if len(cures) == 1 else PROBLEM_CODES[code].cure}"


def _orientation_line(name: str, report: IntegrityReport) -> str:
    """Whether flips were looked for, and how to have it done."""
    if report.n_oriented == report.n_scans:
        return f"{name}: the orientation of all scans was compared with the atlas."
    return (
        f"{name}: the orientation of {report.n_scans - report.n_oriented} of {report.n_scans} scan(s) was not compared "
        "with the atlas: rnnet_plan_and_preprocess does it, or --orientation."
    )
