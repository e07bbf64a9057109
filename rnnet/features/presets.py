"""Named settings of radiomics: fields of the plan, each with its reason."""

from __future__ import annotations

from typing import Any

from rnnet.core.codec import from_plain, to_plain
from rnnet.core.errors import UnknownComponentError
from rnnet.planning.plan import Choice, ExperimentPlan, FeaturesPlan, with_values

_DATA_SET = "setting of the labelled public data set's own radiomics"
_COUNT = "12 images x 93 + 14 = 1,130 features, as many as the labelled public data set has"
_IMAGES: tuple[tuple[str, Any, str], ...] = (
    ("features.wavelet", True, _COUNT), ("features.log_sigma_mm", [1.0, 3.0, 5.0], _COUNT),
)
PRESETS: dict[str, tuple[tuple[str, Any, str], ...]] = {
    # pyradiomics refuses lesions of minimumROISize voxels and fewer: 10 there is a minimum of 11 here.
    "molab": (
        ("features.normalize", "image", _DATA_SET), ("features.normalize_scale", 100.0, _DATA_SET),
        ("features.bin_width", 5.0, _DATA_SET), ("features.bin_count", 0, _DATA_SET),
        ("features.voxel_array_shift", 300, _DATA_SET), ("features.minimum_roi_voxels", 11, _DATA_SET), *_IMAGES,
    ),
    # Not published are the settings of pyradiomics; published are the z-score of its preprocessing and, indirectly,
    # the number of columns, which is that of the data set's own settings.
    "paper": (
        ("features.normalize", "brain", "the published method z-scores in its preprocessing"),
        ("features.normalize_scale", 100.0, f"not published: {_DATA_SET}"),
        ("features.bin_width", 5.0, f"not published: {_DATA_SET}"),
        ("features.bin_count", 0, f"not published: {_DATA_SET}"),
        ("features.voxel_array_shift", 300, f"not published: {_DATA_SET}"),
        ("features.minimum_roi_voxels", 10, f"not published: {_DATA_SET}"), *_IMAGES,
    ),
    "ibsi": (
        ("features.normalize", "brain", "IBSI leaves the unit to the user: the z-score of the brain"),
        ("features.normalize_scale", 100.0, "IBSI leaves the unit to the user"),
        ("features.bin_count", 32, "IBSI: a fixed number of bins where grey values have no unit, as on MRI"),
        ("features.voxel_array_shift", 0, "IBSI's energy has no shift"),
        ("features.minimum_roi_voxels", 10, "IBSI names no minimum: rnnet's"), *_IMAGES,
    ),
}


def with_preset(plan: ExperimentPlan, name: str) -> ExperimentPlan:
    """The plan with the fields of a preset; each has the preset and the reason in the plan's rationale.

    Raises:
        UnknownComponentError: no such preset.
    """
    if name not in PRESETS:
        raise UnknownComponentError.of("preset", name, PRESETS)
    plan = with_values(plan, {path: value for path, value, _ in PRESETS[name]})
    for path, value, reason in PRESETS[name]:
        plan = plan.with_reason(Choice(path, value, f"preset '{name}': {reason}"))
    return plan


def preset_features(name: str) -> FeaturesPlan:
    """The fields of a preset with the defaults for the others. Raises UnknownComponentError."""
    if name not in PRESETS:
        raise UnknownComponentError.of("preset", name, PRESETS)
    changed = {path.removeprefix("features."): value for path, value, _ in PRESETS[name]}
    features: FeaturesPlan = from_plain(FeaturesPlan, {**to_plain(FeaturesPlan()), **changed})
    return features


def preset_of(plan: ExperimentPlan) -> str:
    """The preset whose fields the plan has, '' if it has those of none."""
    for name in PRESETS:
        if with_preset(plan, name).features == plan.features:
            return name
    return ""
