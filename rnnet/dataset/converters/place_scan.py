"""One scan of a release into the folders of a raw data set: image and lesion mask. It runs inside a worker process."""

from __future__ import annotations

import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from rnnet.core.errors import DatasetError, StorageError
from rnnet.core.files import atomic_path
from rnnet.core.storage import TEMPORARY_PREFIX, storage_errors
from rnnet.core.volume import IMAGE_ENDINGS, Volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.converters.source import SourceMask, SourceScan, StoredFile, VolumeSource, as_stored
from rnnet.dataset.lesions import lesion_labels, voxel_counts, whole_labels
from rnnet.dataset.mask_grid import place_mask

WRITTEN_ENDING = ".nii.gz"


@dataclass(frozen=True, slots=True)
class PlacedScan:
    """What was written of one scan.

    lesion_values: numbers of the lesions in its mask; n_components: its connected components, if it has one value at
    most. ending: of its image file.
    """

    scan_id: str
    lesion_values: tuple[int, ...]
    n_components: int | None
    ending: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlaceScan:
    """Writes scans into `layout`, called with one scan by map_cases.

    link: images (and masks that are used as they are) become symbolic links. needs_lesion: a scan without a lesion is
    refused, before anything is written.
    """

    layout: RawLayout
    link: bool
    needs_lesion: bool

    def __call__(self, scan: SourceScan) -> PlacedScan:
        """The scan, written.

        Raises:
            DatasetError: it has no lesion and needs one.
            FileFormatError, GeometryError: the image or mask cannot be read, or they do not belong together.
            StorageError: the folder cannot be written to, or links cannot be made there.
        """
        image = scan.image.read()
        labels, note = (None, "") if scan.mask is None else _labels(image, scan.mask)
        values = () if labels is None else tuple(voxel_counts(whole_labels(labels.array)))
        n_components = None if labels is None or len(values) > 1 else _n_components(labels)
        if not values and (self.needs_lesion or (scan.mask is not None and not scan.may_be_empty)):
            what = "it has no mask" if scan.mask is None else "its mask is empty"
            raise DatasetError(f"The scan has no lesion: {what}.", where=scan.image.path, fix="Nothing need be done.")
        images, masks = self.layout.images(scan.split), self.layout.labels(scan.split)
        ending = self._put(scan.image, image, images, f"{scan.scan_id}_0000")
        if labels is not None and scan.mask is not None:
            source = scan.mask.parts[0]
            if scan.mask.rule is as_stored and isinstance(source, StoredFile) and not note:
                self._put(source, labels, masks, scan.scan_id)
            else:
                write_volume(masks / f"{scan.scan_id}{WRITTEN_ENDING}", _smallest_type(labels))
        return PlacedScan(scan.scan_id, values, n_components, ending, note)

    def _put(self, source: VolumeSource, volume: Volume, folder: Path, stem: str) -> str:
        """Copy, link or write an image or mask; returns the file's ending."""
        if not isinstance(source, StoredFile):
            write_volume(folder / f"{stem}{WRITTEN_ENDING}", volume)
            return WRITTEN_ENDING
        ending = _ending(source.path)
        target = folder / f"{stem}{ending}"
        if target.exists():
            pass  # written by a run that was interrupted; it is whole
        elif self.link:
            _link(source.path, target)
        elif source.path.is_dir():
            _copy_folder(source.path, target)
        elif source.path.name.lower().endswith(".mhd"):
            # Its voxels lie in a second file; one file is simpler to keep.
            write_volume(folder / f"{stem}{WRITTEN_ENDING}", volume)
            return WRITTEN_ENDING
        else:
            with atomic_path(target) as temporary:
                shutil.copyfile(source.path, temporary)
        return ending


def _labels(image: Volume, mask: SourceMask) -> tuple[Volume, str]:
    """The lesion numbers at their true place, and what was done about them and their grid ('' if nothing)."""
    ruled = mask.rule([part.read() for part in mask.parts])
    placed = place_mask(image, ruled)
    return placed.mask, " ".join((*ruled.notes, placed.note)).strip()


def _n_components(labels: Volume) -> int:
    return len(voxel_counts(lesion_labels(labels.array, components=True)))


def _smallest_type(labels: Volume) -> Volume:
    array = whole_labels(labels.array)
    return labels.with_array(array.astype("uint8") if not array.size or array.max() < 256 else array)


def _ending(path: Path) -> str:
    """The image ending in small letters, as rnnet's readers look for it; '' for a folder of DICOM slices."""
    return next((e for e in IMAGE_ENDINGS if path.name.lower().endswith(e)), "")


def _link(source: Path, target: Path) -> None:
    """A symbolic link that is there or not, like every file of rnnet."""
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:8]}-{target.name}")
    try:
        os.symlink(source.resolve(), temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise StorageError(
            f"A symbolic link cannot be made here ({error.strerror or error}).", where=target,
            fix="Run it without --link: the images are copied then.",
        ) from error


def _copy_folder(source: Path, target: Path) -> None:
    """A folder of DICOM slices, under its name only when it is whole."""
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:8]}-{target.name}")
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copytree(source, temporary)
            shutil.rmtree(target, ignore_errors=True)
            os.replace(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
