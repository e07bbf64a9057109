"""BraTS-METS 2023: the brain metastases of the BraTS challenge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.brats_names import read_brats_cases
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.source import Release, SourceInfo, SourceScan, StoredFile
from rnnet.dataset.manifest import DeclaredState

_INFO = SourceInfo(
    name="brats_mets",
    title="BraTS-METS 2023 (ASNR-MICCAI challenge, several centres)",
    needs=(
        "ASNR-MICCAI-BraTS2023-MET-Challenge-TrainingData*/BraTS-MET-00001-000/"
        "BraTS-MET-00001-000-{t1c,seg}.nii.gz (one training folder, or the folder that holds both)",
    ),
    gives="pool of lesions",
    size="165 + 73 cases",
    licence="see the challenge's data terms at https://www.synapse.org/brats",
    access="register for the challenge at https://www.synapse.org/brats",
    reference="Moawad et al. 2023, The Brain Tumor Segmentation - Metastases (BraTS-METS) Challenge 2023, "
              "arXiv:2306.00838",
)


@dataclass(frozen=True, slots=True)
class BratsMets:
    """Converter of BraTS-METS: one scan a case (a patient's session), lesions numbered as the challenge counts them.

    The days between the sessions of a patient are not published. All centres of the challenge are one centre here:
    the names do not tell them apart.
    """

    @property
    def info(self) -> SourceInfo:
        """What --list prints."""
        return _INFO

    def read(self, folder: Path) -> Release:
        """Every case folder below `folder`.

        Raises:
            DatasetError: there is none, or the folder is Yale's release, which is named in the same way.
        """
        walk = FolderWalk(folder)
        if any(walk.named(r"Pretreat-MetsToBrain-Masks.*\.xlsx")):
            raise DatasetError("This is Yale's Pretreat-MetsToBrain-Masks, whose cases bear BraTS names.", where=folder,
                               fix="Convert it with the source yale_pretreat.")
        found = read_brats_cases(walk)
        if not found.cases and not found.dropped:
            raise DatasetError(
                "This does not look like BraTS-METS: no folder is named as BraTS-MET-00001-000 is.", where=folder,
                fix="Give the folder that holds ASNR-MICCAI-BraTS2023-MET-Challenge-TrainingData, or that one itself.",
            )
        scans = tuple(
            SourceScan(case.case_id, case.patient, "BraTS-METS", StoredFile(case.image), case.mask)
            for case in found.cases
        )
        return Release(
            scans, preprocessed=DeclaredState(registered=True, skull_stripped=True), dropped=tuple(found.dropped),
            unknown_files=walk.unknown(), notes=tuple(found.notes),
        )
