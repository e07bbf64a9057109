"""A small tree as Brain-TR-GammaKnife is released."""

import numpy as np
import pandas as pd

from rnnet.core.volume import write_volume
from tests.dataset.converters.conversion import SHAPE_ZYX, blobs
from tests.factories import make_volume

TABLE = "Brain-TR-GammaKnife-Clinical-Information.xlsx"
LESION_COLUMNS = ("unique_pt_id", "Treatment Course", "Lesion #", "duration_tx_to_imag (months)", "Fractions",
                  "mri_type", "Lesion Name in NRRD files")
COURSE_COLUMNS = ("unique_pt_id", "Course #", "Diagnosis (Only want Mets)", "Primary Diagnosis", "Age at Diagnosis",
                  "Gender")
# Patient, course, months, fractions, outcome, name in the table, name of the file (which may differ a little).
LESIONS = (
    (103, 1, 6.5, 1, "stable", "GK.103_1_LFrontal", "GK.103_1_LFrontal"),
    (103, 1, 6.5, 1, "recurrence", "GK.103_1_LR atrium", "GK.103_1_LRatrium"),
    (103, 2, 3, 1, "recurrence", "GK.103_2_LCerebellum", "GK.103_2_LCerebellum"),
    (147, 1, 12, 3, "Recurrence", "GK.147_1_L1", "GK.147_1_L1"),
    (199, 1, 8, 1, "stable", "GK.199_1_L1", "GK.199_1_L1"),
    (199, 1, 8, 1, "unclear", "GK.199_1_L2", "GK.199_1_L2"),
)
COURSES = (
    (103, 1, "brain mets", "Lung", 61, "Male"), (103, 2, "brain mets", "Lung", 62, "Male"),
    (147, 1, "brain mets", "Breast", 55, "Female"), (199, 1, "brain mets", "n/a", "", "F"),
)


def write_table(root, lesions=LESIONS, *, lesion_columns=LESION_COLUMNS, sheet="lesion_level"):
    rows = [(p, c, i, months, fractions, outcome, name)
            for i, (p, c, months, fractions, outcome, name, _) in enumerate(lesions, start=1)]
    root.mkdir(parents=True, exist_ok=True)
    with pd.ExcelWriter(root / TABLE) as book:
        pd.DataFrame(COURSES, columns=list(COURSE_COLUMNS)).to_excel(book, sheet_name="course_level", index=False)
        pd.DataFrame(rows, columns=list(lesion_columns)).to_excel(book, sheet_name=sheet, index=False)


def write_courses(root, lesions=LESIONS):
    """The image, the dose and one binary mask for each lesion of every course."""
    by_course = {}
    for patient, course, *_, file in lesions:
        by_course.setdefault((patient, course), []).append(file)
    for seed, ((patient, course), files) in enumerate(by_course.items()):
        name = f"GK.{patient}_{course}"
        folder = root / name
        image = make_volume(SHAPE_ZYX, seed=seed)
        write_volume(folder / f"{name}_MR_t1.nrrd", image)
        write_volume(folder / f"{name}_dose.nrrd", image)
        numbered = blobs(len(files))
        for value, file in enumerate(files, start=1):
            write_volume(folder / f"{file}.nrrd", image.with_array((numbered == value).astype(np.uint8)))


def write_tree(root):
    write_table(root)
    write_courses(root)
    return root
