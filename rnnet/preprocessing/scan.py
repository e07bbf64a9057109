"""One scan from raw voxels to the z-scored volume on the atlas grid: the one path of training and prediction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError, GeometryError
from rnnet.core.stopwatch import Timer, untimed
from rnnet.core.volume import Array, Volume
from rnnet.dataset.mask_grid import place_mask
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.bias_field import correct_bias_field
from rnnet.preprocessing.boxes import Box, box_around, box_on_grid, cut, on_whole_grid, union
from rnnet.preprocessing.fit import fit_warnings, measure_fit
from rnnet.preprocessing.lesions import LesionsOnAtlas, resample_lesions
from rnnet.preprocessing.normalize import not_finite, zscore_in_brain
from rnnet.preprocessing.registration.flips import suspect_flip
from rnnet.preprocessing.registration.quality import landmark_distance_mm, overlap
from rnnet.preprocessing.registration.rigid import register_rigid
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.resample import resample_image
from rnnet.preprocessing.skull_strip.reference import atlas_seen_by
from rnnet.preprocessing.skull_strip.table import SkullStripper, choose_stripper, looks_stripped
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan, StepRecord

# A scan on the atlas's own grid whose brain covers the atlas's brain this well was registered before.
REGISTERED_DICE = 0.85
# Registrations of different programs put the same brain some millimetres apart.
WORTH_SAYING_MM = 5.0


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """What is known of a scan beside its voxels.

    weights_folder: where HD-BET's weights lie. brain_mask: a mask of the user's, in the scan's world; the plan says
    whether it is used. timed: takes the time of each step, for benchmarks.
    """

    declared_registered: bool = False
    declared_stripped: bool = False
    weights_folder: Path | None = None
    brain_mask: Volume | None = None
    seed: int = 0
    timed: Timer = untimed


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """A scan as it was given, made ready: LPS axes, float32, holes set to 0.

    lesions: on their own grid or the image's; None if there are none. holes: (z, y, x) bool, None if there are none.
    """

    image: Volume
    lesions: Volume | None
    holes: npt.NDArray[np.bool_] | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _OnAtlas:
    """image (z, y, x) float32 and brain bool, both right inside the box and zero outside it."""

    image: npt.NDArray[np.float32]
    brain: npt.NDArray[np.bool_]
    lesions: LesionsOnAtlas
    box: Box | None


def preprocess_scan(
    image: Volume, lesions: Volume | None, *, scan_id: str, plan: PreprocessingPlan, atlas: Atlas,
    settings: ScanSettings | None = None,
) -> PreprocessedScan:
    """Reorient, skull-strip, N4, estimate the rigid transform, interpolate once, z-score.

    The skull is stripped on the scan's own grid: the networks were trained on such scans, and brain to brain the
    registration also holds for thick slices and cut fields of view, where head to head does not.

    lesions: label map of the same scan; None for a scan without lesions. Where it lies is decided by place_mask.

    A scan that does not lie on the atlas well is returned, too: `fit.fit_problem` judges it by its record.

    Raises:
        CaseFailedError: a step failed; the message says what to do.
    """
    settings = settings or ScanSettings()
    timed = settings.timed
    with timed("reorient"):
        raw = _made_ready(image, lesions)
    with timed("skull_strip"):
        stripper, brain, record = _brain(raw, plan, settings)
    history = [StepRecord("reorient", {"axes": "LPS"}), record]
    scan, warnings = raw.image, [*raw.warnings, *_said_of_mask(settings.brain_mask, raw.image)]
    if raw.holes is not None:
        warnings.append(f"{np.count_nonzero(raw.holes)} voxels outside the brain were not finite numbers (NaN or "
                        "infinite) and were set to 0.")
    if plan.bias_field.enabled:
        with timed("bias_field"):
            scan, record = correct_bias_field(scan, brain, plan.bias_field)
        history.append(record)
        if record.values["method"] == "none":
            warnings.append(f"The bias field was not corrected: {record.values['reason']}.")
    with timed("registration"):
        to_atlas, record = _transform(scan, brain, atlas_seen_by(stripper, atlas), plan, settings)
    history.append(record)
    if (offset := record.values.get("offset_mm", 0.0)) > WORTH_SAYING_MM:
        warnings.append(f"The scan is taken as registered, but its brain lies about {offset:.0f} mm off the atlas's.")
    with timed("resampling"):
        found, record = _resampled(scan, brain, raw.lesions, atlas, to_atlas, plan)
    history.append(record)
    with timed("quality"):
        history.append(measure_fit(scan, brain, found.image, found.brain, atlas=atlas, to_atlas=to_atlas, plan=plan))
        warnings += fit_warnings(history[-1])
        history.append(_orientation(scan, brain, atlas))
    with timed("normalize"):
        normalized, whole, record = _normalized(found, plan)
    added = np.count_nonzero(whole) - np.count_nonzero(found.brain)
    rim = (f"{added} lesion voxels at the rim were added to the brain mask.",) if added else ()
    suspected = tuple(text for text in (history[-1].values["suspected"],) if text)
    return PreprocessedScan(
        scan_id=scan_id, image=normalized, brain=whole, lesions=found.lesions.labels, native=NativeGrid.of(image),
        to_atlas=to_atlas, history=(*history, record),
        warnings=(*warnings, *found.lesions.warnings, *suspected, *rim), atlas_origin_xyz_mm=atlas.head.origin_xyz_mm,
    )


def _made_ready(image: Volume, lesions: Volume | None) -> _Raw:
    """Voxels that are not finite are common outside the head after a resampling: they become 0 and are remembered."""
    warnings = [*image.notes, *(lesions.notes if lesions is not None else ())]
    if lesions is not None and lesions.array.any():
        try:
            placed = place_mask(image, lesions)
        except GeometryError as error:
            raise CaseFailedError(error.problem, where=error.where, fix=error.fix) from error
        warnings += [placed.note] if placed.note else []
        lesions = reorient_to_lps(_inside_image(placed.mask, image))
    else:
        lesions = None
    scan = reorient_to_lps(image)
    with np.errstate(over="ignore"):  # float64 values beyond float32 become infinite, and so count as holes
        scan = scan.with_array(scan.array.astype(np.float32, copy=False))
    # The sum is finite if all voxels are, and is found in a third of the time.
    if np.isfinite(scan.array.sum(dtype=np.float64)):
        return _Raw(scan, lesions, None, tuple(warnings))
    holes: npt.NDArray[np.bool_] = ~np.isfinite(scan.array)
    return _Raw(scan.with_array(np.where(holes, np.float32(0), scan.array)), lesions, holes, tuple(warnings))


def _inside_image(mask: Volume, image: Volume) -> Volume:
    """The mask without lesion voxels outside the image: nothing is known of the tissue there."""
    if mask.same_grid(image):
        return mask
    where = np.argwhere(mask.array > 0)
    index = image.index_zyx(mask.world_xyz_mm(where))
    outside = where[((index < -0.5) | (index > np.array(image.array.shape) - 0.5)).any(axis=1)]
    array = mask.array.copy()
    array[tuple(outside.T)] = 0
    return mask.with_array(array)


def _brain(
    raw: _Raw, plan: PreprocessingPlan, settings: ScanSettings
) -> tuple[SkullStripper, Volume, StepRecord]:
    """What found the brain, and its mask (float32, 0 or 1) on the scan's own grid, as skull-strippers are trained."""
    scan = raw.image
    stripper = choose_stripper(
        plan.skull_strip, weights_folder=settings.weights_folder, brain_mask=settings.brain_mask,
        stripped=settings.declared_stripped or looks_stripped(scan.array, scan.spacing_zyx_mm, plan.skull_strip),
    )
    mask = stripper.brain_mask(scan)
    if not mask.any():
        raise CaseFailedError(f"The skull-stripper {stripper.name} finds no brain.", fix="Look at the image.")
    if raw.holes is not None and (raw.holes & mask).any():
        raise not_finite(int(np.count_nonzero(raw.holes & mask)))
    record = StepRecord("skull_strip", {"stripper": stripper.name, "version": stripper.version})
    return stripper, scan.with_array(mask.astype(np.float32)), record


