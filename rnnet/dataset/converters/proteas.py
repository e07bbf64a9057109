"""PROTEAS: brain metastases before radiotherapy and at each follow-up, with tumour regions at most time points.

Flouri et al., A longitudinal MRI dataset of brain metastases with tumor segmentations, clinical & radiomic data,
Sci Data 12 (2025) 1828, doi:10.1038/s41597-025-06131-0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.components import LesionInstances
from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk
from rnnet.dataset.converters.source import Dropped, Release, SourceInfo, SourceMask, SourceScan, StoredFile

# The release numbers its regions otherwise than BraTS: 1 necrosis, 2 enhancing tumour, 3 oedema.
LESIONS = LesionInstances(lesion_values=(1, 2), known_values=(0, 3))
_SERIES = rf"(?:.*/)?(?P<course>P\d+[a-z]?)/BraTS/(?P<time>[^/]+)/(?P<kind>t1c|t1|t2|fla|flair|t1n){NIFTI}"
_MASK = rf"(?P<course>P\d+[a-z]?)_tumou?r_mask_(?P<time>.+?){NIFTI}"
# Known and not used: planning CT, dose, brain tissue masks, the original DICOM series.
_OTHER = rf"(?:.*/)?P\d+[a-z]?_(?:CT|RTP|RTSTRUCT|RS|.*brain_mask.*){NIFTI}"
_TABLES = r"PROTEAS-.*\.xlsx"
_Key = tuple[str, str]


class Proteas:
    """A pool; a patient's courses of radiotherapy ('P04a', 'P04b') are one patient, PROTEAS-P04.

    Days stay empty: no table dates the time points. Skull-stripping is not declared, for some patients' images still
    show the skull.
    """

    info = SourceInfo(
        name="proteas",
        title="PROTEAS brain metastases, longitudinal",
        needs=("P01/BraTS/{baseline,fu1,...}/t1c.nii.gz", "P01_tumor_mask_<time point>.nii.gz anywhere below"),
        gives="pool of lesions over time; scans without masks where nothing was segmented",
        size="40 patients (45 courses), about 186 scans, 171 masks, 15 GB",
        licence="CC BY 4.0",
        access="https://zenodo.org/records/17253793 (open)",
        reference="Flouri et al., Sci Data 12 (2025) 1828, doi:10.1038/s41597-025-06131-0",
    )

    def read(self, folder: Path) -> Release:
        """All time points below `folder`. Scan ids are 'PROTEAS-P04a_fu1'.

        Raises:
            DatasetError: there is no P<number>/BraTS/<time point>/t1c.nii.gz.
        """
        walk = FolderWalk(folder)
        times, images, dropped = _images(walk)
        if not times:
            packed = any(True for _ in walk.named(r"P\d+[a-z]?\.zip"))
            raise DatasetError(
                "This does not look like PROTEAS: there is no P01/BraTS/<time point>/t1c.nii.gz.", where=folder,
                fix="Unpack the patients' zip files first." if packed else "Give the folder of the patients' folders.",
            )
        masks = _masks(walk, times, dropped)
        dropped += [Dropped("scan", _name(key), "it has no t1c.nii.gz") for key in times if key not in images]
        dropped += _packed(walk, {course for course, _ in times})
        for pattern in (_OTHER, rf"(?:.*/)?{_TABLES}", r"(?:.*/)?P\d+[a-z]?/DICOM/.*"):
            walk.claim(*(path for path, _ in walk.placed(pattern)))
        scans = tuple(_scan(key, path, masks.get(key)) for key, path in images.items())
        return Release(scans=scans, dropped=tuple(dropped), unknown_files=walk.unknown(), notes=_notes(scans))


def _images(walk: FolderWalk) -> tuple[dict[_Key, None], dict[_Key, Path], list[Dropped]]:
    """All time points, their images, and second images of a time point."""
    times: dict[_Key, None] = {}
    images: dict[_Key, Path] = {}
    dropped: list[Dropped] = []
    for path, match in walk.placed(_SERIES):
        walk.claim(path)
        key = _key(match)
        times.setdefault(key)
        if match["kind"].lower() == "t1c" and images.setdefault(key, path) != path:
            dropped.append(Dropped("scan", _name(key), f"a second image of the time point, {path}"))
    return times, images, dropped


def _masks(walk: FolderWalk, times: Mapping[_Key, None], dropped: list[Dropped]) -> dict[_Key, Path]:
    masks: dict[_Key, Path] = {}
    for path, match in walk.named(_MASK):
        walk.claim(path)
        key = _key(match)
        if key not in times:
            dropped.append(Dropped("scan", _name(key), f"the mask {path.name} has no time point in BraTS"))
        elif masks.setdefault(key, path) != path:
            dropped.append(Dropped("scan", _name(key), f"a second mask of the time point, {path}"))
    return masks


def _packed(walk: FolderWalk, courses: set[str]) -> list[Dropped]:
    """Patients of whom there is only the archive."""
    found = []
    for path, match in walk.named(r"(P\d+[a-z]?)\.zip"):
        walk.claim(path)
        if _course(match[1]) not in courses:
            found.append(Dropped("patient", f"PROTEAS-{_course(match[1])}", f"{path.name} is not unpacked"))
    return found


def _key(match: re.Match[str]) -> _Key:
    return _course(match["course"]), _time(match["time"])


def _course(text: str) -> str:
    """'p04A' -> 'P04a'."""
    return text[0].upper() + text[1:].lower()


def _time(text: str) -> str:
    """Folders say 'fu1', the release's tables 'follow_up_1'; masks may follow either."""
    name = text.strip().lower().replace(" ", "_")
    follow_up = re.fullmatch(r"(?:follow[_-]?up|fu)[_-]?(\d+)", name)
    if follow_up:
        return f"fu{int(follow_up[1])}"
    return "baseline" if name in ("baseline", "base", "bl") else re.sub(r"[^\w.+-]", "-", name)


def _name(key: _Key) -> str:
    return f"PROTEAS-{key[0]}_{key[1]}"


def _scan(key: _Key, image: Path, mask: Path | None) -> SourceScan:
    patient = f"PROTEAS-{re.sub('[a-z]$', '', key[0])}"
    lesions = None if mask is None else SourceMask((StoredFile(mask),), LESIONS)
    return SourceScan(_name(key), patient, "PROTEAS", StoredFile(image), lesions)


def _notes(scans: tuple[SourceScan, ...]) -> tuple[str, ...]:
    courses: dict[str, set[str]] = {}
    for scan in scans:
        courses.setdefault(scan.patient_id, set()).add(scan.scan_id.partition("_")[0])
    several = sorted(p for p, found in courses.items() if len(found) > 1)
    notes = ["Lesions are the values 1 (necrosis) and 2 (enhancing); 3 (oedema) is left out.",
             "The time points are not dated: days are empty."]
    if several:
        notes.append(f"Courses of one patient are one patient: {', '.join(several)}.")
    without = sum(s.mask is None for s in scans)
    if without:
        notes.append(f"{without} scan(s) have no mask.")
    return tuple(notes)
