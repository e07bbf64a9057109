"""The atlas's own head as a scan: moved by a known rigid motion, with other voxels, noise and a bias field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rnnet.core.volume import Volume
from rnnet.demo.bias import draw_bias_field
from rnnet.preprocessing.atlas import Atlas

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Motion:
    """How the head lies in the scanner and how the scanner sees it.

    noise: SD of the Rician noise as a share of the brain's median; bias: SD of the log bias field, about.
    """

    angle_degrees: float
    axis_xyz: Triple
    shift_xyz_mm: Triple
    spacing_zyx_mm: Triple
    noise: float = 0.05
    bias: float = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class MovedHead:
    """image: int16 whole head; brain: uint8 mask of its brain; to_atlas: (4, 4) the true scan-to-atlas transform."""

    image: Volume
    brain: Volume
    to_atlas: npt.NDArray[np.float64]


def draw_motion(rng: np.random.Generator, *, maximum_degrees: float = 30.0, maximum_shift_mm: float = 40.0) -> Motion:
    """A motion about any axis in any direction, uniform in angle and length, with slices of 1 to 5 mm."""
    def direction() -> npt.NDArray[np.float64]:
        vector = rng.standard_normal(3)
        unit: npt.NDArray[np.float64] = vector / np.linalg.norm(vector)
        return unit

    axis, shift = direction(), direction() * rng.uniform(0, maximum_shift_mm)
    in_plane = float(rng.uniform(0.8, 1.1))
    return Motion(
        float(rng.uniform(0, maximum_degrees)), _triple(axis), _triple(shift),
        (float(rng.choice([1.0, 1.5, 3.0, 5.0])), in_plane, in_plane),
        noise=float(rng.uniform(0.02, 0.08)), bias=float(rng.uniform(0.1, 0.4)),
    )


def move_head(atlas: Atlas, motion: Motion, *, seed: int, shape_zyx: tuple[int, int, int] | None = None) -> MovedHead:
    """The atlas's head after `motion`, in a field of view that holds all of it, or of `shape_zyx` around its middle."""
    import SimpleITK as sitk
    from scipy.spatial.transform import Rotation

    middle = atlas.head.world_xyz_mm((np.array(atlas.head.array.shape) - 1) / 2)
    turn = Rotation.from_rotvec(np.deg2rad(motion.angle_degrees) * np.array(motion.axis_xyz)).as_matrix()
    to_atlas = np.eye(4)
    to_atlas[:3, :3] = turn
    to_atlas[:3, 3] = middle - turn @ (middle + np.array(motion.shift_xyz_mm))
    frame = _frame(atlas, to_atlas, motion.spacing_zyx_mm, shape_zyx)
    transform = sitk.AffineTransform(turn.ravel().tolist(), to_atlas[:3, 3].tolist())

    def seen(volume: Volume) -> npt.NDArray[np.float32]:
        resampled = sitk.Resample(volume.to_sitk(), frame.to_sitk(), transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
        array: npt.NDArray[np.float32] = sitk.GetArrayFromImage(resampled)
        return array

    rng = np.random.default_rng(seed)
    brain = seen(atlas.brain.with_array((atlas.brain.array > 0).astype(np.float32))) >= 0.5
    image = seen(atlas.head) * draw_bias_field(frame.array.shape, motion.bias, rng)
    sigma = motion.noise * float(np.median(atlas.head.array[atlas.brain.array > 0]))
    real, imaginary = (sigma * rng.standard_normal(image.shape, np.float32) for _ in range(2))
    image = np.sqrt((image + real) ** 2 + imaginary**2)
    scaled = (image * (1000.0 / max(1.0, float(image.max())))).astype(np.int16)
    return MovedHead(frame.with_array(scaled), frame.with_array(brain.astype(np.uint8)), to_atlas)


def _frame(atlas: Atlas, to_atlas: npt.NDArray[np.float64], spacing_zyx_mm: Triple,
           shape_zyx: tuple[int, int, int] | None) -> Volume:
    """The scan's empty grid with straight axes."""
    back = np.linalg.inv(to_atlas)
    tissue = np.argwhere(atlas.head.array[::8, ::8, ::8] > 0.05 * float(atlas.head.array.max())) * 8
    seen = atlas.head.world_xyz_mm(tissue) @ back[:3, :3].T + back[:3, 3]
    low, high = seen.min(axis=0) - 8, seen.max(axis=0) + 8
    spacing_xyz = np.array(spacing_zyx_mm[::-1])
    if shape_zyx is None:
        z, y, x = (int(n) for n in np.ceil((high - low) / spacing_xyz)[::-1])
        shape_zyx = (z, y, x)
    origin = (low + high) / 2 - (np.array(shape_zyx[::-1]) - 1) * spacing_xyz / 2
    return Volume(np.zeros(shape_zyx, np.float32), spacing_zyx_mm, _triple(origin))


def _triple(vector: npt.NDArray[np.float64]) -> Triple:
    x, y, z = (float(v) for v in vector)
    return x, y, z
