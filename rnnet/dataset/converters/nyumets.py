"""NYUMets-Brain: follow-up studies of patients treated with the Gamma Knife, some with the plan's targets as masks.

Link et al., Longitudinal deep neural networks for assessing metastatic brain cancer on a large open benchmark,
Nat Commun 15 (2024), doi:10.1038/s41467-024-52414-2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.binary_mask import binary_lesions
from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk
from rnnet.dataset.converters.source import Dropped, Release, SourceInfo, SourceMask, SourceScan, StoredFile
from rnnet.dataset.table import parse_number, read_table

_FILE = rf"(?:.*/)?(?P<patient>\d+)/studyId/(?P<study>\d+)/(?P<name>\w+){NIFTI}"
_CT1, _PLAN, _MASK = "ct1", "rtstruct_mri", "rtstruct_segmentation"
_KNOWN = (_CT1, _PLAN, _MASK, "t1", "t2", "flair")
_PATIENT_DIGITS, _STUDY_DIGITS = 8, 10
_COLUMNS = ("PatientID", "StudyID")
_Study = tuple[str, str]


@dataclass(slots=True)
class _Table:
    """What the csv says, by (patient, study) with their zeros."""

    names: list[str] = field(default_factory=list)
    timepoints: dict[_Study, str] = field(default_factory=dict)
    adjusted: dict[_Study, str] = field(default_factory=dict)
    promised: dict[_Study, set[str]] = field(default_factory=dict)


class NyuMets:
    """A pool: which image of a study is taken, and when it was made.

    The segmentation was drawn on RTSTRUCT_MRI, the gradient-echo series after contrast that the treatment was planned
    on, and carried with it when the study's series were registered. So a study with a segmentation gives RTSTRUCT_MRI,
    whose grid and anatomy are the mask's; a study without gives CT1, the spin-echo series after contrast, or
    RTSTRUCT_MRI where there is no CT1. A segmentation without RTSTRUCT_MRI goes with CT1, which is registered to it.

    RelativeTimepoint is read as days, the unit of the release's clinical tables; SourceScan.days counts them from the
    patient's first study in the table. Values that merely number the studies are no days and are left out.
    """

    info = SourceInfo(
        name="nyumets",
        title="NYUMets-Brain",
        needs=(
            "imaging/patientId/<8 digits>/studyId/<10 digits>/"
            "{CT1,RTSTRUCT_MRI,RTSTRUCT_segmentation}.nii.gz",
            "the csv with PatientID, StudyID, RelativeTimepoint, ExpertAdjusted (optional: without it no days)",
        ),
        gives="pool of lesions over time; scans without masks where nothing was segmented",
        size="1,429 patients; see https://nyumets.org for the studies with images",
        licence="see the data use agreement at https://nyumets.org",
        access="https://nyumets.org (agreement)",
        reference="Link et al., Nat Commun 15 (2024), doi:10.1038/s41467-024-52414-2",
    )

    def read(self, folder: Path) -> Release:
        """All studies below `folder`. Patient ids are 'NYU-00001234', scan ids 'NYU-00001234_0000012345'.

        Raises:
            DatasetError: there is no patientId/<digits>/studyId/<digits>/*.nii.gz.
        """
        walk = FolderWalk(folder)
        studies = _studies(walk)
        if not studies:
            raise DatasetError(
                "This does not look like NYUMets: there is no patientId/<8 digits>/studyId/<10 digits>/*.nii.gz.",
                where=folder, fix="Give the folder that holds 'imaging'.",
            )
        table = _read_tables(walk)
        days, time_note = _days(table)
        scans: list[SourceScan] = []
        dropped: list[Dropped] = []
        for study, files in studies.items():
            image = _image(files)
            name = f"NYU-{study[0]}_{study[1]}"
            if image is None:
                dropped.append(Dropped("scan", name, "it has neither CT1 nor RTSTRUCT_MRI"))
                continue
            mask = SourceMask((StoredFile(files[_MASK]),), binary_lesions) if _MASK in files else None
            scans.append(SourceScan(name, f"NYU-{study[0]}", "NYU", StoredFile(image), mask, days.get(study)))
        return Release(scans=tuple(scans), dropped=tuple(dropped), unknown_files=walk.unknown(),
                       notes=(*time_note, *_notes(studies, table)))


def _studies(walk: FolderWalk) -> dict[_Study, dict[str, Path]]:
    found: dict[_Study, dict[str, Path]] = {}
    for path, match in walk.placed(_FILE):
        name = match["name"].lower()
        if name in _KNOWN:
            walk.claim(path)
            found.setdefault(_study_key(match["patient"], match["study"]), {}).setdefault(name, path)
    return found


def _study_key(patient: str, study: str) -> _Study:
    """Both numbers with the zeros that a table or folder may have lost."""
    return patient.zfill(_PATIENT_DIGITS), study.zfill(_STUDY_DIGITS)


def _image(files: Mapping[str, Path]) -> Path | None:
    wanted = (_PLAN, _CT1) if _MASK in files else (_CT1, _PLAN)
    return next((files[name] for name in wanted if name in files), None)


def _read_tables(walk: FolderWalk) -> _Table:
    """Rows of every csv that has both identifiers."""
    result = _Table()
    for path, _ in list(walk.named(r".*\.csv")):
        table = read_table(path, ())
        captions = {c.strip().casefold(): c for c in table.columns}
        if not all(c.casefold() in captions for c in _COLUMNS):
            continue
        walk.claim(path)
        result.names.append(path.name)
        for row in table.rows:
            numbers = [_whole(row[captions[c.casefold()]]) for c in _COLUMNS]
            if not all(numbers):
                continue
            study = _study_key(numbers[0], numbers[1])
            for caption, place in (("relativetimepoint", result.timepoints), ("expertadjusted", result.adjusted)):
                if caption in captions and row[captions[caption]]:
                    place.setdefault(study, row[captions[caption]])
            flags = {n for n in _KNOWN if n in captions and (parse_number(row[captions[n]]) == 1 or
                                                             row[captions[n]].casefold() == "true")}
            result.promised.setdefault(study, set()).update(flags)
    return result


def _whole(text: str) -> str:
    """The digits of an identifier, also of '1234.0'; '' if it is none."""
    number = parse_number(text)
    return str(int(number)) if number is not None and number >= 0 and number == int(number) else ""


def _days(table: _Table) -> tuple[dict[_Study, float], list[str]]:
    """Days since the patient's first study, and what must be said about them."""
    if not table.timepoints:
        return {}, [f"No days: no RelativeTimepoint in {', '.join(table.names) or 'any csv'}."]
    by_patient: dict[str, dict[_Study, float]] = {}
    odd = 0
    for study, text in table.timepoints.items():
        number = parse_number(text)
        if number is None:
            odd += 1
        else:
            by_patient.setdefault(study[0], {})[study] = number
    notes = [f"{odd} RelativeTimepoint(s) are no numbers; those studies have no day."] if odd else []
    if _only_numbered(by_patient.values()):
        return {}, [*notes, "No days: RelativeTimepoint merely numbers each patient's studies."]
    days = {s: value - min(times.values()) for times in by_patient.values() for s, value in times.items()}
    return days, [*notes, "RelativeTimepoint is read as days; days count from the patient's first study."]


def _only_numbered(patients: Iterable[Mapping[_Study, float]]) -> bool:
    """Whether the times of all patients with several studies are consecutive numbers."""
    several = [sorted(times.values()) for times in patients if len(times) > 1]
    return bool(several) and all(b - a == 1 for times in several for a, b in pairwise(times))


def _notes(studies: Mapping[_Study, Mapping[str, Path]], table: _Table) -> list[str]:
    used = Counter((_MASK in files, path.name.split(".")[0].upper()) for files in studies.values()
                   if (path := _image(files)) is not None)
    notes = [
        f"{count} scan(s) {'with' if masked else 'without'} a segmentation: the image is {name}."
        for (masked, name), count in sorted(used.items(), reverse=True)
    ]
    if table.adjusted:
        seen = [table.adjusted.get(s, "") for s, files in studies.items() if _MASK in files]
        by_hand = sum(parse_number(t) == 1 or t.casefold() == "true" for t in seen)
        notes.append(f"{by_hand} of {len(seen)} segmentations were adjusted by an expert (ExpertAdjusted).")
    if table.names:
        unlisted = sum(s not in table.promised for s in studies)
        absent = sum(s not in studies for s in table.promised)
        lost = sum(bool(table.promised.get(s, set()) - set(files)) for s, files in studies.items())
        for count, text in ((unlisted, "studies have no row in the csv"), (absent, "rows of the csv have no folder"),
                            (lost, "studies lack a series that the csv promises")):
            notes += [f"{count} {text}."] if count else []
    return notes
