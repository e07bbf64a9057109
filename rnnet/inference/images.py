"""The images of a folder of new scans, by scan."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rnnet.core.errors import DatasetError
from rnnet.core.log import get_logger
from rnnet.core.volume import image_stem
from rnnet.core.wording import listed
from rnnet.dataset.pool import image_files, other_folders

_CHANNEL = "_0000"
log = get_logger(__name__)


def find_new_images(folder: Path, mask_folders: Collection[Path]) -> dict[str, list[Path]]:
    """All images of each scan id, in the order of their names: more than one is for the caller to refuse.

    An image is a file or a folder of DICOM slices called <scan>_0000 or <scan>. Where a folder of masks is the same
    folder, <scan> is a mask, and <scan>_0000 alone an image. Subfolders that are passed over are logged.

    Raises:
        DatasetError: no image in the folder.
    """
    shared = folder.resolve() in {masks.resolve() for masks in mask_folders}
    others = other_folders(folder)
    series = [] if shared else [path for path in others if _holds_dicom(path)]
    if passed_over := [path.name for path in others if path not in series]:
        log.warning("%d subfolder(s) of %s are passed over: %s. A scan as DICOM is a folder <scan>_0000 with the "
                    "slices directly in it.", len(passed_over), folder, listed(passed_over))
    images: dict[str, list[Path]] = {}
    for path in sorted([*image_files(folder), *series]):
        name = path.name if path.is_dir() else image_stem(path)
        if name.endswith(_CHANNEL) or not shared:
            images.setdefault(name.removesuffix(_CHANNEL), []).append(path)
    if not images and shared:
        raise DatasetError("Images and masks lie in one folder, and no name says which is which.", where=folder,
                           fix="Name the images <scan>_0000, or put the masks into a folder of their own.")
    if not images:
        raise DatasetError("The folder holds no image.", where=folder,
                           fix="Put NIfTI, NRRD or MHA files there, or a folder of DICOM slices for each scan.")
    return images


def _holds_dicom(folder: Path) -> bool:
    """Whether a file directly in the folder carries the mark of DICOM; a DICOMDIR alone does not count."""
    try:
        return any(_is_dicom(p) for p in folder.iterdir() if p.is_file() and p.name.upper() != "DICOMDIR")
    except OSError:  # what cannot be entered or read is passed over, and named
        return False


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"
