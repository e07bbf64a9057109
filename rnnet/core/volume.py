"""The one place that reads and writes images."""

from __future__ import annotations

import os
from pathlib import Path

from rnnet.core.errors import FileFormatError, SettingError, StorageError
from rnnet.core.files import atomic_path
from rnnet.core.geometry import Array, Volume
from rnnet.core.image_checks import check_file

__all__ = ["IMAGE_ENDINGS", "Array", "Volume", "image_stem", "is_series_folder", "read_volume", "write_volume"]

IMAGE_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")
_WRITABLE = (".nii.gz", ".nii", ".nrrd", ".mha")
_CHANNEL = "_0000"


def image_stem(path: Path) -> str:
    """File name without the image ending: 'a.nii.gz' -> 'a'. The name of a DICOM folder ('a.1_0000') stays."""
    for ending in IMAGE_ENDINGS:
        if path.name.lower().endswith(ending):
            return path.name[: -len(ending)]
    return path.name if path.name.endswith(_CHANNEL) else path.stem


def is_series_folder(path: Path) -> bool:
    """Whether `path` is a folder with the name of a scan's image ('<scan>_0000'): a DICOM series should be in it."""
    return path.name.endswith(_CHANNEL) and path.is_dir()


def read_volume(path: Path) -> Volume:
    """Volume of a NIfTI, NRRD or MetaImage file, or of a folder that holds one DICOM series.

    Dimensions of length one after the third are dropped. Voxels that are not finite are kept. Volume.notes says what
    the reader found wrong with the header and mended.

    Raises:
        FileFormatError: the file is missing, unreadable, damaged, cut off, not one scalar 3-D volume, or its header
            does not say where the voxels lie in the patient.
    """
    # The readers are imported when they are needed: nibabel and SimpleITK take their time.
    if os.path.isdir(path):  # unlike Path.is_dir, this is no error where a folder above must not be entered
        from rnnet.core.dicom import read_dicom_series

        return read_dicom_series(path)
    name = path.name.lower()
    if name.endswith((".nii", ".nii.gz")):
        from rnnet.core.nifti import read_nifti

        return read_nifti(path)
    if name.endswith(IMAGE_ENDINGS):
        from rnnet.core.itk_image import read_itk

        return read_itk(path)
    check_file(path)
    raise FileFormatError(
        f"The file's ending is none of {', '.join(IMAGE_ENDINGS)}.", where=path,
        fix="Convert it to .nii.gz; for DICOM give the folder of the series.",
    )


def write_volume(path: Path, volume: Volume) -> None:
    """Write atomically, compressed; the ending chooses the format.

    Raises:
        SettingError: an ending that cannot be written.
        StorageError: no room on the disk, or no right to write there; nothing is left behind.
    """
    name = path.name.lower()
    if not name.endswith(_WRITABLE):
        # A .mhd keeps its voxels in a second file, which cannot be replaced together with the first.
        raise SettingError(f"Images are written as {', '.join(_WRITABLE)} only.", where=path, fix="Choose such a name.")
    try:
        with atomic_path(path) as temporary:
            if name.endswith((".nii", ".nii.gz")):
                from rnnet.core.nifti import write_nifti

                write_nifti(temporary, volume)
            else:
                from rnnet.core.itk_image import write_itk

                write_itk(temporary, volume)
    except (OSError, FileFormatError) as error:
        reason = error.problem if isinstance(error, FileFormatError) else error.strerror or str(error)
        raise StorageError(
            f"The image cannot be written ({reason.rstrip('.')}).", where=path,
            fix="Make room on the disk, or choose a folder that you may write to.",
        ) from error
