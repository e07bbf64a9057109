"""An unlabelled pool: a raw data set without cases.csv, whose masks say what the lesions are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError, FileFormatError, RnnetError
from rnnet.core.log import get_logger
from rnnet.core.parallel import map_cases
from rnnet.core.types import LesionCase, Problem, Scan, Split
from rnnet.core.volume import IMAGE_ENDINGS, image_stem, is_series_folder, read_volume
from rnnet.core.wording import listed
from rnnet.core.workspace import RawLayout, find_image_if_there
from rnnet.dataset.lesions import lesion_labels, voxel_counts, whole_labels
from rnnet.dataset.manifest import Manifest
from rnnet.dataset.problems import error, warning
from rnnet.dataset.table import TextTable, check_id, parse_number, read_table, wrong_number

SPLITS: tuple[Split, ...] = ("train", "test")
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PatientRow:
    """A row of patients.csv: whose scan it is."""

    patient_id: str
    center: str
    days: float | None


def image_files(folder: Path) -> Iterator[Path]:
    """Images of a folder in the order of their names; what is no image is passed over.

    Files by their endings, and folders called `<scan>_0000`: a DICOM series.
    """
    if folder.is_dir():
        files = sorted(p for p in folder.iterdir() if not p.name.startswith("."))
        yield from (p for p in files if p.name.lower().endswith(IMAGE_ENDINGS) or is_series_folder(p))


def other_folders(folder: Path) -> list[Path]:
    """Subfolders of a folder of images whose names are not those of a DICOM series; image_files passes over them."""
    if not folder.is_dir():
        return []
    images = set(image_files(folder))
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(".") and p not in images)


def pool_scans(layout: RawLayout, manifest: Manifest) -> tuple[tuple[Scan, ...], tuple[Problem, ...]]:
    """Scans of the image folders, and the problems of their names and of patients.csv."""
    rows, problems = _read_patients(layout, manifest)
    scans: dict[str, Scan] = {}
    for split in SPLITS:
        for path in image_files(layout.images(split)):
            scan_id = image_stem(path).removesuffix("_0000")
            if scan_id == image_stem(path):
                continue
            if scan_id in scans:
                problems.append(error("duplicate-scan", path, f"The scan '{scan_id}' stands in two image files.",
                                      "Rename or remove one."))
                continue
            bad = check_id(scan_id, str(path))
            problems += [bad] if bad else []
            row = rows.get(scan_id, PatientRow(scan_id, manifest.name, None))
            mask, brain = (find_image_if_there(folder, scan_id, manifest.file_ending)
                           for folder in (layout.labels(split), layout.brains(split)))
            scans[scan_id] = Scan(scan_id, row.patient_id, row.center, row.days, path, mask, split, brain)
    if not scans:
        problems.append(error("no-cases", layout.folder, "The data set has neither cases.csv nor images in imagesTr.",
                              "Put the scans into imagesTr as SCAN_0000.nii.gz and their masks into labelsTr."))
    return tuple(scans.values()), (*problems, *_both_splits(layout, scans))


def pool_cases(
    scans: tuple[Scan, ...], *, n_processes: int = 1, name: str = ""
) -> tuple[tuple[LesionCase, ...], bool]:
    """Every lesion of the pool as an unlabelled case, and whether lesions are connected components.

    They are if every mask that can be read has at most one value beside 0; otherwise each value is a lesion. A scan
    whose mask cannot be read has no case; such masks are logged. name: of the data set, for the log.
    """
    with_mask = [s for s in scans if s.mask_path is not None]
    paths = [s.mask_path for s in with_mask if s.mask_path is not None]
    masked: list[Scan] = []
    contents: list[MaskContent] = []
    failed: list[RnnetError] = []
    results = map_cases(_read_mask, paths, n_processes=n_processes, title="lesion masks")
    for scan, result in zip(with_mask, results, strict=True):
        if isinstance(result, RnnetError):
            failed.append(result)
            continue
        masked.append(scan)
        contents.append(result)
    if failed:
        _log.warning("%d of %d masks cannot be used, and their scans give no lesion: %s", len(failed), len(with_mask),
                     listed(failed, 3, separator=" "))
    components = all(c.components is not None for c in contents)
    lesions = [(c.components if components else c.values) or () for c in contents]
    in_pieces = [s.scan_id for s, c in zip(masked, contents, strict=True) if c.components and len(c.components) > 1]
    if in_pieces and not components:
        _log.warning(
            "%s%d of %d masks have one value and several separate pieces, and others several values: every value is "
            "one lesion, so that their pieces count as one: %s. If they are lesions, give each a value of its own.",
            name and f"{name}: ", len(in_pieces), len(masked), listed(in_pieces),
        )
    _log.info(
        "%s%d lesions in %d masks (%s).", name and f"{name}: ", sum(map(len, lesions)), len(masked),
        "connected components of binary masks" if components else "mask values",
    )
    cases = tuple(
        LesionCase(f"{s.scan_id}_{value}", s.scan_id, s.patient_id, s.center, value, s.split)
        for s, values in zip(masked, lesions, strict=True) for value in values
    )
    return cases, components


@dataclass(frozen=True, slots=True)
class MaskContent:
    """Lesion numbers of one mask by both readings; components is None for a mask with several values."""

    values: tuple[int, ...]
    components: tuple[int, ...] | None


def _read_mask(path: Path) -> MaskContent:
    try:
        labels = whole_labels(read_volume(path).array)
    except FileFormatError as failure:
        raise DatasetError(failure.problem, where=path, fix=failure.fix) from failure
    values = tuple(voxel_counts(labels))
    if len(values) > 1:
        return MaskContent(values, None)
    return MaskContent(values, tuple(voxel_counts(lesion_labels(labels, components=True))))


def _read_patients(layout: RawLayout, manifest: Manifest) -> tuple[dict[str, PatientRow], list[Problem]]:
    if not layout.patients_csv.is_file():
        return {}, []
    table = read_table(layout.patients_csv, ("scan_id", "patient_id"))
    if table.problems:
        return {}, list(table.problems)
    problems: list[Problem] = []
    rows: dict[str, PatientRow] = {}
    for line, row in zip(table.lines, table.rows, strict=True):
        scan_id, patient_id, days = row["scan_id"], row["patient_id"], row.get("days", "")
        if not patient_id:
            problems.append(error("empty-value", table.where(line, "patient_id"), "The cell is empty.", "Fill it in."))
        if scan_id in rows:
            problems.append(error("duplicate-scan", table.where(line, "scan_id"),
                                  f"The scan '{scan_id}' stands twice.", "Keep one of the rows."))
        if days and parse_number(days) is None:
            problems.append(wrong_number(days, "days", table.where(line, "days")))
        rows[scan_id] = PatientRow(patient_id or scan_id, row.get("center", "") or manifest.name, parse_number(days))
    return rows, problems + _rows_without_image(layout, table, rows)


def _rows_without_image(layout: RawLayout, table: TextTable, rows: dict[str, PatientRow]) -> list[Problem]:
    there = {image_stem(p).removesuffix("_0000") for split in SPLITS for p in image_files(layout.images(split))}
    return [
        warning("missing-image", f"{table.path.name}, scan {scan_id}", "The scan has no image.",
                "Add the image, or remove the row.")
        for scan_id in rows if scan_id not in there
    ]


def _both_splits(layout: RawLayout, scans: dict[str, Scan]) -> list[Problem]:
    splits: dict[str, set[str]] = {}
    for scan in scans.values():
        splits.setdefault(scan.patient_id, set()).add(scan.split)
    return [
        error("patient-in-both-splits", layout.patients_csv, f"The patient '{patient}' has scans in imagesTr and "
              "imagesTs.", "Move all scans of one patient to one side.")
        for patient, found in splits.items() if len(found) > 1
    ]
