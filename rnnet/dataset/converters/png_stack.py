"""A volume that a release gives as one PNG picture for each axial slice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Array, Volume


@dataclass(frozen=True, slots=True)
class PngStack:
    """Slices in the order of z, the lowest first.

    A PNG says nothing of the patient. Assumed is the radiological display: rows run from anterior to posterior,
    columns from the patient's right to the left, so that the axes are those of LPS. Whether slice numbers rise
    towards the head and which side is left, no release of pictures records; rnnet_verify_dataset_integrity compares
    the orientation with an atlas.
    """

    path: Path
    slices: tuple[Path, ...]
    spacing_zyx_mm: tuple[float, float, float]

    def read(self) -> Volume:
        """The slices as one volume (z, y, x).

        Raises:
            FileFormatError: a slice cannot be read, has colours, or has another size than the first.
        """
        first, *others = [(path, _grey_values(path)) for path in self.slices]
        for path, array in others:
            if array.shape != first[1].shape:
                raise FileFormatError(
                    f"The slice has {array.shape[0]} x {array.shape[1]} pixels, but {first[0].name} has "
                    f"{first[1].shape[0]} x {first[1].shape[1]}.", where=path, fix="Unpack the release again.",
                )
        return Volume(np.stack([array for _, array in (first, *others)]), self.spacing_zyx_mm)


def missing_numbers(numbers: Iterable[int]) -> list[int]:
    """Slice numbers between the first and the last that are not there."""
    found = set(numbers)
    return [n for n in range(min(found), max(found) + 1) if n not in found] if found else []


def _grey_values(path: Path) -> Array:
    """(y, x), in the depth of the file."""
    from PIL import Image

    try:
        with Image.open(path) as picture:
            array = np.asarray(picture.convert("L") if picture.mode in ("1", "P") else picture)
    except (OSError, ValueError, SyntaxError) as failure:
        reason = (str(failure) or type(failure).__name__).rstrip(".")
        raise FileFormatError(f"The picture cannot be read: {reason}.", where=path,
                              fix="Unpack the release again.") from failure
    if array.ndim == 3 and array.shape[2] in (3, 4):
        colours = array[..., :3]
        if (colours != colours[..., :1]).any():
            raise FileFormatError("The picture has colours, not one grey value for each pixel.", where=path,
                                  fix="Unpack the release again.")
        return np.ascontiguousarray(colours[..., 0])
    if array.ndim != 2:
        raise FileFormatError("The picture has not one grey value for each pixel.", where=path,
                              fix="Unpack the release again.")
    return array