def _said_of_mask(mask: Volume | None, scan: Volume) -> list[str]:
    """What is to be said of the user's brain mask: what the reader mended, and a grid of its own."""
    if mask is None:
        return []
    own_grid = not reorient_to_lps(mask).same_grid(scan, tolerance_mm=min(scan.spacing_zyx_mm) / 2)
    said = ["The brain mask has a grid of its own; it is resampled by nearest neighbour."] if own_grid else []
    return [f"Brain mask: {note}" for note in mask.notes] + said


def _transform(
    scan: Volume, brain: Volume, atlas: Atlas, plan: PreprocessingPlan, settings: ScanSettings
) -> tuple[npt.NDArray[np.float64], StepRecord]:
    """(4, 4) scan to atlas: the identity for a scan that is registered already, else estimated.

    Scans that are declared registered are checked, not believed: offset_mm is how far an estimate would move them. An
    estimate that fails leaves the scan where it is, for `fit.fit_problem` to refuse it when it was drawn.
    """
    mode = plan.registration.mode
    if mode == "never":
        return np.eye(4), StepRecord("registration", {"method": "none", "reason": "plan"})
    try:
        found = register_rigid(scan.with_array(scan.array * brain.array), atlas, plan.registration, seed=settings.seed)
    except CaseFailedError as error:
        return np.eye(4), StepRecord("registration", {"method": "failed", "problem": error.problem, "fix": error.fix})
    if mode == "auto" and (settings.declared_registered or _lies_on_atlas(brain, atlas)):
        reason = "declared registered" if settings.declared_registered else "registered already"
        offset = round(landmark_distance_mm(atlas, found.to_atlas, np.eye(4)), 1)
        return np.eye(4), StepRecord("registration", {"method": "none", "reason": reason, "offset_mm": offset})
    return found.to_atlas, StepRecord("registration", {
        "method": "rigid, Mattes MI", "start": found.start, "angle_degrees": round(found.angle_degrees, 2),
    })


