"""The cube around one lesion, and the way back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array
from rnnet.planning.plan import CropPlan
from rnnet.preprocessing.state import LesionBox, PreprocessedCase, PreprocessedScan

Start = tuple[int, int, int]
# A brain fills about half of its box; a brain mask of a few voxels still gets a cube, off its voxels if need be.
_TRIES = 100


def crop_lesion(scan: PreprocessedScan, *, case_id: str, lesion_value: int, plan: CropPlan) -> PreprocessedCase:
    """Two channels (2, z, y, x) around one lesion of a scan in memory.

    Raises:
        CaseFailedError: the scan has no such lesion.
    """
    boxes = lesion_boxes(scan.lesions)
    start = crop_start(boxes, lesion_value, plan, case_id=case_id)
    image = window(scan.image, start, plan.edge_vox)
    labels = window(scan.lesions, start, plan.edge_vox)
    return assemble(case_id, image, labels, lesion_value, boxes, start)


def lesion_boxes(labels: Array) -> dict[int, LesionBox]:
    """Bounding box and centre of mass of every lesion of a label map (z, y, x)."""
    from scipy.ndimage import find_objects

    boxes: dict[int, LesionBox] = {}
    for value, box in enumerate(find_objects(labels), start=1):
        if box is not None:
            inside = np.argwhere(labels[box] == value)
            low = np.array([s.start for s in box])
            centre = inside.mean(axis=0) + low
            boxes[value] = LesionBox(
                tuple(int(s.start) for s in box), tuple(int(s.stop) for s in box),  # type: ignore[arg-type]
                tuple(float(c) for c in centre), len(inside),  # type: ignore[arg-type]
            )
    return boxes


def crop_start(boxes: dict[int, LesionBox], lesion_value: int, plan: CropPlan, *, case_id: str) -> Start:
    """First voxel (z, y, x) of the cube centred on the lesion; negative where it sticks out of the grid.

    Raises:
        CaseFailedError: the scan has no such lesion.
    """
    box = box_of(boxes, lesion_value, where=case_id)
    if plan.center == "bounding_box":
        centre = (np.array(box.low_zyx_vox) + np.array(box.high_zyx_vox) - 1) / 2
    else:
        centre = np.array(box.center_of_mass_zyx_vox)
    z, y, x = (int(c) for c in np.floor(centre - (plan.edge_vox - 1) / 2 + 0.5))
    return z, y, x


def box_of(boxes: dict[int, LesionBox], lesion_value: int, *, where: object) -> LesionBox:
    """The box of one lesion. Raises CaseFailedError if the scan has no such lesion."""
    if lesion_value not in boxes:
        known = ", ".join(map(str, sorted(boxes))) or "none"
        raise CaseFailedError(
            f"The scan has no lesion {lesion_value}.", where=where,
            fix=f"Lesions on the atlas: {known}. Correct lesion_value or the mask; lesions outside the atlas stand "
            "in the scan's warnings.",
        )
    return boxes[lesion_value]


def random_start(brain_box: tuple[Start, Start], in_brain: Callable[[Start], bool], edge_vox: int,
                 rng: np.random.Generator) -> Start:
    """First voxel (z, y, x) of a cube whose middle is a random voxel of the brain, for pretraining.

    brain_box: low (inclusive) and high (exclusive) voxels of the brain. in_brain: whether a voxel is brain.
    """
    low, high = brain_box
    for _ in range(_TRIES):
        z, y, x = (int(v) for v in rng.integers(low, high))
        if in_brain((z, y, x)):
            break
    half = edge_vox // 2
    return z - half, y - half, x - half


def window(array: Array, start_zyx_vox: Start, edge_vox: int) -> Array:
    """The cube (z, y, x) of an array or b2nd array, zeros outside it."""
    from acvl_utils.cropping_and_padding.bounding_boxes import crop_and_pad_nd

    box = [[s, s + edge_vox] for s in start_zyx_vox]
    cube: Array = crop_and_pad_nd(array, box)
    return cube


def assemble(
    case_id: str, image: Array, labels: Array, lesion_value: int, boxes: dict[int, LesionBox], start: Start
) -> PreprocessedCase:
    """The two channels of a lesion from the cubes of image and labels, with what a reader should know."""
    mask = labels == lesion_value
    warnings = []
    box, edge = boxes[lesion_value], image.shape[0]
    longest = max(h - low for low, h in zip(box.low_zyx_vox, box.high_zyx_vox, strict=True))
    if longest > edge:
        warnings.append(f"The lesion is {longest} mm long and does not fit into the crop of {edge} mm.")
    present = np.flatnonzero(np.bincount(labels.ravel()))  # many times faster than sorting the voxels
    others = [int(v) for v in present if v not in (0, lesion_value)]
    if others:
        warnings.append(f"Other lesions lie inside the crop: {', '.join(map(str, others))}.")
    array = np.stack([image, mask]).astype(np.float32)
    return PreprocessedCase(case_id, array, start, tuple(warnings))


def paste_crop(crop: Array, start_zyx_vox: Start, shape_zyx: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """The cube (z, y, x) at its place in a grid of `shape_zyx`, zeros elsewhere; what sticks out is dropped."""
    pasted = np.zeros(shape_zyx, np.float32)
    target, source = [], []
    for start, edge, size in zip(start_zyx_vox, crop.shape, shape_zyx, strict=True):
        low, high = max(0, start), min(size, start + edge)
        if low >= high:
            return pasted
        target.append(slice(low, high))
        source.append(slice(low - start, high - start))
    pasted[tuple(target)] = crop[tuple(source)]
    return pasted
