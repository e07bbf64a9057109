"""Which files of a MOLAB release are a scan: an image and its mask of one patient and day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.dataset.converters.folder_walk import NIFTI, FolderWalk
from rnnet.dataset.converters.molab_records import FIRST_SCAN
from rnnet.dataset.converters.source import Dropped

# <patient>_<yyyymmdd>..._img.nii and ..._msk.nii, wherever they lie: some copies have flattened the folders.
_SERIES = rf"(?P<patient>\d{{5,6}})_(?P<date>\d{{8}})(?P<before>.*)(?P<kind>img|msk)(?P<after>[^.]*){NIFTI}"
# A name that begins with '~' is the lock file of an open spreadsheet.
_CLINICAL = r"(?!~).*clinical.*\.xlsx"
_MORPHOLOGY = r"(?!~).*morphological.*\.xlsx"
SOURCE = "MOLAB"


@dataclass(frozen=True, slots=True)
class MolabScan:
    """Image and mask of the patient (six digits) on a day, counted from the first MRI."""

    patient_id: str
    day: int
    image: Path
    mask: Path


@dataclass(slots=True)
class _Day:
    """Files of one patient and day by the part of their name that tells series apart."""

    images: dict[str, list[Path]] = field(default_factory=dict)
    masks: dict[str, list[Path]] = field(default_factory=dict)

    def series(self) -> list[str]:
        """The part of the name of every series that has an image, a mask or both."""
        return list(dict.fromkeys((*self.images, *self.masks)))


def named_patient(patient: str) -> str:
    """The patient's name in rnnet: '010005' -> 'MOLAB-010005'."""
    return f"{SOURCE}-{patient}"


def scan_id_of(patient: str, day: int) -> str:
    """'MOLAB-010005_d0533': the scan of day 533 after the patient's first MRI."""
    return f"{named_patient(patient)}_d{day:04d}"


def find_tables(walk: FolderWalk) -> tuple[Path, Path]:
    """(clinical table, morphology table), claimed. Of several with such a name the first is taken.

    Raises:
        DatasetError: one of them is missing.
    """
    found = []
    for pattern, name in ((_CLINICAL, "*clinical*.xlsx"), (_MORPHOLOGY, "*morphological*.xlsx")):
        table = next((path for path, _ in walk.named(pattern)), None)
        if table is None:
            raise DatasetError(
                f"The release has no table {name} (letter case does not matter).", where=walk.root,
                fix="Put both tables, OpenBTAI_METS_ClinicalData_Nov2023.xlsx and "
                "OpenBTAI_MORPHOLOGICAL_MEASUREMENTS.xlsx, anywhere below this folder.",
            )
        found.append(table)
    walk.claim(*found)
    return found[0], found[1]


def find_scans(walk: FolderWalk) -> tuple[tuple[MolabScan, ...], tuple[Dropped, ...]]:
    """One scan for every patient and day that has an image and a mask, and what was left out, with the reason.

    Of several series of a day the first by name that has both is kept; of a file that lies there twice (nested and
    flattened, or packed and unpacked) the first by path.

    Raises:
        DatasetError: no file is named like the images of this release.
    """
    days = _by_day(walk)
    if not any(day.images for day in days.values()):
        raise DatasetError("No image is named like those of MOLAB: <patient>_<yyyymmdd>..._img.nii or .nii.gz.",
                           where=walk.root, fix="Give the folder that holds the patients' folders.")
    scans: list[MolabScan] = []
    dropped: list[Dropped] = []
    for (patient, number), day in sorted(days.items()):
        dropped += _copies(walk, day)
        pair = _pair(day.images, day.masks)
        if pair is None:
            lacks = "an image, and no mask" if not day.masks else "a mask, and no image" if not day.images else (
                "several images and masks whose names do not fit together")
            dropped.append(Dropped("scan", scan_id_of(patient, number), f"there is {lacks}"))
            continue
        image, mask = pair
        scans.append(MolabScan(patient, number, image, mask))
        dropped += _other_series(walk, day, image)
    return tuple(scans), tuple(dropped)


def _by_day(walk: FolderWalk) -> dict[tuple[str, int], _Day]:
    """Images and masks by patient and day, claimed."""
    days: dict[tuple[str, int], _Day] = {}
    for path, match in walk.named(_SERIES):
        try:
            number = (datetime.strptime(match["date"], "%Y%m%d").date() - FIRST_SCAN).days
        except ValueError:
            continue
        if number < 0:
            continue
        walk.claim(path)
        day = days.setdefault((match["patient"].zfill(6), number), _Day())
        files = day.images if match["kind"].lower() == "img" else day.masks
        files.setdefault(f"{match['before']}|{match['after']}".lower(), []).append(path)
    return days


def _copies(walk: FolderWalk, day: _Day) -> list[Dropped]:
    """Every further copy of a series; image and mask that are both there again are one copy."""
    dropped = []
    for series in day.series():
        images, masks = day.images.get(series, []), day.masks.get(series, [])
        paths = images if len(images) >= len(masks) else masks
        dropped += [
            Dropped("scan", walk.relative(path), f"the file of the same name, {walk.relative(paths[0])}, is taken")
            for path in paths[1:]
        ]
    return dropped


def _other_series(walk: FolderWalk, day: _Day, kept: Path) -> list[Dropped]:
    """The series of the day, each an image, a mask or both, but that of the image `kept` and its mask."""
    if len(day.images) == len(day.masks) == 1:
        return []
    files = [(day.images.get(series) or day.masks[series])[0] for series in day.series()]
    return [
        Dropped("scan", walk.relative(path), f"another series of the same patient and day, {kept.name}, is kept")
        for path in files if path != kept
    ]


def _pair(images: Mapping[str, Sequence[Path]], masks: Mapping[str, Sequence[Path]]) -> tuple[Path, Path] | None:
    """Image and mask of the first series that has both; a single image and a single mask need no equal names."""
    both = sorted(set(images) & set(masks))
    if both:
        return images[both[0]][0], masks[both[0]][0]
    if len(images) == len(masks) == 1:
        return next(iter(images.values()))[0], next(iter(masks.values()))[0]
    return None