def _lies_on_atlas(brain: Volume, atlas: Atlas) -> bool:
    if not brain.same_grid(atlas.head, tolerance_mm=0.5):
        return False
    return overlap(brain.array, atlas.brain.array, np.ones(brain.array.shape, bool)) >= REGISTERED_DICE


def _resampled(
    scan: Volume, brain: Volume, lesions: Volume | None, atlas: Atlas, to_atlas: Array, plan: PreprocessingPlan
) -> tuple[_OnAtlas, StepRecord]:
    """Image, brain and lesions on the atlas grid, each interpolated once, where there is brain or lesion."""
    grid = atlas.head
    shape = grid.array.shape
    labels = LesionsOnAtlas(np.zeros(shape, np.uint16)) if lesions is None else resample_lesions(
        lesions, grid, to_atlas
    )
    native = box_around(brain.array > 0)
    box = union(native and box_on_grid(scan, native, grid, to_atlas), box_around(labels.labels > 0))
    image, mask = np.zeros(shape, np.float32), np.zeros(shape, bool)
    if box is not None:
        part, kind = cut(grid, box), plan.registration.image_interpolation
        image[box] = resample_image(scan, part, to_atlas, interpolation=kind)
        mask[box] = resample_image(brain, part, to_atlas, interpolation="linear") >= 0.5
    record = StepRecord("resampling", {
        "image": plan.registration.image_interpolation, "lesions": "nearest", "lesions_lost": list(labels.lost),
    })
    return _OnAtlas(image, mask, labels, box), record


def _orientation(scan: Volume, brain: Volume, atlas: Atlas) -> StepRecord:
    """The step 'orientation': what speaks for a mirrored or turned scan, '' if nothing does."""
    finding = suspect_flip(scan.with_array(scan.array * brain.array), atlas)
    if finding is None:
        return StepRecord("orientation", {"suspected": ""})
    return StepRecord("orientation", {
        "suspected": finding.message, "kind": finding.kind, "likeness_as_is": finding.likeness_as_is,
        "likeness_best": finding.likeness_best,
    })


def _normalized(
    found: _OnAtlas, plan: PreprocessingPlan
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], StepRecord]:
    """The z-scored image, and the brain united with the lesions: one at the rim must not be cut."""
    shape, box = found.image.shape, found.box
    whole = np.zeros(shape, bool)
    if box is not None:
        whole[box] = found.brain[box] | (found.lesions.labels[box] > 0)
    if box is None or not whole.any():
        # It lies outside the atlas; the scan's record says so.
        return np.zeros(shape, np.float32), whole, StepRecord("normalize", {"mean": 0.0, "std": 0.0})
    normalized, record = zscore_in_brain(found.image[box], whole[box], plan.normalize)
    return on_whole_grid(normalized, box, shape), whole, record
