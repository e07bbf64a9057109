"""One scan from raw voxels to the z-scored volume on the atlas grid: the one path of training and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.bias_field import correct_bias_field
from rnnet.preprocessing.normalize import zscore_in_brain
from rnnet.preprocessing.registration.quality import correlation, mutual_information, overlap
from rnnet.preprocessing.registration.rigid import register_rigid
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.resample import field_of_view, resample_image, resample_lesions
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.skull_strip.table import SkullStripper, choose_stripper, looks_stripped
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan, StepRecord

# A scan on the atlas's own grid whose brain covers the atlas's brain this well was registered before.
REGISTERED_DICE = 0.85
# Overlap inside a field of view that shows less of the atlas's brain than this says nothing.
LEAST_COVERED = 0.2


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What is known of a scan beside its voxels.

    weights_folder: where HD-BET's weights lie. brain_mask: a mask of the user's, in the scan's world; no
    skull-stripper runs then.
    """

    declared_registered: bool = False
    declared_stripped: bool = False
    weights_folder: Path | None = None
    brain_mask: Volume | None = None
    seed: int = 0


def preprocess_scan(
    image: Volume, lesions: Volume | None, *, scan_id: str, plan: PreprocessingPlan, atlas: Atlas,
    settings: ScanSettings | None = None,
) -> PreprocessedScan:
    """Reorient, skull-strip, N4, estimate the rigid transform, interpolate once, z-score.

    The skull is stripped on the scan's own grid: the networks were trained on such scans, and brain to brain the
    registration also holds for thick slices and cut fields of view, where head to head does not.

    lesions: label map of the same scan; None for a scan without lesions. A mask whose header is off by less than half
    a voxel takes the image's grid.

    Raises:
        CaseFailedError: a step failed, or the scan does not lie on the atlas; the message says what to do.
    """
    settings = settings or ScanSettings()
    native = NativeGrid.of(image)
    labels, warnings = _labels_on_scan(image, lesions)
    scan, labels = reorient_to_lps(image), reorient_to_lps(labels)
    if not np.isfinite(scan.array).all():
        raise CaseFailedError("The image has voxels that are not finite numbers.", fix="Export the image again.")
    scan = scan.with_array(scan.array.astype(np.float32))
    brain, record = _brain(scan, plan, settings)
    history = [StepRecord("reorient", {"axes": "LPS"}), record]
    if plan.bias_field.enabled:
        scan, record = correct_bias_field(scan, brain, plan.bias_field)
        history.append(record)
    to_atlas, record = _transform(scan, brain, atlas, plan, settings)
    history.append(record)
    on_atlas = resample_image(scan, atlas.head, to_atlas, interpolation=plan.registration.image_interpolation)
    on_atlas_brain = resample_image(brain, atlas.head, to_atlas, interpolation="linear") >= 0.5
    history.append(_check_quality(on_atlas, on_atlas_brain, scan, atlas, to_atlas, plan, settings))
    on_atlas_labels, redrawn = resample_lesions(labels, atlas.head, to_atlas)
    # A lesion at the rim of the brain must not be cut.
    added = int(((on_atlas_labels > 0) & ~on_atlas_brain).sum())
    whole = on_atlas_brain | (on_atlas_labels > 0)
    normalized, record = zscore_in_brain(on_atlas, whole, plan.normalize)
    rim = (f"{added} lesion voxels at the rim were added to the brain mask.",) if added else ()
    return PreprocessedScan(
        scan_id=scan_id, image=normalized, brain=whole, lesions=on_atlas_labels, native=native, to_atlas=to_atlas,
        history=(*history, record), warnings=(*warnings, *redrawn, *rim), atlas_origin_xyz_mm=atlas.head.origin_xyz_mm,
    )


def _labels_on_scan(image: Volume, lesions: Volume | None) -> tuple[Volume, tuple[str, ...]]:
    """The label map on a grid that can be trusted, and what was done about its header."""
    if lesions is None or not lesions.array.any():
        return image.with_array(np.zeros(image.array.shape, np.uint16)), ()
    if lesions.same_grid(image):
        return image.with_array(lesions.array), ()
    half_voxel = min(image.spacing_zyx_mm) / 2
    if lesions.array.shape == image.array.shape and lesions.same_grid(image, tolerance_mm=half_voxel):
        return image.with_array(lesions.array), ("The mask's header is off by under half a voxel: image grid used.",)
    index = image.index_zyx(lesions.world_xyz_mm(np.argwhere(lesions.array > 0)))
    inside = ((index >= -0.5) & (index <= np.array(image.array.shape) - 0.5)).all(axis=1)
    share = float(inside.mean())
    if share < 1:
        raise CaseFailedError(
            f"{1 - share:.0%} of the mask lies outside the image.",
            fix="Is the mask of this scan? Resample it onto the image's grid.",
        )
    return lesions, ("The mask has a grid of its own; it is taken where its header says.",)


