"""Several labelled data sets as one that shares their images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.types import LesionCase, Scan
from rnnet.core.wording import listed
from rnnet.core.workspace import RawLayout
from rnnet.dataset.case import RawDataset
from rnnet.dataset.cases_table import source_of
from rnnet.dataset.leakage_sources import names_to_carry
from rnnet.dataset.manifest import ClinicalColumn, DeclaredState, Manifest
from rnnet.dataset.people import people_across
from rnnet.dataset.write_tables import write_cases, write_manifest, write_other_ids


def write_combined(layout: RawLayout, members: Sequence[RawDataset], *, name: str) -> None:
    """Write dataset.json, cases.csv and other_ids.csv of the members together; dataset.json last.

    Where members use the same id for something, every id gets the member's number in front. A patient that two members
    know is one patient: by other_ids.csv, by a converter's id, or because both share the scans of a third data set.
    Clinical columns are those of all members; a member without one has empty cells.

    Raises:
        DatasetError: fewer than two members, a pool among them, other outcomes, a clinical column of another type, a
            scan that stands in two members, or something in the folder.
        LeakageError: a patient is held out by one member and used for training by another.
    """
    _check(layout, members)
    prefixes = _prefixes(members)
    people = _people(members, prefixes)
    cases: list[LesionCase] = []
    scans: dict[str, Scan] = {}
    sources: dict[str, str] = {}
    for member in members:
        prefix = prefixes[member.name]
        for scan in member.scans:
            scans[prefix + scan.scan_id] = scan
            sources[prefix + scan.scan_id] = source_of(scan)
        cases += [
            replace(c, case_id=prefix + c.case_id, scan_id=prefix + c.scan_id,
                    patient_id=people.id_of[f"{member.name}/{c.patient_id}"])
            for c in member.cases
        ]
    _check_sources(sources, members)
    _check_sides(cases)
    manifest = _manifest(members, scans, name)
    write_cases(layout, manifest, cases, scans, sources=sources)
    write_other_ids(layout, people.names)
    write_manifest(layout, manifest)


@dataclass(frozen=True, slots=True)
class _People:
    """id_of: by 'MEMBER/PATIENT', the patient_id in the combined data set. names: by that id, all other names."""

    id_of: Mapping[str, str]
    names: Mapping[str, frozenset[str]]


def _people(members: Sequence[RawDataset], prefixes: Mapping[str, str]) -> _People:
    carried: dict[str, frozenset[str]] = {}
    for member in members:
        names = names_to_carry(member.layout, {c.patient_id for c in member.cases})
        carried |= {f"{member.name}/{patient}": found for patient, found in names.items()}
    person_of = people_across({member.layout: member.scans for member in members})
    ids: dict[str, str] = {}
    names_of: dict[str, frozenset[str]] = {}
    for qualified, person in person_of.items():
        member_name, _, patient = person.partition("/")
        ids[qualified] = prefixes[member_name] + patient
        names_of[ids[qualified]] = names_of.get(ids[qualified], frozenset()) | carried[qualified]
    return _People(ids, names_of)


def _check_sources(sources: Mapping[str, str], members: Sequence[RawDataset]) -> None:
    twice = sorted(source for source, number in Counter(sources.values()).items() if number > 1)
    if twice:
        raise DatasetError(
            f"{len(twice)} scan(s) stand in two of the data sets, for example {twice[0]}.",
            where=", ".join(m.name for m in members), fix="Leave one data set out: its lesions would count twice.",
        )


def _check_sides(cases: Iterable[LesionCase]) -> None:
    splits: dict[str, set[str]] = {}
    for case in cases:
        splits.setdefault(case.patient_id, set()).add(case.split)
    both = sorted(patient for patient, found in splits.items() if len(found) > 1)
    if both:
        raise LeakageError(
            f"{len(both)} patient(s) are held out by one of the data sets and used for training by another: "
            f"{listed(both)}.", fix="Hold them out in both, or in none (column split, rnnet_make_splits).",
        )


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


def _prefixes(members: Sequence[RawDataset]) -> dict[str, str]:
    """What goes in front of each member's ids: nothing, or its number where two members use a name for something."""
    for names in (
        [{s.scan_id for s in m.scans} for m in members], [{c.case_id for c in m.cases} for m in members],
        [{c.patient_id for c in m.cases} for m in members],
    ):
        if sum(map(len, names)) > len(set().union(*names)):
            return {m.name: f"D{m.name[7:10]}-" for m in members}
    return dict.fromkeys((m.name for m in members), "")


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
        one_head=any(m.manifest.one_head for m in members),
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
