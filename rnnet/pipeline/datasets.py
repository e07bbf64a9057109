"""Raw data sets: what they are made from, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rnnet.core.workspace import DEFAULT_PLAN, Workspace
from rnnet.pipeline.names import Datasets

if TYPE_CHECKING:
    from rnnet.dataset.cohort.candidates import CohortSettings
    from rnnet.dataset.cohort.report import CohortReport
    from rnnet.dataset.cohort.select import CohortSelection
    from rnnet.dataset.integrity import IntegrityReport
    from rnnet.evaluation.cohort import CohortDescription, GroupBy
    from rnnet.experiment.duplicate_groups import DuplicateReport
    from rnnet.experiment.split_dataset import SplitResult
    from rnnet.inference.audit import LeakageAudit


def verify_dataset_integrity(
    workspace: Workspace, datasets: Datasets, *, orientation: bool = False, n_processes: int = 1
) -> dict[str, IntegrityReport]:
    """All problems of each raw data set and of using them together, keyed by name. Raises nothing for what it finds.

    orientation: compare scans that were not preprocessed yet with the atlas as well (slow: finds the brain first).
    """
    from rnnet.dataset.cross_check import cross_check
    from rnnet.dataset.integrity import check_dataset
    from rnnet.dataset.leakage_sources import names_to_carry
    from rnnet.dataset.splits import hold_out, read_test_patients
    from rnnet.experiment.access import workspace_atlas
    from rnnet.experiment.orientation_check import add_orientation

    atlas = workspace_atlas(workspace) if orientation else None
    names = [workspace.dataset_name(d) for d in datasets]
    reports = {n: check_dataset(workspace.raw_dataset(n), n_processes=n_processes) for n in names}
    held_out = {n: read_test_patients(workspace.preprocessed_dataset(n).splits_json) for n in names}
    reports = {n: replace(r, scans=hold_out(r.scans, held_out[n])) for n, r in reports.items()}
    people = {n: names_to_carry(workspace.raw_dataset(n), {s.patient_id for s in r.scans}) for n, r in reports.items()}
    reports = cross_check(reports, people)
    return {
        n: add_orientation(workspace, r, plan_of=(n, *names), atlas=atlas, n_processes=n_processes)
        for n, r in reports.items()
    }


def audit_leakage(workspace: Workspace, reports: Mapping[str, IntegrityReport]) -> LeakageAudit:
    """Who has seen whom in data sets that verify_dataset_integrity has checked, their folds and trained models."""
    from rnnet.inference.audit import audit

    return audit(workspace, reports)


def find_duplicates(
    workspace: Workspace, datasets: Datasets, *, plan_name: str = DEFAULT_PLAN, output: Path | None = None,
    n_processes: int = 1,
) -> tuple[DuplicateReport, list[Path]]:
    """Patients and images that several data sets have, or one has twice, written as CSV and JSON; and the paths.

    output: folder of the files; the default lies among what is made from the first data set.
    """
    from rnnet.core.workspace import DuplicatesLayout
    from rnnet.experiment.duplicate_groups import write_duplicates
    from rnnet.experiment.duplicates import find_duplicates as find

    names = list(dict.fromkeys(workspace.dataset_name(d) for d in datasets))
    report = find(workspace, names, plan_name=plan_name, n_processes=n_processes)
    layout = DuplicatesLayout(output) if output else workspace.preprocessed_dataset(names[0]).duplicates
    write_duplicates(layout, report)
    return report, [layout.duplicates_csv, layout.duplicates_json]


def make_splits(
    workspace: Workspace,
    dataset: int | str,
    *,
    n_folds: int | None = None,
    test_share: float | None = None,
    more_test: bool = False,
    leave_one_center: bool = False,
    seed: int = 0,
    overwrite: bool = False,
) -> SplitResult:
    """Write test patients and folds of a data set into its splits_final.json. For the arguments see split_dataset."""
    from rnnet.experiment.split_dataset import split_dataset

    return split_dataset(
        workspace, workspace.dataset_name(dataset), n_folds=n_folds, test_share=test_share, more_test=more_test,
        leave_one_center=leave_one_center, seed=seed, overwrite=overwrite,
    )


def describe_cohort(
    workspace: Workspace, datasets: Datasets, *, by: GroupBy = "outcome", output: Path | None = None,
    n_processes: int = 1,
) -> tuple[CohortDescription, list[Path]]:
    """The characteristics of the labelled patients and lesions, written as Markdown, CSV and LaTeX; and the paths.

    output: folder of the files; the default lies among what is made from the first data set.
    """
    from rnnet.core.files import write_text
    from rnnet.core.workspace import characteristics_file
    from rnnet.evaluation.cohort import describe_cohort as describe
    from rnnet.experiment.access import read_raw
    from rnnet.reporting.cohort_tables import cohort_csv, cohort_latex, cohort_markdown, cohort_tables

    names = list(dict.fromkeys(workspace.dataset_name(d) for d in datasets))
    description = describe([read_raw(workspace, n, n_processes=n_processes) for n in names], by=by)
    tables = cohort_tables(description)
    folder = output or workspace.preprocessed_dataset(names[0]).cohort
    texts = {"md": cohort_markdown(tables), "csv": cohort_csv(description), "tex": cohort_latex(tables)}
    for ending, text in texts.items():
        write_text(characteristics_file(folder, by, ending), text)
    return description, [characteristics_file(folder, by, ending) for ending in texts]


def select_cohort(
    workspace: Workspace, dataset: int | str, output: Path, settings: CohortSettings, *,
    as_dataset: tuple[int, str] | None = None, n_processes: int = 1,
) -> tuple[CohortReport, list[Path]]:
    """Apply the inclusion rules to a raw data set with follow-up; the account of it, and the paths of what was written.

    output: folder of selection.csv, cohort.json and the flow diagram. as_dataset: number and name of a raw data set to
    write the samples as, which shares the images.
    """
    from rnnet.dataset.cohort.derived import write_derived
    from rnnet.dataset.cohort.from_dataset import dataset_candidates
    from rnnet.dataset.cohort.select import select
    from rnnet.experiment.access import read_raw

    # Whatever is refused is refused before anything is measured.
    settings.check()
    layout = workspace.new_raw_dataset(*as_dataset) if as_dataset else None
    raw = read_raw(workspace, workspace.dataset_name(dataset))
    selection = select(dataset_candidates(raw, settings, n_processes=n_processes), settings)
    report, written = _write_cohort(selection, output)
    if layout is not None:
        write_derived(raw, selection, layout)
        written.append(layout.folder)
    return report, written


def select_cohort_from_tables(
    morphology: Path, clinical: Path, output: Path, settings: CohortSettings
) -> tuple[CohortReport, list[Path]]:
    """As select_cohort, on the two tables of MOLAB alone, with their own diameters."""
    from rnnet.dataset.cohort.from_tables import table_candidates
    from rnnet.dataset.cohort.select import select

    return _write_cohort(select(table_candidates(morphology, clinical), settings), output)


def _write_cohort(selection: CohortSelection, output: Path) -> tuple[CohortReport, list[Path]]:
    from rnnet.core.workspace import CohortLayout
    from rnnet.dataset.cohort.report import report_of, write_report
    from rnnet.reporting.flow_diagram import plot_flow_diagram

    layout, report = CohortLayout(output), report_of(selection)
    write_report(layout, selection, report)
    plot_flow_diagram(layout.flow_diagram_png, layout.flow_diagram_svg, report)
    return report, [layout.selection_csv, layout.cohort_json, layout.flow_diagram_png, layout.flow_diagram_svg]
