"""A folder that holds the slices of one DICOM series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import FileFormatError
from rnnet.core.geometry import Volume, nearest_rotation
from rnnet.core.image_checks import COPY_AGAIN, check_spacing
from rnnet.core.itk_image import itk_reason
from rnnet.core.wording import listed

_TAGS = {
    "series": "0020|000e", "description": "0008|103e", "modality": "0008|0060",
    "position": "0020|0032", "orientation": "0020|0037", "spacing": "0028|0030",
}
# Share of the slice distance by which a gap may differ from the others: scanners round positions.
_UNEVEN = 0.05
_ONE_SERIES = "Keep the slices of the one T1CE series in the folder, and nothing else."
_CONVERT = "Export the series again, or convert it to .nii.gz (for example with dcm2niix)."


@dataclass(frozen=True, slots=True)
class Slice:
    """Header of one DICOM image file. columns_rows_frames: its size (x, y, z)."""

    path: Path
    tags: dict[str, str]
    columns_rows_frames: tuple[int, ...]
    pixel_id: int

    def numbers(self, name: str, count: int) -> npt.NDArray[np.float64]:
        """A tag of `count` numbers. Raises FileFormatError if it is missing or wrong."""
        try:
            values = np.array([float(word) for word in self.tags[name].split("\\")])
        except ValueError:
            values = np.zeros(0)
        if len(values) != count or not np.isfinite(values).all():
            raise FileFormatError(f"The DICOM file does not tell the {name} of its slice (tag {_TAGS[name]}).",
                                  where=self.path, fix=_CONVERT)
        return values


def read_dicom_series(folder: Path) -> Volume:
    """The volume of the one image series in `folder`, its slices sorted by their position. Subfolders are not read.

    Raises:
        FileFormatError: no DICOM images; several series (a localiser counts); a single slice; slices that are missing,
            doubled, not parallel or not of one size; a damaged file.
    """
    slices = _only_series(_read_headers(folder), folder)
    first = slices[0]
    _check_alike(slices, folder)
    row, column = first.numbers("orientation", 6).reshape(2, 3)
    normal = np.cross(row, column)
    positions = np.array([s.numbers("position", 3) for s in slices])
    order = np.argsort(positions @ normal, kind="stable")
    distance_mm = _slice_distance(positions[order], normal, folder)
    between_rows, between_columns = first.numbers("spacing", 2)
    spacing = (distance_mm, float(between_rows), float(between_columns))
    check_spacing(spacing[::-1], folder)
    array = _read_voxels([slices[i] for i in order], folder)
    x, y, z = (float(v) for v in positions[order[0]])
    direction, _ = nearest_rotation(np.stack([row, column, normal], axis=1))  # tags are rounded
    return Volume(array, spacing, (x, y, z), tuple(direction.ravel().tolist()))


def _read_headers(folder: Path) -> list[Slice]:
    """Headers of all DICOM images in the folder; other files are passed over."""
    import SimpleITK as sitk

    try:
        files = sorted(p for p in folder.iterdir() if p.is_file() and p.name.upper() != "DICOMDIR")
    except OSError as error:
        raise FileFormatError(f"The folder cannot be read ({error.strerror}).", where=folder,
                              fix="Give yourself the right to read it.") from error
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    slices, damaged = [], []
    for path in files:
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError:
            damaged += [path.name] if _is_dicom(path) else []
            continue
        tags = {name: _text(reader.GetMetaData(key)) if reader.HasMetaDataKey(key) else ""
                for name, key in _TAGS.items()}
        slices.append(Slice(path, tags, tuple(reader.GetSize()), reader.GetPixelIDValue()))
    if damaged:
        raise FileFormatError(
            f"{len(damaged)} DICOM file(s) hold no image that can be read: {listed(damaged, 3)}.", where=folder,
            fix="Remove reports and other objects without an image; copy damaged slices again.",
        )
    return slices


def _only_series(slices: Sequence[Slice], folder: Path) -> list[Slice]:
    """The slices of the one series. Raises FileFormatError unless it is alone and has several."""
    series: dict[str, list[Slice]] = {}
    for one in slices:
        series.setdefault(one.tags["series"], []).append(one)
    if not series:
        raise FileFormatError("The folder holds no DICOM images.", where=folder,
                              fix="Put the slices of the series directly into the folder.")
    if any(one.columns_rows_frames[2] > 1 for one in slices):
        raise FileFormatError("The folder holds a multi-frame (enhanced) DICOM file.", where=folder,
                              fix="Convert it to .nii.gz (for example with dcm2niix).")
    if len(series) > 1:
        listed = "; ".join(_describe(group) for group in sorted(series.values(), key=len, reverse=True))
        raise FileFormatError(f"The folder holds {len(series)} image series: {listed}.", where=folder, fix=_ONE_SERIES)
    (only,) = series.values()
    if len(only) == 1:
        raise FileFormatError(f"The folder holds a single slice: {_describe(only)}.", where=folder,
                              fix="Put all slices of the series into the folder.")
    return only


def _describe(group: Sequence[Slice]) -> str:
    first = group[0]
    columns, rows = first.columns_rows_frames[:2]
    name = first.tags["description"] or "without description"
    return f"{name} ({first.tags['modality'] or '?'}, {len(group)} slice(s) of {rows} x {columns})"


def _check_alike(slices: Sequence[Slice], folder: Path) -> None:
    """Return if all slices have one size, one voxel size and one orientation."""
    first = slices[0]
    for one in slices:
        if one.columns_rows_frames != first.columns_rows_frames or not np.allclose(
            one.numbers("spacing", 2), first.numbers("spacing", 2), atol=1e-4
        ):
            raise FileFormatError(f"The slices of the series differ in size ({first.path.name} and {one.path.name}).",
                                  where=folder, fix=_ONE_SERIES)
        if not np.allclose(one.numbers("orientation", 6), first.numbers("orientation", 6), atol=1e-3):
            raise FileFormatError(
                f"The slices of the series are not parallel ({first.path.name} and {one.path.name}): a localiser?",
                where=folder, fix=_ONE_SERIES,
            )
    row, column = first.numbers("orientation", 6).reshape(2, 3)
    if not np.allclose([row @ row, column @ column, row @ column], [1, 1, 0], atol=1e-3):
        raise FileFormatError("The slices' row and column directions are not perpendicular.", where=folder,
                              fix=_CONVERT)


def _slice_distance(
    positions_xyz_mm: npt.NDArray[np.float64], normal: npt.NDArray[np.float64], folder: Path
) -> float:
    """Distance of the sorted slices in mm. Raises FileFormatError unless it is the same for all."""
    steps = np.diff(positions_xyz_mm, axis=0)
    gaps = steps @ normal
    usual = float(np.median(gaps))
    if gaps.min() <= _UNEVEN * max(usual, 0.01):
        raise FileFormatError(
            f"{int(np.sum(gaps <= _UNEVEN * max(usual, 0.01)))} slice(s) lie where another one does: several times or "
            "echoes in one series?", where=folder, fix="Keep the slices of one volume in the folder.",
        )
    uneven = np.flatnonzero(np.abs(gaps - usual) > _UNEVEN * usual)
    if len(uneven):
        raise FileFormatError(
            f"Slices are missing or unevenly spaced: between slices {uneven[0] + 1} and {uneven[0] + 2} of "
            f"{len(positions_xyz_mm)} are {gaps[uneven[0]]:.2f} mm, elsewhere {usual:.2f} mm.", where=folder,
            fix="Copy the whole series again.",
        )
    if np.linalg.norm(steps - np.outer(gaps, normal), axis=1).max() > _UNEVEN * usual:
        raise FileFormatError("The slices are shifted sideways against each other (a tilted gantry).", where=folder,
                              fix=_CONVERT)
    return float(gaps.mean())


def _read_voxels(slices: Sequence[Slice], folder: Path) -> npt.NDArray[np.generic]:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(s.path) for s in slices])
    if len({s.pixel_id for s in slices}) > 1:
        # A scaling of its own for each slice: the reader would press all into the type of the first.
        reader.SetOutputPixelType(sitk.sitkFloat32)
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise FileFormatError(f"The DICOM series cannot be read ({itk_reason(error)}).", where=folder,
                              fix=COPY_AGAIN) from error
    if image.GetNumberOfComponentsPerPixel() != 1:
        raise FileFormatError("The DICOM images have colours, not one scalar per voxel.", where=folder,
                              fix="Take the series from the scanner, not a screen capture.")
    return np.asarray(sitk.GetArrayFromImage(image))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _text(value: str) -> str:
    """A tag's text in one line and without what cannot be printed."""
    return " ".join(value.encode("utf-8", "replace").decode("utf-8").split())
