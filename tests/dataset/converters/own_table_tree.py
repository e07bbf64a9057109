"""A centre's own folder: images, masks, a table as a spreadsheet saves it in Germany, and its mapping file."""

import csv
import json

import numpy as np
import pandas as pd

from rnnet.core.volume import write_volume
from tests.dataset.converters.conversion import SHAPE_ZYX, blobs
from tests.factories import make_volume

HEADER = ("PatID", "Datum", "T1CE-Datei", "Maske", "Läsion", "Befund", "Geschlecht", "Alter", "Bemerkung")
# Patient 1 has two scans, the first with two lesions; the second patient's lesion has no outcome yet.
ROWS = (
    ("1", "01.03.2020", "p1_a.nii.gz", "p1_a_seg.nii.gz", "1", "RN", "1", "61,5", "x"),
    ("1", "01.03.2020", "p1_a.nii.gz", "p1_a_seg.nii.gz", "2", "TP", "1", "61,5", "n/a"),
    ("1", "30.04.2020", "p1_b.nii.gz", "p1_b_seg.nii.gz", "1", "RN", "1", "61,6", " "),
    ("2", "05.05.2020", "p2.nii.gz", "p2_seg.nii.gz", "1", "-", "2", "", ""),
    ("3", "06.05.2020", "p3.nii.gz", "p3_seg.nii.gz", "1", "TP", "2.0", "70", ""),
    ("4", "06.05.2020", "p4.nii.gz", "p4_seg.nii.gz", "1", "RN", "n/a", "55", ""),
)
MAPPING = {
    "name": "UKER",
    "columns": {"image": "T1CE-Datei", "mask": "Maske", "patient": "PatID", "lesion_value": "Läsion",
                "outcome": "Befund", "date": "Datum"},
    "outcome_values": {"RN": "radiation_necrosis", "TP": "progression", "unklar": ""},
    "label_source": "histology",
    "clinical": {
        "age": {"column": "Alter", "type": "numeric", "unit": "years"},
        "sex": {"column": "Geschlecht", "type": "categorical", "categories": ["female", "male"],
                "values": {"1": "female", "2": "male"}},
    },
    "information": {"remark": {"column": "Bemerkung", "meaning": "the reader's remark"}},
}


def write_images(root, rows=ROWS, *, image=2, mask=3, per_lesion=False):
    """Images and masks that the rows name; per_lesion: one binary mask for each row."""
    by_image = {}
    for row in rows:
        by_image.setdefault(row[image], []).append(row[mask])
    for seed, (name, masks) in enumerate(by_image.items()):
        volume = make_volume(SHAPE_ZYX, seed=seed)
        write_volume(root / name, volume)
        numbered = blobs(len(masks))
        for value, file in enumerate(masks, start=1):
            array = (numbered == value).astype(np.uint8) if per_lesion else numbered
            write_volume(root / file, volume.with_array(array))


def write_csv(root, rows=ROWS, *, header=HEADER, name="cohort.csv", delimiter=";", encoding="utf-8-sig"):
    with (root / name).open("w", newline="", encoding=encoding) as stream:
        csv.writer(stream, delimiter=delimiter).writerows([header, *rows])
    return root / name


def write_excel(root, rows=ROWS, *, header=HEADER, name="cohort.xlsx"):
    """Dates, numbers and blanks as Excel keeps them."""
    frame = pd.DataFrame(rows, columns=list(header))
    frame["Datum"] = pd.to_datetime(frame["Datum"], format="%d.%m.%Y")
    for column in ("PatID", "Läsion"):
        frame[column] = frame[column].astype(int)
    with pd.ExcelWriter(root / name) as book:
        pd.DataFrame({"about": ["this book"]}).to_excel(book, sheet_name="Legend", index=False)
        frame.to_excel(book, sheet_name="Lesions", index=False)
    return root / name


def write_mapping(root, **changes):
    (root / "mapping.json").write_text(json.dumps({**MAPPING, **changes}), encoding="utf-8")


def write_tree(root):
    root.mkdir(parents=True, exist_ok=True)
    write_images(root)
    write_csv(root)
    write_mapping(root)
    return root
