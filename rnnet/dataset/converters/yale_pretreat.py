"""Yale's Pretreat-MetsToBrain-Masks: metastases before treatment, named as in BraTS-METS."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.wording import listed
from rnnet.dataset.converters.brats_names import brats_patients, read_brats_cases
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.id_table import read_id_table
from rnnet.dataset.converters.source import Release, SourceInfo, SourceScan, StoredFile
from rnnet.dataset.manifest import DeclaredState

_TABLE = "Pretreat-MetsToBrain-Masks_clin_20230918.xlsx"
_PAGE = "https://www.cancerimagingarchive.net/collection/pretreat-metstobrain-masks/"
_INFO = SourceInfo(
    name="yale_pretreat",
    title="Pretreat-MetsToBrain-Masks (Yale)",
    needs=("BraTS-MET-00001-000/BraTS-MET-00001-000-{t1c,seg}.nii.gz in any folder", f"{_TABLE} (optional)"),
    gives="pool of lesions",
    size="200 patients",
    licence=f"see the data use agreement at {_PAGE}",
    access=f"download from The Cancer Imaging Archive, {_PAGE}",
    reference="Ramakrishnan et al. 2024, A large open access dataset of brain metastasis 3D segmentations on MRI with "
              "clinical and imaging information, Scientific Data",
)


@dataclass(frozen=True, slots=True)
class YalePretreat:
    """Converter of Yale's set before treatment.

    A patient is "Yale-BraTS-MET-00001" and has the other name "BraTS-MET-00001": the challenge gave the same cases to
    others under it. The images are on the SRI24 atlas and skull-stripped, as all that went through its preparation.
    """

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return _INFO

    def read(self, folder: Path) -> Release:
        """Every case folder below `folder`, and the names in the clinical table.

        Raises:
            DatasetError: there is no case, the folder is that of BraTS-METS, or the table is damaged.
        """
        walk = FolderWalk(folder)
        if any("brats2023-met-challenge" in f.name.lower() for f in (folder.absolute(), *walk.folders)):
            raise DatasetError("This is the release of BraTS-METS, not Yale's.", where=folder,
                               fix="Convert it with the source brats_mets.")
        found = read_brats_cases(walk)
        if not found.cases and not found.dropped:
            raise DatasetError(
                "This does not look like Pretreat-MetsToBrain-Masks: no folder is named as BraTS-MET-00001-000 is.",
                where=folder, fix="Give the folder that holds the cases and the clinical table.",
            )
        scans = tuple(
            SourceScan(f"Yale-{case.case_id}", f"Yale-{case.patient}", "Yale", StoredFile(case.image), case.mask)
            for case in found.cases
        )
        patients = {case.patient for case in found.cases}
        return Release(
            scans, preprocessed=DeclaredState(registered=True, skull_stripped=True),
            other_ids={f"Yale-{p}": (p,) for p in sorted(patients)}, dropped=tuple(found.dropped),
            notes=(*found.notes, *_compare_with_table(walk, patients)), unknown_files=walk.unknown(),
        )


def _compare_with_table(walk: FolderWalk, patients: set[str]) -> list[str]:
    """What the clinical table knows of other patients than the folders; it is claimed."""
    tables = [path for path, _ in walk.named(r"Pretreat-MetsToBrain-Masks.*\.xlsx")]
    walk.claim(*tables)
    if not tables:
        return [f"There is no {_TABLE}: the patients' BraTS names are those of their folders."]
    table = read_id_table(tables[0], "Data", ("BraTS_MET_ID",))
    if table.problem:
        return [f"{table.problem} The patients' BraTS names are those of their folders."]
    named = {name for (cell,) in table.rows for name in brats_patients(cell)}
    unread = [cell for (cell,) in table.rows if not brats_patients(cell)]
    said = (
        ("have no row in the clinical table", sorted(patients - named)),
        ("of the clinical table have no images here", sorted(named - patients)),
    )
    notes = [f"{len(who)} patient(s) {what}: {listed(who)}." for what, who in said if who]
    if unread:
        notes.append(f"{len(unread)} cell(s) of BraTS_MET_ID are no BraTS name: {listed(unread)}.")
    return notes
