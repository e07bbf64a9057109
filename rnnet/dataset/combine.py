"""Several labelled data sets as one that shares their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rnnet.core.errors import DatasetError
from rnnet.core.types import LesionCase, Scan
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.identity import read_other_ids
from rnnet.dataset.manifest import ClinicalColumn, DeclaredState, Manifest
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids


def write_combined(layout: RawLayout, members: Sequence[RawDataset], *, name: str) -> None:
    """Write dataset.json and cases.csv of the members together; dataset.json last.

    Where members use the same id for something, every id gets the member's number in front. Patients keep their ids
    where no two members share one. Clinical columns are those of all members; a member without one has empty cells.

    Raises:
        DatasetError: fewer than two members, a pool among them, other outcomes, a clinical column of another type, or
            a data set in the folder.
    """
    _check(layout, members)
    by_number = _ids_clash(members)
    cases: list[LesionCase] = []
    scans: dict[str, Scan] = {}
    sources: dict[str, str] = {}
    others: dict[str, frozenset[str]] = {}
    for member in members:
        prefix = f"D{member.name[7:10]}-" if by_number else ""
        for scan in member.scans:
            scans[prefix + scan.scan_id] = scan
            sources[prefix + scan.scan_id] = source_of(scan)
        cases += [
            replace(c, case_id=prefix + c.case_id, scan_id=prefix + c.scan_id, patient_id=prefix + c.patient_id)
            for c in member.cases
        ]
        for patient, names in read_other_ids(member.layout.other_ids_csv).items():
            others[prefix + patient] = names
    manifest = _manifest(members, scans, name)
    write_cases(layout, manifest, cases, scans, sources=sources)
    write_other_ids(layout, others)
    write_manifest(layout, manifest)


def _check(layout: RawLayout, members: Sequence[RawDataset]) -> None:
    if len(members) < 2:
        raise DatasetError("Only one data set was named.", fix="Name two or more with -d.")
    if layout.folder.is_dir() and any(layout.folder.iterdir()):
        raise DatasetError("There is something in this folder already.", where=layout.folder,
                           fix="Choose another number or name.")
    for member in members:
        if not member.layout.cases_csv.is_file():
            raise DatasetError(f"{member.name} is a pool without cases.csv.", where=member.layout.folder,
                               fix="Name it behind the data set in rnnet_pretrain -d; pools need not be combined.")
    first = members[0]
    for other in members[1:]:
        if (set(other.manifest.outcomes), other.manifest.positive_outcome) != (
            set(first.manifest.outcomes), first.manifest.positive_outcome
        ):
            raise DatasetError(
                f"{first.name} has the outcomes {_outcomes(first)}, {other.name} has {_outcomes(other)}.",
                where=other.layout.dataset_json, fix="Use the same names and the same positive outcome.",
            )


def _outcomes(member: RawDataset) -> str:
    return f"{', '.join(sorted(member.manifest.outcomes))} (positive: {member.manifest.positive_outcome})"


def _ids_clash(members: Sequence[RawDataset]) -> bool:
    """Whether two members use the same name for a scan, a case or a patient."""
    for names in (
        [{s.scan_id for s in m.scans} for m in members], [{c.case_id for c in m.cases} for m in members],
        [{c.patient_id for c in m.cases} for m in members],
    ):
        if sum(map(len, names)) > len(set().union(*names)):
            return True
    return False


def _manifest(members: Sequence[RawDataset], scans: dict[str, Scan], name: str) -> Manifest:
    first = members[0].manifest
    states = [m.manifest.declared for m in members]
    splits = Counter(scan.split for scan in scans.values())
    information: dict[str, str] = {}
    for member in members:
        information |= member.manifest.information
    return Manifest(
        name=name, channel_names=first.channel_names, outcomes=first.outcomes,
        positive_outcome=first.positive_outcome, clinical=_clinical(members), information=information,
        file_ending=first.file_ending, numTraining=splits["train"], numTest=splits["test"],
        preprocessed=DeclaredState(all(s.registered for s in states), all(s.skull_stripped for s in states)),
        reference="; ".join(dict.fromkeys(m.manifest.reference for m in members if m.manifest.reference)),
        licence="; ".join(dict.fromkeys(m.manifest.licence for m in members if m.manifest.licence)),
    )


def _clinical(members: Sequence[RawDataset]) -> dict[str, ClinicalColumn]:
    """The columns of all members. Categories are joined; a column without a list takes every text."""
    columns: dict[str, ClinicalColumn] = {}
    for member in members:
        for name, column in member.manifest.clinical.items():
            known = columns.setdefault(name, column)
            if (known.type, known.unit) != (column.type, column.unit):
                raise DatasetError(
                    f"The clinical column '{name}' is {_kind(column)} in {member.name} and {_kind(known)} before it.",
                    where=member.layout.dataset_json, fix="Bring both to the same type and unit, or rename one.",
                )
            closed = known.categories and column.categories
            joined = tuple(dict.fromkeys((*known.categories, *column.categories))) if closed else ()
            columns[name] = replace(known, categories=joined)
    return columns


def _kind(column: ClinicalColumn) -> str:
    return f"{column.type}{f' in {column.unit}' if column.unit else ''}"