def _brain(scan: Volume, plan: PreprocessingPlan, settings: ScanSettings) -> tuple[Volume, StepRecord]:
    """The brain mask (float32, 0 or 1) on the scan's own grid, as skull-strippers are trained, and what found it."""
    stripped = settings.declared_stripped or looks_stripped(scan.array, scan.spacing_zyx_mm, plan.skull_strip)
    stripper: SkullStripper
    if settings.brain_mask is not None:
        stripper = GivenMaskStripper(settings.brain_mask)
    else:
        stripper = choose_stripper(plan.skull_strip, stripped=stripped, weights_folder=settings.weights_folder)
    mask = stripper.brain_mask(scan)
    if not mask.any():
        raise CaseFailedError(f"The skull-stripper {stripper.name} finds no brain.", fix="Look at the image.")
    record = StepRecord("skull_strip", {"stripper": stripper.name, "version": stripper.version})
    return scan.with_array(mask.astype(np.float32)), record


def _transform(
    scan: Volume, brain: Volume, atlas: Atlas, plan: PreprocessingPlan, settings: ScanSettings
) -> tuple[npt.NDArray[np.float64], StepRecord]:
    """(4, 4) scan to atlas: the identity for a scan that is registered already, else estimated."""
    mode = plan.registration.mode
    if mode == "never" or (mode == "auto" and (settings.declared_registered or _lies_on_atlas(brain, atlas))):
        reason = "declared registered" if settings.declared_registered else "registered already"
        return np.eye(4), StepRecord("registration", {"method": "none", "reason": reason if mode == "auto" else "plan"})
    found = register_rigid(scan.with_array(scan.array * brain.array), atlas, plan.registration, seed=settings.seed)
    return found.to_atlas, StepRecord("registration", {
        "method": "rigid, Mattes MI", "start": found.start, "angle_degrees": round(found.angle_degrees, 2),
        "likeness_before": round(found.likeness_before, 4), "likeness_after": round(found.likeness_after, 4),
    })


def _lies_on_atlas(brain: Volume, atlas: Atlas) -> bool:
    if not brain.same_grid(atlas.head, tolerance_mm=0.5):
        return False
    return overlap(brain.array, atlas.brain.array, np.ones(brain.array.shape, bool)) >= REGISTERED_DICE


def _check_quality(
    image: npt.NDArray[np.float32], brain: npt.NDArray[np.bool_], scan: Volume, atlas: Atlas,
    to_atlas: npt.NDArray[np.float64], plan: PreprocessingPlan, settings: ScanSettings,
) -> StepRecord:
    """The overlap with the atlas's brain in the scan's field of view, refused below the plan's limit."""
    seen = field_of_view(scan, atlas.head, to_atlas)
    atlas_brain = atlas.brain.array > 0
    covered = float(seen[atlas_brain].mean())
    dice = overlap(brain, atlas_brain, seen)
    common = brain & seen & atlas_brain
    if covered < LEAST_COVERED:
        raise CaseFailedError(
            f"The scan covers {covered:.0%} of the atlas's brain only.", fix=_quality_fix(plan, settings)
        )
    if dice < plan.registration.minimum_brain_dice:
        raise CaseFailedError(
            f"The brain overlaps with the atlas's brain by a Dice of {dice:.2f} only; at least "
            f"{plan.registration.minimum_brain_dice:.2f} is wanted.", fix=_quality_fix(plan, settings),
        )
    return StepRecord("quality", {
        "brain_dice": round(dice, 4), "correlation_with_atlas": round(correlation(image, atlas.brain.array, common), 4),
        "mutual_information_with_atlas": round(mutual_information(image[common], atlas.brain.array[common]), 4),
        "atlas_brain_covered": round(covered, 4),
    })


def _quality_fix(plan: PreprocessingPlan, settings: ScanSettings) -> str:
    """What to do about a scan that does not lie on the atlas: a wrong declaration comes first."""
    if plan.registration.mode == "never":
        return "The plan switches registration off: set preprocessing.registration.mode=auto."
    if plan.registration.mode == "auto" and settings.declared_registered:
        return "dataset.json declares the scans registered, and this one is not: correct preprocessed.registered."
    if settings.declared_stripped:
        return "dataset.json declares the scans skull-stripped: correct preprocessed.skull_stripped if this one is not."
    return "Look at the scan: is it a head? The limit is preprocessing.registration.minimum_brain_dice in the plan."
