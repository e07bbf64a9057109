"""Brain-TR-GammaKnife: lesions at treatment with the Gamma Knife, and whether each of them came back.

Wang et al., A brain MRI dataset and baseline evaluations for tumor recurrence prediction after Gamma Knife
radiotherapy, Sci Data 10 (2023) 785, doi:10.1038/s41597-023-02683-1; data: doi:10.7937/xb6d-py67.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.types import ClinicalValue
from rnnet.dataset.converters.binary_mask import one_lesion_each
from rnnet.dataset.converters.folder_walk import FolderWalk
from rnnet.dataset.converters.gammaknife_sheets import LesionRow, plain_name, read_lesion_rows
from rnnet.dataset.converters.source import (
    Dropped,
    Release,
    SourceInfo,
    SourceLesion,
    SourceMask,
    SourceScan,
    StoredFile,
)
from rnnet.dataset.manifest import ClinicalColumn

OUTCOMES = {"stable": 0, "recurrence": 1}
_FILE = r"(?:.*/)?GK[._](?P<patient>\d+)[._](?P<course>\d+)/(?P<name>[^/]+)\.nrrd"
_IMAGE, _NOT_A_LESION = "mrt1", ("mrt1", "dose", "ct")
_CLINICAL = {
    "age": ClinicalColumn("numeric", unit="years"),
    "sex": ClinicalColumn("categorical", categories=("female", "male")),
    "primary_tumour": ClinicalColumn("categorical"),
    "fractions": ClinicalColumn("numeric", unit="fractions"),
}
_INFORMATION = {
    "lesion_id": "name of the lesion in the release's NRRD files",
    "months_to_outcome": "months from treatment to the MRI on which the outcome was judged",
}
_Course = tuple[str, str]


class GammaKnife:
    """Labelled lesions, one scan for each course of treatment.

    The outcomes are the release's own, stable and recurrence, and recurrence is the positive one. A stable lesion is
    no radiation necrosis, so these outcomes must not be mixed with progression and radiation necrosis. The image is
    that of the treatment: its outcome lies in the future, where a lesion of the other labelled sources has grown
    already.
    """

    info = SourceInfo(
        name="gammaknife",
        title="Brain-TR-GammaKnife",
        needs=(
            "GK.<patient>_<course>/GK.<patient>_<course>_MR_t1.nrrd and one .nrrd for each lesion",
            "Brain-TR-GammaKnife-Clinical-Information.xlsx (sheets lesion_level and course_level)",
        ),
        gives="labelled lesions: stable or recurrence after treatment (not radiation necrosis)",
        size="47 patients, 244 lesions",
        licence="see the data usage policy at https://doi.org/10.7937/xb6d-py67",
        access="https://doi.org/10.7937/xb6d-py67 (The Cancer Imaging Archive)",
        reference="Wang et al., Sci Data 10 (2023) 785, doi:10.1038/s41597-023-02683-1",
    )

    def read(self, folder: Path) -> Release:
        """All courses below `folder`. Scan ids are 'GammaKnife-103_1', patient ids 'GammaKnife-103'.

        Raises:
            DatasetError: there are no such NRRD files, no table, or the table lacks a column that is needed.
        """
        walk = FolderWalk(folder)
        courses = _courses(walk)
        tables = [path for path, _ in walk.named(r".*clinical.*information.*\.xlsx")]
        if not courses or not tables:
            absent = "no table *Clinical-Information.xlsx" if courses else "no GK.<patient>_<course>/*_MR_t1.nrrd"
            raise DatasetError(f"This does not look like Brain-TR-GammaKnife: there is {absent}.", where=folder,
                               fix="Give the folder that holds the NRRD files and the table.")
        walk.claim(*tables)
        rows, notes = read_lesion_rows(tables[0])
        scans: list[SourceScan] = []
        lesions: list[SourceLesion] = []
        dropped: list[Dropped] = []
        for course, files in courses.items():
            scan, found, lost = _scan(course, files, [r for r in rows if (r.patient, r.course) == course])
            scans += [scan] if scan else []
            lesions += found
            dropped += lost
        dropped += [
            Dropped("lesion", r.name, f"row {r.line} of the table: there is no folder GK.{r.patient}_{r.course}")
            for r in rows if (r.patient, r.course) not in courses
        ]
        return Release(
            scans=tuple(scans), lesions=tuple(lesions), clinical=_CLINICAL, information=_INFORMATION,
            outcomes=OUTCOMES, positive_outcome="recurrence", dropped=tuple(dropped), unknown_files=walk.unknown(),
            notes=("The outcomes are 'stable' and 'recurrence' (positive): a stable lesion is no radiation necrosis. "
                   "The image is that of the treatment, before the outcome.", *notes,
                   *_unlabelled(lesions)),
        )


def _courses(walk: FolderWalk) -> dict[_Course, dict[str, Path]]:
    """Files of every course by the plain form of what follows the course's name."""
    courses: dict[_Course, dict[str, Path]] = {}
    for path, match in walk.placed(_FILE):
        walk.claim(path)
        courses.setdefault((match["patient"], match["course"]), {}).setdefault(plain_name(match["name"]), path)
    return courses


def _scan(
    course: _Course, files: Mapping[str, Path], rows: Sequence[LesionRow]
) -> tuple[SourceScan | None, list[SourceLesion], list[Dropped]]:
    patient = f"GammaKnife-{course[0]}"
    scan_id = f"{patient}_{course[1]}"
    image = files.get(_IMAGE)
    masks = {name: path for name, path in files.items() if name not in _NOT_A_LESION}
    if image is None or not masks:
        return None, [], [Dropped("scan", scan_id, "it has no image *_MR_t1.nrrd" if image is None else "no lesion")]
    values = {name: value for value, name in enumerate(masks, start=1)}
    lesions: dict[str, SourceLesion] = {}
    dropped: list[Dropped] = []
    for row in rows:
        if row.plain not in values:
            dropped.append(Dropped("lesion", row.name, f"row {row.line} of the table: there is no such file"))
        elif row.plain in lesions:
            dropped.append(Dropped("lesion", row.name, f"the table has it twice, again in row {row.line}"))
        else:
            lesions[row.plain] = _lesion(scan_id, values[row.plain], row)
    unlisted = [
        SourceLesion(scan_id, values[name], information={"lesion_id": path.stem, "months_to_outcome": ""},
                     clinical=_course_values(rows))
        for name, path in masks.items() if name not in lesions
    ]
    mask = SourceMask(tuple(StoredFile(p) for p in masks.values()),
                      partial(one_lesion_each, values=tuple(values.values())))
    scan = SourceScan(scan_id, patient, "GammaKnife", StoredFile(image), mask, may_be_empty=False)
    return scan, [*lesions.values(), *unlisted], dropped


def _lesion(scan_id: str, value: int, row: LesionRow) -> SourceLesion:
    return SourceLesion(
        scan_id, value, row.outcome, "follow-up MRI" if row.outcome else "",
        clinical={**_course_values([row]), "fractions": row.fractions},
        information={"lesion_id": row.name, "months_to_outcome": row.months},
    )


def _course_values(rows: Sequence[LesionRow]) -> dict[str, ClinicalValue]:
    """Clinical values that all lesions of a course share."""
    if not rows:
        return {}
    return {"age": rows[0].age, "sex": rows[0].sex, "primary_tumour": rows[0].primary}


def _unlabelled(lesions: Sequence[SourceLesion]) -> list[str]:
    found = [lesion.scan_id for lesion in lesions if lesion.outcome is None]
    return [f"{len(found)} lesion(s) on {len(set(found))} scan(s) have no outcome in the table."] if found else []
