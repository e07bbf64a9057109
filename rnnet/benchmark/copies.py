"""Copies of a scan as they are found in collections: saved otherwise, rescaled, resampled, cropped, mirrored, noisy."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.dataset.head import find_head
from rnnet.demo.bias import draw_bias_field

Copy = Callable[[Volume], Volume]
_GAMMA = 0.8
_NOISE_SHARE = 0.03
_BIAS = 0.2
_AIR_MARGIN_VOX = 2
_AXES = "PIR"


def resaved(image: Volume) -> Volume:
    """int16, the axes in another order and sense, through a NRRD file."""
    import SimpleITK as sitk

    turned = Volume.from_sitk(sitk.DICOMOrient(image.to_sitk(), _AXES))
    scale = 4000 / max(1e-6, float(np.abs(turned.array).max()))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.nrrd"
        write_volume(path, turned.with_array(np.rint(turned.array * scale).astype(np.int16)))
        return read_volume(path)


def rescaled(image: Volume) -> Volume:
    """Three times the values and 100 more."""
    return image.with_array(image.array.astype(np.float32) * 3 + 100)


def with_gamma(image: Volume) -> Volume:
    """Values to the power of 0.8."""
    low, high = float(image.array.min()), float(image.array.max())
    share = (image.array.astype(np.float32) - low) / max(1e-6, high - low)
    return image.with_array(share**_GAMMA * 1000)


def noisy(image: Volume) -> Volume:
    """Gaussian noise of 3 % of the brightest values."""
    sigma = _NOISE_SHARE * float(np.percentile(image.array, 99.5))
    noise = np.random.default_rng(0).standard_normal(image.array.shape, np.float32)
    return image.with_array(image.array + sigma * noise)


def biased(image: Volume) -> Volume:
    """Another receive coil's shading."""
    return image.with_array(image.array * draw_bias_field(image.array.shape, _BIAS, np.random.default_rng(0)))


def cropped(image: Volume) -> Volume:
    """Without the air around the head; unchanged where no head is found."""
    head = find_head(image)
    if head is None:
        return image
    places = np.argwhere(head.on_image(image))
    low = np.maximum(places.min(axis=0) - _AIR_MARGIN_VOX, 0)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, places.max(axis=0) + _AIR_MARGIN_VOX + 1, strict=True))
    ox, oy, oz = (float(v) for v in image.world_xyz_mm(low))
    return replace(image, array=image.array[z, y, x], origin_xyz_mm=(ox, oy, oz))


def resampled(image: Volume, *, spacing_zyx_mm: tuple[float | None, float | None, float | None]) -> Volume:
    """The image on voxels of another size (None: as before), by linear interpolation."""
    import SimpleITK as sitk

    sz, sy, sx = (new or old for new, old in zip(spacing_zyx_mm, image.spacing_zyx_mm, strict=True))
    shape = [
        max(1, round(n * old / new))
        for n, old, new in zip(image.array.shape, image.spacing_zyx_mm, (sz, sy, sx), strict=True)
    ]
    grid = replace(image, array=np.zeros(shape, np.float32), spacing_zyx_mm=(sz, sy, sx))
    return Volume.from_sitk(
        sitk.Resample(image.to_sitk(), grid.to_sitk(), sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    )


def mirrored(image: Volume, *, axis: int) -> Volume:
    """The voxels mirrored along an array axis, the header as it was: what a wrong conversion makes."""
    return image.with_array(np.flip(image.array, axis))


def moved(image: Volume, *, degrees: float, shift_mm: float) -> Volume:
    """Turned about a slanted axis through the middle and shifted, on the same grid."""
    import SimpleITK as sitk
    from scipy.spatial.transform import Rotation

    middle = image.world_xyz_mm((np.array(image.array.shape) - 1) / 2)
    transform = sitk.VersorRigid3DTransform()
    transform.SetCenter(middle.tolist())
    slanted = np.ones(3) / np.sqrt(3)
    transform.SetMatrix(Rotation.from_rotvec(np.deg2rad(degrees) * slanted).as_matrix().ravel().tolist())
    transform.SetTranslation((shift_mm * slanted).tolist())
    found = sitk.Resample(image.to_sitk(), image.to_sitk(), transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    return image.with_array(sitk.GetArrayFromImage(found))


COPIES: Mapping[str, Copy] = {
    "resaved: NRRD, int16, other axis order": resaved,
    "values x 3 + 100": rescaled,
    "gamma 0.8": with_gamma,
    "noise of 3 %": noisy,
    "another bias field": biased,
    "air cropped": cropped,
    "resampled to 1.5 mm": partial(resampled, spacing_zyx_mm=(1.5, 1.5, 1.5)),
    "resampled to slices of 3 mm": partial(resampled, spacing_zyx_mm=(3.0, None, None)),
    "mirrored along z": partial(mirrored, axis=0),
    "mirrored along y": partial(mirrored, axis=1),
    "mirrored along x": partial(mirrored, axis=2),
}
