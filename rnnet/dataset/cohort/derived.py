"""A raw data set of the selected samples that shares the images of the one they were selected from."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.storage import TEMPORARY_PREFIX, storage_errors
from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.cohort.candidates import UNIT_TITLES
from rnnet.dataset.cohort.select import CohortSelection, JudgedScan
from rnnet.dataset.leakage_sources import names_to_carry
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids

COHORT_COLUMN = "cohort"
# From the last radiosurgery to the scan, and the same on the scan at which a lesion qualifies.
DAYS_SINCE_SRS, RECURRENCE_TIME = "days_since_srs", "recurrence_time"


def write_derived(dataset: RawDataset, selection: CohortSelection, layout: RawLayout) -> tuple[int, int]:
    """Write the data set; (samples, unlabelled rows). It appears at once, whole.

    Samples have the outcome that the rules gave them. Rows of lesions that were not selected, in training scans, stand
    in it without outcome, for pretraining. Left out are the other scans of a selected lesion: without an outcome they
    would look like another lesion of unknown outcome. Left out are also unlabelled rows of test patients, which
    nothing uses.

    Raises:
        DatasetError: nothing was selected.
        StorageError: the folder cannot be written to.
    """
    if not selection.selected:
        raise DatasetError("No sample was selected: there is nothing to write.", where=dataset.name,
                           fix="Look at the reasons in selection.csv.")
    cases = _cases(dataset, selection)
    used = {case.scan_id for case in cases}
    scans = {scan.scan_id: scan for scan in dataset.scans if scan.scan_id in used}
    manifest = replace(
        dataset.manifest, name=layout.folder.name.split("_", 1)[1],
        information={**dataset.manifest.information, COHORT_COLUMN: _meaning(dataset, selection)},
        numTraining=sum(s.split == "train" for s in scans.values()),
        numTest=sum(s.split == "test" for s in scans.values()),
    )
    patients = {case.patient_id for case in cases}
    with storage_errors(layout.folder):
        layout.folder.parent.mkdir(parents=True, exist_ok=True)
        made = RawLayout(Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=layout.folder.parent)))
        try:
            made.folder.chmod(0o755)  # mkdtemp's folders are the user's alone
            write_cases(made, manifest, cases, scans, sources={k: source_of(s) for k, s in scans.items()})
            write_other_ids(made, names_to_carry(dataset.layout, patients))
            write_manifest(made, manifest)
            os.rename(made.folder, layout.folder)
        finally:
            shutil.rmtree(made.folder, ignore_errors=True)
    n_samples = sum(case.outcome is not None for case in cases)
    return n_samples, len(cases) - n_samples


def _cases(dataset: RawDataset, selection: CohortSelection) -> list[LesionCase]:
    judged = {row.scan.case_id: row for row in selection.rows}
    selected_lesions = {row.scan.lesion_id for row in selection.selected}
    return list(_kept(dataset.cases, judged, selected_lesions))


def _kept(
    cases: Iterable[LesionCase], judged: dict[str, JudgedScan], selected_lesions: set[str]
) -> Iterable[LesionCase]:
    for case in cases:
        row = judged[case.case_id]
        if row.selected:
            yield replace(case, outcome=row.outcome, label_source=row.label_source, clinical=_at_selection(case),
                          information={**case.information, COHORT_COLUMN: "selected"})
        elif row.scan.lesion_id not in selected_lesions and case.split == "train":
            yield replace(case, outcome=None, label_source="",
                          information={**case.information, COHORT_COLUMN: row.reason})


def _at_selection(case: LesionCase) -> dict[str, ClinicalValue]:
    """Clinical values of a sample. Its scan is the qualifying one, whatever diameter the data set's maker went by."""
    clinical = dict(case.clinical)
    if RECURRENCE_TIME in clinical and DAYS_SINCE_SRS in clinical:
        clinical[RECURRENCE_TIME] = clinical[DAYS_SINCE_SRS]
    return clinical


def _meaning(dataset: RawDataset, selection: CohortSelection) -> str:
    settings = selection.settings
    return (
        f"'selected', or why not; from {dataset.name}, sample unit {UNIT_TITLES[settings.unit]}, growth of "
        f"{100 * settings.relative:g} % and {settings.absolute_mm:g} mm, {selection.source.diameter}"
    )
