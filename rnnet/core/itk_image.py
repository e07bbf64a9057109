"""NRRD and MetaImage files, read and written with SimpleITK; what it passes over in silence is checked before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rnnet.core.errors import FileFormatError
from rnnet.core.geometry import Volume, nearest_rotation
from rnnet.core.image_checks import MOST_SHEAR, check_file, check_size, check_spacing
from rnnet.core.text_header import TextHeader, check_data, read_text_header

if TYPE_CHECKING:
    import SimpleITK as sitk

_EXPORT = "Export it again as .nii.gz, .nrrd or .mha."


def read_itk(path: Path) -> Volume:
    """The volume of a .nrrd, .mha or .mhd file.

    Raises:
        FileFormatError: see read_volume.
    """
    import SimpleITK as sitk

    check_file(path)
    header = read_text_header(path)
    if not header.spacing_mm:
        raise FileFormatError("The header does not tell the voxel size.", where=path, fix=_EXPORT)
    check_spacing(header.spacing_mm, path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _check_kind(reader, path)
        _check_oriented(header, path)
        _check_data(reader, header, path)
        image = reader.Execute()
    except RuntimeError as error:
        raise FileFormatError(f"The image cannot be read ({itk_reason(error)}).", where=path, fix=_EXPORT) from error
    while image.GetDimension() > 3:
        image = image[..., 0]
    volume = Volume.from_sitk(image)
    axes, shear = nearest_rotation(np.reshape(volume.direction_xyz, (3, 3)))
    if shear > MOST_SHEAR:
        raise FileFormatError("The axes of the image are not perpendicular.", where=path,
                              fix="Convert the series from DICOM again.")
    return replace(volume, direction_xyz=tuple(axes.ravel().tolist()))


def write_itk(path: Path, volume: Volume) -> None:
    """Write a .nrrd or .mha file, compressed.

    Raises:
        OSError: ITK cannot write it.
        FileFormatError: it is not whole afterwards.
    """
    import SimpleITK as sitk

    try:
        sitk.WriteImage(volume.to_sitk(), str(path), useCompression=True)
    except RuntimeError as error:
        raise OSError(itk_reason(error)) from error
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    _check_data(reader, read_text_header(path), path)


def itk_reason(error: RuntimeError) -> str:
    """The last line of one of ITK's long messages."""
    return str(error).strip().splitlines()[-1].removeprefix("ITK ERROR: ").strip()[:160]


def _check_kind(reader: sitk.ImageFileReader, path: Path) -> None:
    """Return if the header is that of one scalar, real volume."""
    import SimpleITK as sitk

    check_size(reader.GetSize(), path)
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        raise FileFormatError("The image is complex-valued.", where=path, fix="Save its magnitude.")
    if reader.GetNumberOfComponents() != 1:
        raise FileFormatError(f"The image has {reader.GetNumberOfComponents()} component(s) per voxel, not one.",
                              where=path, fix="Export the grey values.")


def _check_oriented(header: TextHeader, path: Path) -> None:
    """Return if the header says which side is left; a reader that guessed could mirror the head unseen."""
    if not header.is_oriented:
        raise FileFormatError(
            "The header does not say which side is left.", where=path,
            fix="Convert the series from DICOM again, or save it with its orientation (NRRD: space; MetaImage: "
            "TransformMatrix).",
        )


def _check_data(reader: sitk.ImageFileReader, header: TextHeader, path: Path) -> None:
    """Return if the voxels are all there and their checksum is right."""
    import SimpleITK as sitk

    itemsize = sitk.Image([1, 1, 1], reader.GetPixelID()).GetSizeOfPixelComponent()
    check_data(header, int(np.prod(reader.GetSize(), dtype=object)) * itemsize, path)
