"""A small release of BraTS-METS 2023: both training folders, with the faults of the real one."""

from __future__ import annotations

from pathlib import Path

from tests.dataset.converters.pool_files import put_image, put_tissues, put_unused

TRAINING = "ASNR-MICCAI-BraTS2023-MET-Challenge-TrainingData"
ADDITIONAL = f"{TRAINING}_Additional"
VALIDATION = "ASNR-MICCAI-BraTS2023-MET-Challenge-ValidationData"


def put_brats_case(folder: Path, case_id: str, *, seed: int, mask: bool = True, ending: str = ".nii.gz") -> Path:
    """folder/BraTS-MET-00001-000 with its four sequences and segmentation; returns the case's folder."""
    case = folder / case_id
    put_image(case / f"{case_id}-t1c{ending}", seed)
    if mask:
        put_tissues(case / f"{case_id}-seg{ending}")
    put_unused(*(case / f"{case_id}-{kind}{ending}" for kind in ("t1n", "t2f", "t2w")))
    return case


def write_brats_mets_tree(root: Path) -> Path:
    """Six usable cases of five patients (one without a mask), one without T1CE, one with two, and unknown files.

    The T1CE of 00003 bears the number of another case, and that of 00005 a misspelt suffix.
    """
    put_brats_case(root / TRAINING, "BraTS-MET-00001-000", seed=1)
    put_brats_case(root / TRAINING, "BraTS-MET-00001-001", seed=2, ending=".nii")
    case = put_brats_case(root / TRAINING, "BraTS-MET-00003-000", seed=3)
    (case / "BraTS-MET-00003-000-t1c.nii.gz").rename(case / "BraTS-MET-00030-000-T1C.nii.gz")
    case = put_brats_case(root / TRAINING, "BraTS-MET-00005-000", seed=4)
    (case / "BraTS-MET-00005-000-t1c.nii.gz").rename(case / "BraTS-MET-00005-000-tlc.nii.gz")
    put_unused(root / TRAINING / "BraTS-MET-00006-000" / "BraTS-MET-00006-000-t1n.nii.gz")
    case = put_brats_case(root / ADDITIONAL, "BraTS-MET-00807-000", seed=5)
    (case / "BraTS-MET-00807-000-t1c.nii.gz").rename(case / "BraTS-MET-00808-000-t1c.nii.gz")
    put_unused(case / "BraTS-MET-00809-000-t1c.nii.gz")
    put_brats_case(root / ADDITIONAL, "BraTS-MET-00810-000", seed=6)
    put_brats_case(root / VALIDATION, "BraTS-MET-00900-000", seed=7, mask=False)
    put_unused(root / "notes" / "a.txt", root / "notes" / "b.txt", root / TRAINING / ".DS_Store", root / "mapping.xlsx")
    return root
