"""Cases that are named as in the BraTS-METS challenge: BraTS-MET-00001-000, a patient and a session."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.wording import listed
from rnnet.dataset.converters.case_files import CaseFiles
from rnnet.dataset.converters.components import LesionInstances
from rnnet.dataset.converters.folder_walk import FolderWalk, natural_key
from rnnet.dataset.converters.source import Dropped, SourceMask, StoredFile

_NUMBER = r"BraTS[-_ ]METS?[-_ ]?(?P<patient>\d+)"
_CASE = re.compile(rf"{_NUMBER}(?:[-_ ](?P<session>\d+))?", re.IGNORECASE)
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "T1CE": ("t1c", "t1ce", "t1gd"), "T1": ("t1n", "t1"), "FLAIR": ("t2f", "flair"), "T2": ("t2w", "t2"),
    "segmentation": ("seg",),
}
# 1 non-enhancing or necrotic core, 2 oedema, 3 enhancing: oedema surrounds a lesion and is none.
BRATS_LESIONS = LesionInstances(lesion_values=(1, 3), known_values=(0, 2))


@dataclass(frozen=True, slots=True)
class BratsCase:
    """One session of one patient. patient: "BraTS-MET-00001", without the session."""

    case_id: str
    patient: str
    image: Path
    segmentation: Path | None

    @property
    def mask(self) -> SourceMask | None:
        """The lesions, of which there may be none: an oedema alone, or specks only."""
        return None if self.segmentation is None else SourceMask((StoredFile(self.segmentation),), BRATS_LESIONS)


@dataclass(slots=True)
class BratsCases:
    """What read_brats_cases found. n_others: files of sequences that are not used. notes: for the user."""

    cases: list[BratsCase] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_others: int = 0


def brats_patients(text: str) -> tuple[str, ...]:
    """Patients that a text names: 'BraTS-MET-00012-000' -> ('BraTS-MET-00012',). The session is not the patient."""
    return tuple(dict.fromkeys(_patient(m) for m in re.finditer(_NUMBER, text, re.IGNORECASE)))


def read_brats_cases(walk: FolderWalk) -> BratsCases:
    """All cases in folders that bear a case's name, wherever they lie below (or at) `walk.root`; files are claimed.

    A case that stands in two folders is read from the first; the other is dropped.
    """
    places: dict[str, list[CaseFiles]] = {}
    where: dict[str, list[str]] = {}
    patients: dict[str, str] = {}
    for folder, files in walk.by_folder().items():
        if match := _CASE.fullmatch(folder.name):
            patient = _patient(match)
            case_id = patient if match["session"] is None else f"{patient}-{int(match['session']):03d}"
            patients[case_id] = patient
            places.setdefault(case_id, []).append(CaseFiles(walk, folder, files, _SUFFIXES))
            where.setdefault(case_id, []).append(walk.relative(folder))
    result = BratsCases()
    for case_id in sorted(places, key=natural_key):
        # An archive that was unpacked into a folder of its own name leaves an outer folder without files.
        filled = [i for i, files in enumerate(places[case_id]) if not files.is_empty]
        first = filled[0] if filled else 0
        _read_case(case_id, patients[case_id], places[case_id][first], result)
        for again in filled[1:]:
            places[case_id][again].claim_all()
            result.dropped.append(Dropped("scan", f"{case_id} in {where[case_id][again]}",
                                          f"the case is read from {where[case_id][first]} already"))
    result.notes += _summary(result)
    return result


def _read_case(case_id: str, patient: str, files: CaseFiles, result: BratsCases) -> None:
    result.n_others += files.claim_all("T1CE", "segmentation")
    image, segmentation = files.find("T1CE"), files.find("segmentation")
    result.notes += [found.note for found in (image, segmentation) if found.note]
    reason = image.problem or segmentation.problem
    if image.path is None and not reason:
        reason = "its folder is empty" if files.is_empty else f"no -{files.suffix('T1CE')}.nii.gz in its folder"
    if image.path is None or reason:
        result.dropped.append(Dropped("scan", case_id, reason))
    else:
        result.cases.append(BratsCase(case_id, patient, image.path, segmentation.path))


def _summary(result: BratsCases) -> list[str]:
    notes = [f"{result.n_others} files of the other sequences (t1n, t2f, t2w) are known and not used."]
    without = [case.case_id for case in result.cases if case.segmentation is None]
    if without:
        notes.append(f"{len(without)} case(s) without -seg, as the challenge gives its validation data, are kept as "
                     f"scans without a mask: {listed(without)}.")
    return notes


def _patient(match: re.Match[str]) -> str:
    return f"BraTS-MET-{int(match['patient']):05d}"
