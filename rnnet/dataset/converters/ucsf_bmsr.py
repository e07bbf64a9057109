"""UCSF-BMSR: metastases before stereotactic radiosurgery, with lesion masks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.wording import listed
from rnnet.dataset.converters.brats_names import brats_patients
from rnnet.dataset.converters.case_files import CaseFiles
from rnnet.dataset.converters.components import LesionInstances
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.id_table import read_id_table
from rnnet.dataset.converters.source import Dropped, Release, SourceInfo, SourceMask, SourceScan, StoredFile
from rnnet.dataset.manifest import DeclaredState

_TABLE = "TableS1_UCSF_BrainMetastases_SubjectInfo.xlsx"
_PAGE = "https://imagingdatasets.ucsf.edu/dataset/1"
_INFO = SourceInfo(
    name="ucsf_bmsr",
    title="UCSF-BMSR (University of California San Francisco)",
    needs=("UCSF_BrainMetastases_TRAIN/100101A/100101A_{T1post,seg}.nii.gz",
           f"{_TABLE} (optional: which cases BraTS-METS has as well)"),
    gives="pool of lesions",
    size="461 scans with masks",
    licence=f"see the data use agreement at {_PAGE}",
    access=f"ask for it at {_PAGE}",
    reference="Rudie et al. 2024, The University of California San Francisco Brain Metastases Stereotactic "
              "Radiosurgery (UCSF-BMSR) MRI Dataset, Radiology: Artificial Intelligence",
)
_CASE = re.compile(r"(?P<patient>\d{6})(?P<session>[A-Z])", re.IGNORECASE)
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "T1CE": ("T1post",), "T1": ("T1pre",), "FLAIR": ("FLAIR",), "subtraction": ("subtraction",),
    "T2": ("T2Synth",), "segmentation": ("seg",), "tissue segmentation": ("BraTS-seg", "BraTS_seg"),
}
_EXCLUDED = {"100363B": "excluded as unusable, as it is by others who prepared this release (nnDetection's Task057)"}
# Neither is grown: the voxels are native, so a step of one voxel would join lesions by other distances in every scan.
_LESIONS = LesionInstances(lesion_values=(1,), dilate=False)
_LESIONS_OF_TISSUES = LesionInstances(lesion_values=(1, 3), known_values=(0, 2), dilate=False)


@dataclass(slots=True)
class _Found:
    scans: list[SourceScan] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_others: int = 0
    by_tissues: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class UcsfBmsr:
    """Converter of UCSF-BMSR: one scan a session (the letter of 100101A); patient "UCSF-100101".

    The binary mask says what the lesions are: its 26-connected components of at least 2 mm3. Where it is missing, they
    are those of the values 1 and 3 of the BraTS segmentation. The days between sessions are not published.
    """

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return _INFO

    def read(self, folder: Path) -> Release:
        """Every session folder below `folder`, and the BraTS names in the table.

        Raises:
            DatasetError: there is no session folder, or the table is damaged.
        """
        walk = FolderWalk(folder)
        found = _Found()
        seen: dict[str, str] = {}
        for place, files in walk.by_folder().items():
            if match := _CASE.fullmatch(place.name):
                case = CaseFiles(walk, place, files, _SUFFIXES)
                _read_session(match["patient"], match["session"].upper(), case, walk.relative(place), seen, found)
        if not seen:
            raise DatasetError(
                "This does not look like UCSF-BMSR: no folder is named as 100101A is (patient and session).",
                where=folder, fix="Give the folder UCSF_BrainMetastases_v1.3, or UCSF_BrainMetastases_TRAIN in it.",
            )
        other_ids, notes = _brats_names(walk, {scan.patient_id for scan in found.scans})
        return Release(
            tuple(found.scans), preprocessed=DeclaredState(skull_stripped=True), other_ids=other_ids,
            dropped=tuple(found.dropped), unknown_files=walk.unknown(),
            notes=(*found.notes, *_summary(found), *notes),
        )


def _read_session(
    patient: str, session: str, files: CaseFiles, where: str, seen: dict[str, str], found: _Found
) -> None:
    case_id = f"{patient}{session}"
    scan_id = f"UCSF-{case_id}"
    found.n_others += files.claim_all("T1CE", "segmentation", "tissue segmentation")
    image, binary, tissues = (files.find(k) for k in ("T1CE", "segmentation", "tissue segmentation"))
    reason = _EXCLUDED.get(case_id, "") or image.problem or binary.problem
    if case_id in seen:
        reason = f"{where} is not read: the session is read from {seen[case_id]} already"
    elif image.path is None and not reason:
        reason = "its folder is empty" if files.is_empty else f"no _{files.suffix('T1CE')}.nii.gz in its folder"
    elif binary.path is None and not reason:
        reason = tissues.problem
    seen.setdefault(case_id, where)
    if image.path is None or reason:
        found.dropped.append(Dropped("scan", scan_id, reason))
        return
    mask = None
    if binary.path is not None:
        mask = SourceMask((StoredFile(binary.path),), _LESIONS)
    elif tissues.path is not None:
        mask = SourceMask((StoredFile(tissues.path),), _LESIONS_OF_TISSUES)
        found.by_tissues.append(case_id)
    used = (image, binary if binary.path else tissues)
    found.notes += [f.note for f in used if f.note]
    found.scans.append(SourceScan(scan_id, f"UCSF-{patient}", "UCSF", StoredFile(image.path), mask))


def _summary(found: _Found) -> list[str]:
    notes = [f"{found.n_others} files of the other sequences (T1pre, FLAIR, subtraction, T2Synth) are known and not "
             "used, nor is BraTS-seg beside _seg."]
    if found.by_tissues:
        notes.append(f"{len(found.by_tissues)} session(s) have no _seg; their lesions are those of BraTS-seg, without "
                     f"oedema: {', '.join(found.by_tissues)}.")
    without = [scan.scan_id for scan in found.scans if scan.mask is None]
    if without:
        notes.append(f"{len(without)} session(s) have no segmentation and are kept as scans without a mask: "
                     f"{listed(without)}.")
    return notes


def _brats_names(walk: FolderWalk, patients: set[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Names in BraTS-METS by patient, where every session may have one, and notes; the table is claimed."""
    tables = [path for path, _ in walk.named(r"TableS1.*\.xlsx")]
    walk.claim(*tables)
    by_image = "Cases that BraTS-METS has as well can be found by their images only."
    if not tables:
        return {}, [f"There is no {_TABLE}. {by_image}"]
    table = read_id_table(tables[0], "RENAMED", ("SubjectID", "BraTS_ID"))
    if table.problem:
        return {}, [f"{table.problem} {by_image}"]
    names: dict[str, set[str]] = {}
    unread: list[str] = []
    for subject, cell in table.rows:
        match = re.fullmatch(r"(\d{6})[A-Z]?", subject, re.IGNORECASE)
        if cell and match and brats_patients(cell):
            names.setdefault(f"UCSF-{match[1]}", set()).update(brats_patients(cell))
        elif cell:
            unread.append(f"{subject} '{cell}'")
    notes = [f"{len(unread)} row(s) of {tables[0].name} cannot be read: {listed(unread)}."] if unread else []
    return {p: tuple(sorted(n)) for p, n in sorted(names.items()) if p in patients}, notes
