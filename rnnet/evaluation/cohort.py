"""The labelled patients and lesions of raw data sets, described group by group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.dataset.case import RawDataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.dataset.people import people_across
from rnnet.evaluation.cohort_table import Characteristic, CohortTable, describe_groups

log = get_logger(__name__)

GroupBy = Literal["outcome", "center", "dataset", "split"]
# The group of patients whose lesions belong to several groups, and of lesions that several data sets share.
MIXED: Mapping[GroupBy, str] = {
    "outcome": "both outcomes", "center": "several centres", "dataset": "several data sets", "split": "both splits",
}
_NAMES: Mapping[GroupBy, str] = {"outcome": "outcome", "center": "centre", "dataset": "data set", "split": "split"}


@dataclass(frozen=True, slots=True)
class CohortDescription:
    """Characteristics by patient and by lesion.

    undescribed_lesions: rows without a known outcome; undescribed_patients: patients with no other rows.
    shared_patients: patient_ids that stand in several of the data sets and may be different people.
    joined_patients: people with several patient_ids, in one data set or over several, who are one person for certain.
    joined_lesions: lesion rows that several data sets share. Both count once.
    """

    datasets: tuple[str, ...]
    by: GroupBy
    positive_outcome: str
    negative_outcome: str
    by_patient: CohortTable
    by_lesion: CohortTable
    undescribed_lesions: int
    undescribed_patients: int
    shared_patients: tuple[str, ...]
    joined_patients: int = 0
    joined_lesions: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """A labelled lesion on one scan. copies: its row in each data set that shares it. scan: where its image lies."""

    copies: tuple[tuple[str, LesionCase], ...]
    person: str
    scan: str
    days: float | None

    def label(self, by: GroupBy) -> str:
        return _one_or_mixed({d if by == "dataset" else str(getattr(c, by)) for d, c in self.copies}, by)

    def clinical(self, name: str) -> ClinicalValue:
        return next((v for v in (c.clinical.get(name) for _, c in self.copies) if v is not None), None)


def describe_cohort(datasets: Sequence[RawDataset], *, by: GroupBy = "outcome", seed: int = 0) -> CohortDescription:
    """Describe the labelled cases of the data sets, by patient and by lesion (a row of cases.csv).

    A patient whose lesions belong to several groups forms a group of its own that is not tested: were it counted in
    each, the groups would not be independent. A patient's clinical value is the earliest one that is known among
    its described rows. Who is one person for certain (dataset.people) counts once, and so does a lesion of a scan that
    data sets share; the same patient_id in two data sets does not make sure, and counts once in each.

    Raises:
        DatasetError: no labelled case, or data sets that differ in their outcomes or in the meaning of a column.
    """
    _check_same_outcomes(datasets)
    people = people_across({d.layout: d.scans for d in datasets})
    rows = _labelled_rows(datasets, people)
    if not rows:
        raise DatasetError(f"There is no labelled case in {', '.join(d.name for d in datasets)}.",
                           where=datasets[0].layout.cases_csv, fix="Fill in the column outcome.")
    columns = _clinical_columns(datasets)
    patients: dict[str, list[_Row]] = {}
    for row in rows:
        patients.setdefault(row.person, []).append(row)
    manifest = datasets[0].manifest
    names = [manifest.positive_outcome, manifest.negative_outcome] if by == "outcome" else sorted(
        {row.label(by) for row in rows} - {MIXED[by]})
    names.append(MIXED[by])
    everyone = {people[f"{d.name}/{c.patient_id}"] for d in datasets for c in d.cases}
    sources = {d.name: {s.scan_id: source_of(s) for s in d.scans} for d in datasets}
    every_row = {(sources[d.name][c.scan_id], c.lesion_value) for d in datasets for c in d.cases}
    ids = [{(d, c.patient_id) for row in found for d, c in row.copies} for found in patients.values()]
    plain = Counter(i for found in ids for i in {patient_id for _, patient_id in found})
    joined = sum(len(found) > 1 for found in ids), sum(len(row.copies) > 1 for row in rows)
    if any(joined):
        log.info("%d patient(s) with several ids are one person each, and %d lesion row(s) stand in several data sets: "
                 "each counts once.", *joined)
    return CohortDescription(
        tuple(d.name for d in datasets), by, manifest.positive_outcome, manifest.negative_outcome,
        by_patient=describe_groups(
            _of_patients(list(patients.values()), columns, by), [_common(p, by) for p in patients.values()],
            sample="patient", groups=names, untested=MIXED[by], seed=seed,
        ),
        by_lesion=describe_groups(
            _of_lesions(rows, columns, by), [row.label(by) for row in rows], sample="lesion", groups=names,
            untested=MIXED[by], seed=seed,
        ),
        undescribed_lesions=len(every_row) - len(rows),
        undescribed_patients=len(everyone - set(patients)),
        shared_patients=tuple(sorted(i for i, n in plain.items() if n > 1)),
        joined_patients=joined[0],
        joined_lesions=joined[1],
    )


def _check_same_outcomes(datasets: Sequence[RawDataset]) -> None:
    first = datasets[0]
    for other in datasets[1:]:
        ours, theirs = ((d.manifest.positive_outcome, d.manifest.negative_outcome) for d in (first, other))
        if ours != theirs:
            raise DatasetError(
                f"{other.name} has the outcomes {theirs[0]} (positive) and {theirs[1]}, {first.name} has {ours[0]} "
                f"(positive) and {ours[1]}.", where=other.layout.dataset_json, fix="Use the same names.",
            )


def _clinical_columns(datasets: Sequence[RawDataset]) -> dict[str, ClinicalColumn]:
    """Every declared column once; a data set that does not have it has no value of it."""
    columns: dict[str, ClinicalColumn] = {}
    for dataset in datasets:
        for name, column in dataset.manifest.clinical.items():
            known = columns.setdefault(name, column)
            if (known.type, known.unit) != (column.type, column.unit):
                raise DatasetError(
                    f"The column '{name}' is {column.type} {column.unit}".rstrip() + f" in {dataset.name} and "
                    + f"{known.type} {known.unit}".rstrip() + " in a data set before it.",
                    where=dataset.layout.dataset_json, fix="Give one of them another name, or convert the values.",
                )
            categories = tuple(dict.fromkeys((*known.categories, *column.categories)))
            columns[name] = ClinicalColumn(column.type, column.unit, categories)
    return columns


def _labelled_rows(datasets: Sequence[RawDataset], people: Mapping[str, str]) -> list[_Row]:
    """Those of one lesion on one scan, by the place of its image and its value in the mask, put together."""
    rows: dict[tuple[str, int], _Row] = {}
    for dataset in datasets:
        scans = {scan.scan_id: scan for scan in dataset.scans}
        for case in dataset.labelled():
            scan = scans[case.scan_id]
            place = source_of(scan), case.lesion_value
            new = _Row(((dataset.name, case),), people[f"{dataset.name}/{case.patient_id}"], place[0], scan.days)
            known = rows.get(place)
            rows[place] = replace(known, copies=(*known.copies, *new.copies)) if known else new
    return list(rows.values())


def _of_lesions(rows: Sequence[_Row], columns: Mapping[str, ClinicalColumn], by: GroupBy) -> list[Characteristic]:
    found = [
        Characteristic(name, c.type, tuple(row.clinical(name) for row in rows), c.unit, c.categories)
        for name, c in columns.items()
    ]
    days = Characteristic("day of the scan", "numeric", tuple(row.days for row in rows), "days")
    groups = [Characteristic(name, "categorical", tuple(row.label(key) for row in rows))
              for key, name in _NAMES.items() if key != by]
    return found + _varied([days, *groups])


def _of_patients(
    patients: Sequence[Sequence[_Row]], columns: Mapping[str, ClinicalColumn], by: GroupBy
) -> list[Characteristic]:
    ordered = [sorted(rows, key=lambda r: (r.days is None, r.days or 0.0)) for rows in patients]
    found = [
        Characteristic(name, c.type, tuple(_earliest(rows, name) for rows in ordered), c.unit, c.categories)
        for name, c in columns.items()
    ]
    lesions = Characteristic("lesion rows", "numeric", tuple(float(len(rows)) for rows in ordered))
    scans = Characteristic("scans", "numeric", tuple(float(len({r.scan for r in rows})) for rows in ordered))
    days = Characteristic("day of the first scan", "numeric", tuple(rows[0].days for rows in ordered), "days")
    groups = [Characteristic(name, "categorical", tuple(_common(rows, key) for rows in ordered))
              for key, name in _NAMES.items() if key != by]
    return [*found, lesions, *_varied([scans, days, *groups])]


def _varied(characteristics: Sequence[Characteristic]) -> list[Characteristic]:
    """Those that tell something: a cohort of one centre needs no row for it."""
    return [c for c in characteristics if len(set(c.values)) > 1]


def _earliest(rows: Sequence[_Row], name: str) -> ClinicalValue:
    return next((v for v in (r.clinical(name) for r in rows) if v is not None), None)


def _common(rows: Sequence[_Row], by: GroupBy) -> str:
    return _one_or_mixed({row.label(by) for row in rows}, by)


def _one_or_mixed(labels: set[str], by: GroupBy) -> str:
    return next(iter(labels)) if len(labels) == 1 else MIXED[by]
