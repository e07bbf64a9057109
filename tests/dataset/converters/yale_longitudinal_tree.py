"""A small release of Yale-Brain-Mets-Longitudinal."""

from __future__ import annotations

from pathlib import Path

from tests.dataset.converters.pool_files import put_excel, put_image, put_unused

TABLE = "Yale-Brain-Mets-Longitudinal_ClinicalData_20250605.xlsx"


def put_study(root: Path, patient: str, date: str, time: str, *, kinds: tuple[str, ...], seed: int) -> None:
    """patient/date/patient_date_time_KIND.nii.gz for every kind; POST is an image."""
    for kind in kinds:
        path = root / patient / date / f"{patient}_{date}_{time}_{kind}.nii.gz"
        if kind.upper() == "POST":
            put_image(path, seed)
        else:
            put_unused(path)


def write_yale_longitudinal_tree(root: Path) -> Path:
    """Three scans of two patients; a date without POST, a second POST of a date, a patient without POST."""
    release = root / "Yale-Brain-Mets-Longitudinal"
    every = ("PRE", "POST", "T2", "FLAIR")
    put_study(release, "YG_0001", "2012-01-31", "09-00-00", kinds=("PRE", "T2"), seed=0)
    put_study(release, "YG_0001", "2012-03-01", "10-30-00", kinds=every, seed=1)
    put_study(release, "YG_0001", "2012-03-01", "16-05-00", kinds=("POST",), seed=2)
    put_study(release, "YG_0001", "2013-03-01", "10-30-00", kinds=("post",), seed=3)
    put_study(release, "YG_0010", "2015-06-15", "08-00-00", kinds=every, seed=4)
    put_study(release, "YG_0011", "2016-06-15", "08-00-00", kinds=("FLAIR",), seed=5)
    put_unused(release / "YG_0010" / "2015-06-15" / "report.txt")
    put_excel(root / TABLE, {
        "Clinical_data": {"patient_id": ["YG_0001"]}, "Acquisition_data": {"patient_id": ["YG_0001"]},
        "image_acquisition_parameters": {"patient_id": ["YG_0001"]},
    })
    return root
