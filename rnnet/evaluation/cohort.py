"""The labelled patients and lesions of raw data sets, described group by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rnnet.core.errors import DatasetError
from rnnet.core.types import ClinicalValue, LesionCase
from rnnet.dataset.case import RawDataset
from rnnet.dataset.manifest import ClinicalColumn
from rnnet.evaluation.cohort_table import Characteristic, CohortTable, describe_groups

GroupBy = Literal["outcome", "center", "dataset", "split"]
GROUPINGS: tuple[GroupBy, ...] = ("outcome", "center", "dataset", "split")
# The group of patients whose lesions belong to several groups.
MIXED: Mapping[GroupBy, str] = {"outcome": "both outcomes", "center": "several centres"}
_NAMES: Mapping[GroupBy, str] = {"outcome": "outcome", "center": "centre", "dataset": "data set", "split": "split"}


@dataclass(frozen=True, slots=True)
class CohortDescription:
    """Characteristics by patient and by lesion.

    undescribed_lesions: rows without a known outcome; undescribed_patients: patients with no other rows.
    shared_patients: patient_ids that stand in several of the data sets.
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A labelled row of cases.csv."""

    dataset: str
    case: LesionCase
    days: float | None

    @property
    def patient(self) -> tuple[str, str]:
        return (self.dataset, self.case.patient_id)

    def label(self, by: GroupBy) -> str:
        return self.dataset if by == "dataset" else str(getattr(self.case, by))


def describe_cohort(datasets: Sequence[RawDataset], *, by: GroupBy = "outcome", seed: int = 0) -> CohortDescription:
    """Describe the labelled cases of the data sets, by patient and by lesion (a row of cases.csv).

    A patient whose lesions belong to several groups forms a group of its own that is not tested: were it counted in
    each, the groups would not be independent. A patient's clinical value is the earliest one that is known among
    its described rows. The same patient_id in two data sets counts once in each.

    Raises:
        DatasetError: no labelled case, or data sets that differ in their outcomes or in the meaning of a column.
    """
    _check_same_outcomes(datasets)
    rows = [row for dataset in datasets for row in _labelled_rows(dataset)]
    if not rows:
        raise DatasetError(f"There is no labelled case in {', '.join(d.name for d in datasets)}.",
                           where=datasets[0].layout.cases_csv, fix="Fill in the column outcome.")
    columns = _clinical_columns(datasets)
    patients: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        patients.setdefault(row.patient, []).append(row)
    manifest = datasets[0].manifest
    names = [manifest.positive_outcome, manifest.negative_outcome] if by == "outcome" else sorted(
        {row.label(by) for row in rows})
    everyone = {(d.name, c.patient_id) for d in datasets for c in d.cases}
    ids = [patient_id for _, patient_id in patients]
    return CohortDescription(
        tuple(d.name for d in datasets), by, manifest.positive_outcome, manifest.negative_outcome,
        by_patient=describe_groups(
            _of_patients(list(patients.values()), columns, by), [_common(p, by) for p in patients.values()],
            sample="patient", groups=[*names, MIXED.get(by, "")], untested=MIXED.get(by, ""), seed=seed,
        ),
        by_lesion=describe_groups(
            _of_lesions(rows, columns, by), [row.label(by) for row in rows], sample="lesion", groups=names, seed=seed
        ),
        undescribed_lesions=sum(len(d.cases) for d in datasets) - len(rows),
        undescribed_patients=len(everyone - set(patients)),
        shared_patients=tuple(sorted({i for i in ids if ids.count(i) > 1})),
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


def _labelled_rows(dataset: RawDataset) -> list[_Row]:
    days = {s.scan_id: s.days for s in dataset.scans}
    return [_Row(dataset.name, c, days[c.scan_id]) for c in dataset.labelled()]


def _of_lesions(rows: Sequence[_Row], columns: Mapping[str, ClinicalColumn], by: GroupBy) -> list[Characteristic]:
    found = [
        Characteristic(name, c.type, tuple(row.case.clinical.get(name) for row in rows), c.unit, c.categories)
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
    scans = Characteristic("scans", "numeric", tuple(float(len({r.case.scan_id for r in rows})) for rows in ordered))
    days = Characteristic("day of the first scan", "numeric", tuple(rows[0].days for rows in ordered), "days")
    groups = [Characteristic(name, "categorical", tuple(_common(rows, key) for rows in ordered))
              for key, name in _NAMES.items() if key != by]
    return [*found, lesions, *_varied([scans, days, *groups])]


def _varied(characteristics: Sequence[Characteristic]) -> list[Characteristic]:
    """Those that tell something: a cohort of one centre needs no row for it."""
    return [c for c in characteristics if len(set(c.values)) > 1]


def _earliest(rows: Sequence[_Row], name: str) -> ClinicalValue:
    return next((v for v in (r.case.clinical.get(name) for r in rows) if v is not None), None)


def _common(rows: Sequence[_Row], by: GroupBy) -> str:
    labels = {row.label(by) for row in rows}
    return labels.pop() if len(labels) == 1 else MIXED[by]
