"""rnnet_select_cohort: the lesions that the published inclusion rules select, and why the others are excluded."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet import pipeline
from rnnet.cli import _common
from rnnet.core.errors import SettingError
from rnnet.dataset.cohort.candidates import CohortSettings
from rnnet.dataset.cohort.growth import ABSOLUTE_GROWTH_MM, RELATIVE_GROWTH

if TYPE_CHECKING:
    from rnnet.dataset.cohort.counts import Counts, StepCounts
    from rnnet.dataset.cohort.report import CohortReport

MOST_SHOWN = 10
_COLUMNS = (("lesions", 15), ("lesion_scans", 17), ("patients", 14))


def build_parser() -> argparse.ArgumentParser:
    """The command's arguments."""
    parser = _common.make_parser(
        "rnnet_select_cohort",
        "Select the lesions that have grown (both limits, over the smallest earlier diameter), whose outcome is known, "
        "and that pass the further rules. Writes selection.csv, cohort.json and a flow diagram. With --table the "
        "tables of MOLAB are enough.",
        "rnnet_select_cohort -d 1 --unit lesion_scan -o cohort --as_dataset 11 -n MolabCohort",
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("-d", dest="dataset", metavar="ID", help="raw data set with follow-up, by number or full name")
    source.add_argument("--table", type=Path, metavar="FILE", help="MOLAB's table of measurements (.xlsx)")
    parser.add_argument("--clinical", type=Path, metavar="FILE", help="MOLAB's clinical table, with --table")
    parser.add_argument(
        "--unit", choices=("lesion", "lesion_scan"), required=True,
        help="one sample is a lesion on its first qualifying scan, or a lesion on every qualifying scan",
    )
    parser.add_argument("-o", dest="output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--diameter", choices=("axial", "feret", "table"),
        help="longest in-plane or 3-D diameter of the masks, or the column diameter_mm (default: axial; with --table "
        "its own diameter)",
    )
    parser.add_argument("--relative", type=float, default=RELATIVE_GROWTH, metavar="SHARE",
                        help="least growth as a share of the smallest earlier diameter (default: %(default)s)")
    parser.add_argument("--absolute_mm", type=float, default=ABSOLUTE_GROWTH_MM, metavar="MM",
                        help="least growth in mm (default: %(default)s)")
    parser.add_argument("--require_srs", action="store_true", help="only scans after a radiosurgery of the lesion")
    parser.add_argument("--as_dataset", type=_common.positive_int, metavar="ID",
                        help="also write the samples as a raw data set with this number, which shares the images")
    parser.add_argument("-n", dest="name", metavar="NAME", help="name of that data set")
    _common.add_processes(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return _common.run(_body, build_parser(), argv)


def _body(arguments: argparse.Namespace) -> int:
    _check(arguments)
    settings = CohortSettings(
        arguments.unit, arguments.diameter or ("table" if arguments.table else "axial"), arguments.relative,
        arguments.absolute_mm, arguments.require_srs,
    )
    if arguments.table:
        report, written = pipeline.select_cohort_from_tables(
            arguments.table, arguments.clinical, arguments.output, settings
        )
    else:
        report, written = pipeline.select_cohort(
            _common.workspace_of(arguments),
            arguments.dataset,
            arguments.output,
            settings,
            as_dataset=(arguments.as_dataset, arguments.name) if arguments.as_dataset else None,
            n_processes=arguments.n_processes,
        )
    print("\n".join(report_lines(report)))
    for path in written:
        print(f"Written: {path}")
    return _common.EXIT_CASES_FAILED if report.failures else 0


def _check(arguments: argparse.Namespace) -> None:
    if (arguments.table is None) != (arguments.clinical is None):
        raise SettingError("--table and --clinical go together.", fix="Give both tables, or -d ID.")
    if arguments.table and arguments.diameter not in (None, "table"):
        raise SettingError("Without images there is only the diameter of the table.", fix="Leave --diameter out.")
    if arguments.table and arguments.as_dataset:
        raise SettingError("A data set cannot be written without images.", fix="Give -d ID instead of --table.")
    if (arguments.as_dataset is None) != (arguments.name is None):
        raise SettingError("--as_dataset and -n go together.", fix="Give number and name of the new data set.")


def report_lines(report: CohortReport) -> Iterator[str]:
    """The account of a selection for the terminal."""
    positive, negative = report.positive_outcome, report.negative_outcome
    yield f"Source: {report.source}"
    yield f"Sample unit: {report.unit_title}. Positive class: {positive}."
    yield f"Diameter: {report.diameter}."
    yield f"Counts: all ({positive} / {negative})."
    yield ""
    width = max(len(step.title) for step in report.steps) + 2
    yield f"{'':{width}}" + "".join(f"{field.replace('_', '-'):>{wide}}" for field, wide in _COLUMNS)
    for step in report.steps:
        yield f"{step.title:{width}}{_cells(report, step)}"
        if not step.applied:
            yield f"    {next(r.reading for r in report.rules if r.name == step.rule)}"
        for reason, number in step.excluded.items():
            yield f"    {number} excluded: {reason}"
    yield ""
    left, by_outcome = report.selected.left, report.selected.by_outcome
    yield (f"Selected: {_samples(left, report)}; {positive} (positive class): "
           f"{_samples(by_outcome[positive], report)}; {negative}: {_samples(by_outcome[negative], report)}.")
    if report.srs_note:
        yield f"Note: {report.srs_note}"
    yield from (f"Warning: {warning}" for warning in report.warnings)
    yield from _lists(report)


def _cells(report: CohortReport, step: StepCounts) -> str:
    parts = (step.by_outcome[report.positive_outcome], step.by_outcome[report.negative_outcome])
    cells = []
    for field, wide in _COLUMNS:
        first, second = (getattr(part, field) for part in parts)
        cells.append(f"{f'{getattr(step.left, field)} ({first} / {second})':>{wide}}")
    return "".join(cells)


def _samples(counts: Counts, report: CohortReport) -> str:
    """'68 lesions' or '112 lesion-scans of 68 lesions'."""
    if report.unit == "lesion":
        return f"{counts.lesions} lesions"
    return f"{counts.lesion_scans} lesion-scans of {counts.lesions} lesions"


def _lists(report: CohortReport) -> Iterator[str]:
    """The first of the ambiguous rows and of the failures; cohort.json has all."""
    doubts = [f"{row.case_id or row.lesion_id} ({row.outcome or 'excluded'}): {row.doubt}" for row in report.ambiguous]
    for heading, lines, most in (
        ("Ambiguous, to be looked at", doubts, MOST_SHOWN),
        ("Scans that could not be measured", list(report.failures), MOST_SHOWN),
        ("Notes on the source", list(report.notes), 0),
    ):
        if lines:
            yield f"{heading}: {len(lines)}{'' if most else ', see cohort.json'}"
            yield from (f"    {line}" for line in lines[:most])
            if most and len(lines) > most:
                yield f"    and {len(lines) - most} more, see cohort.json"
