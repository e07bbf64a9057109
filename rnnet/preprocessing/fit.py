"""How well a scan came to lie on the atlas, and what to do about one that did not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Array, Volume
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.boxes import Box, box_around, union
from rnnet.preprocessing.registration.quality import correlation, overlap
from rnnet.preprocessing.registration.reference import likeness, reference_level, working_image
from rnnet.preprocessing.resample import field_of_view
from rnnet.preprocessing.state import PreprocessedScan, StepRecord

if TYPE_CHECKING:
    from rnnet.preprocessing.scan import ScanSettings

# Overlap inside a field of view that shows less of the atlas's brain than this says nothing.
LEAST_COVERED = 0.2
# Brains of real scans reach .91 to .97; one with missing tissue .82.
USUAL_DICE = 0.85
# Two programs' registrations of one scan may differ by some millimetres, not by more than this.
LARGEST_OFFSET_MM = 10.0


def measure_fit(
    scan: Volume, brain: Volume, on_atlas: npt.NDArray[np.float32], on_atlas_brain: npt.NDArray[np.bool_], *,
    atlas: Atlas, to_atlas: npt.NDArray[np.float64], plan: PreprocessingPlan,
) -> StepRecord:
    """The step 'quality'; also a scan that is declared to be registered is measured.

    scan, brain: on their own grid; on_atlas and on_atlas_brain (z, y, x): on the atlas's. brain_dice and the
    correlation count what the scan shows of the atlas. Mutual information (nats) is of both brains and their
    surroundings, times the share of them that the scan covers, before and after registration: 0 before it where the
    scan lies elsewhere in the world.
    """
    atlas_brain = atlas.brain.array > 0
    seen = field_of_view(scan, atlas.head, to_atlas)
    box = union(box_around(atlas_brain), box_around(on_atlas_brain))
    covered = float(np.count_nonzero(seen & atlas_brain) / np.count_nonzero(atlas_brain))
    seen, ours, theirs = _inside(box, seen, on_atlas_brain, atlas_brain)
    image, atlas_image = _inside(box, on_atlas, atlas.brain.array)
    spacing = plan.registration.working_spacing_mm[-1]
    level, working = reference_level(atlas, spacing), working_image(scan.with_array(scan.array * brain.array), spacing)
    before, after = (likeness(level, working, to_scan) for to_scan in (np.eye(4), np.linalg.inv(to_atlas)))
    return StepRecord("quality", {
        "brain_dice": round(overlap(ours, theirs, seen), 4),
        "correlation_with_atlas": round(correlation(image, atlas_image, ours & theirs & seen), 4),
        "mutual_information_before": round(before, 4), "mutual_information_after": round(after, 4),
        "atlas_brain_covered": round(covered, 4),
    })


def fit_problem(scan: PreprocessedScan, plan: PreprocessingPlan, settings: ScanSettings) -> CaseFailedError | None:
    """Why a preprocessed scan must not be used, from its record; None for one that lies on the atlas.

    It is apart from preprocess_scan so that the scan can be drawn before it is refused.
    """
    fit, lesions, registration = (scan.step(name) for name in ("quality", "resampling", "registration"))
    registered = registration.values if registration else {}
    if registered.get("method") == "failed":
        return CaseFailedError(registered["problem"], fix=registered["fix"])
    covered, dice = ((fit.values[name] if fit else 0.0) for name in ("atlas_brain_covered", "brain_dice"))
    if not scan.brain.any():
        return CaseFailedError("Nothing of the brain lies on the atlas.", fix=_cure(plan, settings))
    if covered < LEAST_COVERED:
        return CaseFailedError(f"The scan covers {covered:.0%} of the atlas's brain only.", fix=_cure(plan, settings))
    least = plan.registration.minimum_brain_dice
    if dice < least:
        return CaseFailedError(
            f"The brain overlaps with the atlas's brain by a Dice of {dice:.2f} only; at least {least:.2f} is wanted.",
            fix=_cure(plan, settings),
        )
    if registered.get("offset_mm", 0.0) > LARGEST_OFFSET_MM:
        return CaseFailedError(
            f"The scan is taken as registered, but its brain lies about {registered['offset_mm']:.0f} mm off the "
            "atlas's.", fix=_cure(plan, settings),
        )
    lost = lesions.values["lesions_lost"] if lesions else []
    if lost and not scan.lesions.any():
        return CaseFailedError(
            f"No lesion of the scan lies on the atlas (lesions {', '.join(map(str, lost))} of the mask are outside).",
            fix="Is the mask of this scan? Look at the scan's picture in the folder qc.",
        )
    return None


def fit_warnings(record: StepRecord) -> tuple[str, ...]:
    """What a reader should know of the step 'quality' of a scan that is not refused."""
    dice = record.values["brain_dice"]
    if dice >= USUAL_DICE:
        return ()
    return (f"The brain overlaps with the atlas's by a Dice of {dice:.2f} only: look at the scan's picture.",)


def _inside(box: Box | None, *arrays: Array) -> list[Array]:
    return [array if box is None else array[box] for array in arrays]


def _cure(plan: PreprocessingPlan, settings: ScanSettings) -> str:
    """What to do about a scan that does not lie on the atlas: a wrong declaration comes first."""
    if plan.registration.mode == "never":
        return "The plan switches registration off: set preprocessing.registration.mode=auto."
    if plan.registration.mode == "auto" and settings.declared_registered:
        return "dataset.json declares the scans registered, and this one is not: correct preprocessed.registered."
    if settings.declared_stripped:
        return "dataset.json declares the scans skull-stripped: correct preprocessed.skull_stripped if this one is not."
    return ("Look at the scan's picture in the folder qc: is it a head? The limit is "
            "preprocessing.registration.minimum_brain_dice in the plan.")
