"""Scanning a patient: rotated head, anisotropic voxels, bias field, noise, contrast, with or without skull."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume
from rnnet.demo.anatomy import Head, Patient
from rnnet.demo.bias import draw_bias_field
from rnnet.demo.lesion import ImplantedLesion

FloatArray = npt.NDArray[np.float32]
# A lesion's voxels outside 1.6 radii are not touched; lobes and border stay below.
_REACH = 1.6


@dataclass(frozen=True, slots=True)
class Scanner:
    """A centre's scanner. Angles in degrees, shifts in mm, noise as a share of the brain's median."""

    spacing_zyx_mm: tuple[float, float, float]
    noise: float
    gamma: float
    gain: float
    bias: float = 0.25
    maximum_angle: float = 15.0
    maximum_shift_mm: float = 12.0
    stored_axes: str = "LPS"


# The second centre: thinner slices, more noise, flatter contrast, another gain and axis order.
CENTER_A = Scanner((3.0, 1.0, 1.0), noise=0.03, gamma=1.0, gain=4.0)
CENTER_B = Scanner((2.0, 0.9, 0.9), noise=0.06, gamma=0.85, gain=11.0, bias=0.35, stored_axes="RAS")
ON_ATLAS = Scanner((1.0, 1.0, 1.0), noise=0.03, gamma=1.0, gain=6.0, bias=0.1, maximum_angle=0, maximum_shift_mm=0)


def acquire(
    head: Head, atlas_grid: Volume, patient: Patient, scanner: Scanner, *, whole_head: bool, rng: np.random.Generator
) -> tuple[Volume, Volume]:
    """(image int16, mask uint8) of one scan; mask value k is the patient's lesion k."""
    frame, transform = _placement(head, atlas_grid, patient, scanner, rng)
    image = _sampled(head.intensity, atlas_grid, frame, transform)
    brain = _sampled(head.brain.astype(np.float32), atlas_grid, frame, transform) > 0.5
    mask = np.zeros(image.shape, np.uint8)
    for lesion in patient.lesions:
        _implant(image, mask, frame, transform, atlas_grid, lesion)
    image = 100 * (image / 100).clip(0) ** np.float32(scanner.gamma)
    image *= draw_bias_field(image.shape, scanner.bias, rng)
    sigma = 100 * scanner.noise
    real, imaginary = (sigma * rng.standard_normal(image.shape, np.float32) for _ in range(2))
    image = np.sqrt((image + real) ** 2 + imaginary**2)  # Rician, as magnitude images are
    if not whole_head:
        image *= brain | (mask > 0)
    gain = scanner.gain * float(rng.uniform(0.8, 1.25))
    return (
        _stored(frame, (image * gain).clip(0, 32000).astype(np.int16), scanner.stored_axes),
        _stored(frame, mask, scanner.stored_axes),
    )


def _placement(
    head: Head, atlas_grid: Volume, patient: Patient, scanner: Scanner, rng: np.random.Generator
) -> tuple[Volume, Any]:
    """The scan's empty grid in world space, and the transform from its world to the atlas's.

    The head is rotated, not the scanner: the header stays straight and registration has work to do.
    """
    import SimpleITK as sitk
    from scipy.spatial.transform import Rotation

    tissue = np.argwhere(head.intensity[::4, ::4, ::4] > 15) * 4
    low, high = tissue.min(axis=0) - 6.0, tissue.max(axis=0) + 6.0
    if scanner.maximum_angle == 0:  # on the atlas's own grid
        low, high = np.zeros(3), np.array(head.brain.shape) - 1.0
    spacing = np.array(scanner.spacing_zyx_mm)
    shape = np.floor((high - low) / spacing).astype(int) + 1
    turn = np.deg2rad(rng.uniform(-scanner.maximum_angle, scanner.maximum_angle, 3))
    shift = rng.uniform(-scanner.maximum_shift_mm, scanner.maximum_shift_mm, 3)
    x, y, z = (float(v) for v in atlas_grid.world_xyz_mm(low) + shift)
    sz, sy, sx = scanner.spacing_zyx_mm
    frame = Volume(np.zeros(tuple(shape), np.uint8), (sz, sy, sx), (x, y, z))
    middle = atlas_grid.world_xyz_mm((low + high) / 2)
    turned = Rotation.from_rotvec(turn).as_matrix() @ patient.shape
    # x -> shape-and-turn (x - middle - shift) + middle
    offset = middle - turned @ (middle + shift)
    return frame, sitk.AffineTransform(turned.ravel().tolist(), offset.tolist())


def _sampled(array: FloatArray, atlas_grid: Volume, frame: Volume, transform: Any) -> FloatArray:
    """An array of the atlas grid as the scan shows it."""
    import SimpleITK as sitk

    source = atlas_grid.with_array(array).to_sitk()
    resampled = sitk.Resample(source, frame.to_sitk(), transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    sampled: FloatArray = sitk.GetArrayFromImage(resampled)
    return sampled


def _implant(
    image: FloatArray, mask: npt.NDArray[np.uint8], frame: Volume, transform: Any, atlas_grid: Volume,
    lesion: ImplantedLesion,
) -> None:
    """Change the voxels of one lesion in place."""
    centre = _center_in_scan(frame, transform, atlas_grid.world_xyz_mm(lesion.center_zyx_vox))
    spacing = np.array(frame.spacing_zyx_mm)
    reach = lesion.radius_mm * _REACH / spacing
    low = np.maximum(0, np.floor(centre - reach)).astype(int)
    high = np.minimum(frame.array.shape, np.ceil(centre + reach).astype(int) + 1)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    index = np.stack(np.meshgrid(*[np.arange(a, b) for a, b in zip(low, high, strict=True)], indexing="ij"), axis=-1)
    offset = ((index - centre) * spacing).astype(np.float32)
    radius = lesion.shape_radius(offset)
    # Enhancing tissue does not follow the grey level that was there before.
    background = 0.5 * image[box] + 50
    blend = np.clip((1.35 - radius) / 0.25, 0, 1)
    image[box] = image[box] * (1 - blend) + background * lesion.factor(radius, offset) * blend
    mask[box][radius <= 1] = lesion.value


def _center_in_scan(frame: Volume, transform: Any, target_xyz_mm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Voxel (z, y, x) of the scan that shows a world point of the atlas."""
    return frame.index_zyx(np.array(transform.GetInverse().TransformPoint(target_xyz_mm.tolist())))


def _stored(frame: Volume, array: npt.NDArray[np.generic], axes: str) -> Volume:
    """The array on its grid, with the array axes in the scanner's order."""
    import SimpleITK as sitk

    return Volume.from_sitk(sitk.DICOMOrient(frame.with_array(array).to_sitk(), axes))
