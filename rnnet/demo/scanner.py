"""Scanning a patient: rotated head, anisotropic voxels, bias field, noise, contrast, with or without skull."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume
from rnnet.demo.anatomy import Head, Patient
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
    frame, coordinates = _sampling_grid(head, atlas_grid, scanner, rng)
    coordinates += _deformation(patient.deformation_mm, coordinates, head.brain.shape)
    image = _sample(head.intensity, coordinates)
    mask = np.zeros(image.shape, np.uint8)
    for lesion in patient.lesions:
        _implant(image, mask, coordinates, lesion, scanner)
    image = 100 * (image / 100).clip(0) ** np.float32(scanner.gamma)
    image *= _bias_field(image.shape, scanner.bias, rng)
    sigma = 100 * scanner.noise
    real, imaginary = (rng.normal(0, sigma, image.shape).astype(np.float32) for _ in range(2))
    image = np.sqrt((image + real) ** 2 + imaginary**2)  # Rician, as magnitude images are
    if not whole_head:
        image *= (_sample(head.brain.astype(np.float32), coordinates) > 0.5) | (mask > 0)
    gain = scanner.gain * float(rng.uniform(0.8, 1.25))
    return (
        _stored(frame, (image * gain).clip(0, 32000).astype(np.int16), scanner.stored_axes),
        _stored(frame, mask, scanner.stored_axes),
    )


def _sampling_grid(
    head: Head, atlas_grid: Volume, scanner: Scanner, rng: np.random.Generator
) -> tuple[Volume, FloatArray]:
    """The scan's grid in world space, and the atlas voxel (z, y, x, 3) that each of its voxels shows."""
    from scipy.spatial.transform import Rotation

    tissue = np.argwhere(head.intensity[::4, ::4, ::4] > 15) * 4
    low, high = tissue.min(axis=0) - 6.0, tissue.max(axis=0) + 6.0
    if scanner.maximum_angle == 0:  # on the atlas's own grid
        low, high = np.zeros(3), np.array(head.brain.shape) - 1.0
    spacing = np.array(scanner.spacing_zyx_mm)
    shape = np.floor((high - low) / spacing).astype(int) + 1
    axes = [low[i] + spacing[i] * np.arange(shape[i]) for i in range(3)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).astype(np.float32)
    angles = rng.uniform(-scanner.maximum_angle, scanner.maximum_angle, 3)
    shift = rng.uniform(-scanner.maximum_shift_mm, scanner.maximum_shift_mm, 3)
    rotation = Rotation.from_euler("zyx", angles, degrees=True).as_matrix().astype(np.float32)
    middle = ((low + high) / 2).astype(np.float32)
    # The head is rotated, not the scanner: the header stays straight and registration has work to do.
    coordinates = (grid - middle) @ rotation.T + middle
    origin = atlas_grid.world_xyz_mm(low) + shift
    sz, sy, sx = scanner.spacing_zyx_mm
    frame = Volume(
        np.zeros(tuple(shape), np.uint8), (sz, sy, sx), (float(origin[0]), float(origin[1]), float(origin[2]))
    )
    return frame, coordinates


def _deformation(control_mm: FloatArray, coordinates: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Displacement (z, y, x, 3) in mm at atlas coordinates."""
    k = control_mm.shape[1]
    scale = np.array([(k - 1) / (n - 1) for n in shape], np.float32)
    return np.stack([_sample(part, coordinates * scale) for part in control_mm], axis=-1)


def _sample(volume: FloatArray, coordinates: FloatArray) -> FloatArray:
    from scipy.ndimage import map_coordinates

    sampled: FloatArray = map_coordinates(volume, np.moveaxis(coordinates, -1, 0), order=1, output=np.float32)
    return sampled


def _implant(
    image: FloatArray, mask: npt.NDArray[np.uint8], coordinates: FloatArray, lesion: ImplantedLesion, scanner: Scanner
) -> None:
    """Change the voxels of one lesion in place."""
    offset = coordinates - np.asarray(lesion.center_zyx_vox, np.float32)
    near = (np.abs(offset) < lesion.radius_mm * _REACH).all(axis=-1)
    box = tuple(slice(int(i.min()), int(i.max()) + 1) for i in np.nonzero(near))
    local = offset[box]
    radius = lesion.shape_radius(local)
    # Enhancing tissue does not follow the grey level that was there before.
    background = 0.5 * image[box] + 50
    blend = np.clip((1.35 - radius) / 0.25, 0, 1)
    lesion_image = background * lesion.factor(radius, local)
    image[box] = image[box] * (1 - blend) + lesion_image * blend
    mask[box][radius <= 1] = lesion.value


def _bias_field(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> FloatArray:
    """A smooth multiplicative field (z, y, x) around 1."""
    from scipy.ndimage import zoom

    coarse = rng.normal(0, strength, (4, 4, 4))
    field = zoom(coarse, [n / 4 for n in shape], order=3, mode="nearest", grid_mode=True)
    return np.exp(field[: shape[0], : shape[1], : shape[2]] * 0.7).astype(np.float32)


def _stored(frame: Volume, array: npt.NDArray[np.generic], axes: str) -> Volume:
    """The array on its grid, with the array axes in the scanner's order."""
    import SimpleITK as sitk

    volume = Volume(array, frame.spacing_zyx_mm, frame.origin_xyz_mm, frame.direction_xyz)
    return Volume.from_sitk(sitk.DICOMOrient(volume.to_sitk(), axes))
