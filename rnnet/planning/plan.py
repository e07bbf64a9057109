"""The plan: typed, frozen, stored as JSON, the only configuration of rnnet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from rnnet.core.codec import digest_of, from_plain, read_artefact, to_plain, write_artefact
from rnnet.core.errors import SettingError, did_you_mean
from rnnet.planning.plan_check import check_plan
from rnnet.planning.tabular_plan import DecisionPlan, FeaturesPlan, FusionPlan
from rnnet.planning.training_plan import (
    CorruptionPlan,
    FinetunePlan,
    NetworkPlan,
    PretrainPlan,
    ProbePlan,
    ViewPlan,
)

# The parts are read from here, wherever they are written.
__all__ = (
    "USER_RULE",
    "BiasFieldPlan",
    "Choice",
    "CorruptionPlan",
    "CropPlan",
    "DecisionPlan",
    "ExperimentPlan",
    "FeaturesPlan",
    "FinetunePlan",
    "FusionPlan",
    "NetworkPlan",
    "NormalizePlan",
    "PreprocessingPlan",
    "PretrainPlan",
    "ProbePlan",
    "RegistrationPlan",
    "SkullStripPlan",
    "ViewPlan",
    "read_plan",
    "with_settings",
    "with_values",
    "write_plan",
)

# The rule of a field that the user changed.
USER_RULE = "set by the user"


@dataclass(frozen=True, slots=True)
class BiasFieldPlan:
    """N4 (Tustison 2010), estimated on a shrunk image, applied at full resolution."""

    enabled: bool = True
    # The scan is shrunk to voxels of about this many millimetres; a thick axis is left as it is.
    shrink_factor: int = 8
    iterations: tuple[int, ...] = (15, 15, 15)
    convergence_threshold: float = 0.001
    # Width of the histogram kernel. N4's own default of 0.15 needs about three times as many iterations.
    full_width_half_maximum: float = 0.3


@dataclass(frozen=True, slots=True)
class RegistrationPlan:
    """Rigid registration to the atlas by Mattes mutual information."""

    # 'auto' registers what dataset.json does not declare registered and what does not lie on the atlas already;
    # 'always' and 'never' overrule it.
    mode: Literal["auto", "always", "never"] = "auto"
    # Voxel width in mm of each stage, coarse to fine; a thick axis is left as it is.
    working_spacing_mm: tuple[float, ...] = (8.0, 4.0)
    # Share of the atlas's voxels that the metric looks at in each stage.
    sampling_fraction: tuple[float, ...] = (1.0, 0.5)
    iterations: int = 60
    histogram_bins: int = 32
    image_interpolation: Literal["linear", "bspline"] = "linear"
    minimum_brain_dice: float = 0.7


@dataclass(frozen=True, slots=True)
class SkullStripPlan:
    """Which stripper runs; 'auto' takes HD-BET if its weights are there, else deepbet; none for stripped scans."""

    # auto, hd_bet, deepbet, mask (the user's own brain masks) or none; 'auto' takes a scan's own brain mask first.
    stripper: str = "auto"
    # Share of zero voxels from which on a scan counts as skull-stripped already.
    stripped_zero_share: float = 0.5


@dataclass(frozen=True, slots=True)
class NormalizePlan:
    """z-score inside the brain; intensities are clipped at these quantiles of the brain first."""

    lower_quantile: float = 0.0
    upper_quantile: float = 1.0


@dataclass(frozen=True, slots=True)
class CropPlan:
    """Cube around one lesion, on the 1 mm atlas grid (so voxels are millimetres)."""

    edge_vox: int = 64
    center: Literal["bounding_box", "center_of_mass"] = "bounding_box"


@dataclass(frozen=True, slots=True)
class PreprocessingPlan:
    """From the raw scan to the z-scored volume on the atlas grid."""

    atlas: str = "SRI24"
    bias_field: BiasFieldPlan = field(default_factory=BiasFieldPlan)
    registration: RegistrationPlan = field(default_factory=RegistrationPlan)
    skull_strip: SkullStripPlan = field(default_factory=SkullStripPlan)
    normalize: NormalizePlan = field(default_factory=NormalizePlan)


@dataclass(frozen=True, slots=True)
class Choice:
    """Why a field has its value: the rule and the inputs it was computed from."""

    path: str
    value: Any
    rule: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """Everything that a run depends on beside the data."""

    name: str
    planner: str
    dataset: str
    positive_outcome: str
    negative_outcome: str
    seed: int = 0
    n_folds: int = 5
    channels: tuple[str, ...] = ("T1CE", "lesion_mask")
    crop: CropPlan = field(default_factory=CropPlan)
    preprocessing: PreprocessingPlan = field(default_factory=PreprocessingPlan)
    network: NetworkPlan = field(default_factory=NetworkPlan)
    pretrain: PretrainPlan = field(default_factory=PretrainPlan)
    finetune: FinetunePlan = field(default_factory=FinetunePlan)
    features: FeaturesPlan = field(default_factory=FeaturesPlan)
    fusion: FusionPlan = field(default_factory=FusionPlan)
    decision: DecisionPlan = field(default_factory=DecisionPlan)
    rationale: tuple[Choice, ...] = ()

    def __post_init__(self) -> None:
        check_plan(self)

    def with_reason(self, choice: Choice) -> ExperimentPlan:
        """The plan with this reason for its field, in place of an earlier one."""
        return replace(self, rationale=(*(c for c in self.rationale if c.path != choice.path), choice))

    @property
    def data_identifier(self) -> str:
        """Folder of the preprocessed scans; plans with the same preprocessing share it."""
        return f"scans_{digest_of(self.preprocessing)[:8]}"

    @property
    def input_shape(self) -> tuple[int, int, int, int]:
        """(channels, z, y, x) of the network's input."""
        return (len(self.channels), self.crop.edge_vox, self.crop.edge_vox, self.crop.edge_vox)


def with_settings(plan: ExperimentPlan, settings: Sequence[str]) -> ExperimentPlan:
    """The plan with 'path=value' changes, each recorded in the rationale. Their order does not matter.

    Raises:
        SettingError: a path that does not exist, or values that do not fit, alone or together.
    """
    changes: dict[str, Any] = {}
    for setting in settings:
        path, separator, text = setting.partition("=")
        if not separator:
            raise SettingError(f"'{setting}' is not of the form path=value.", fix="Example: --set finetune.epochs=50")
        changes[path.strip()] = _parse(text.strip())
    plan = with_values(plan, changes)
    for path, value in changes.items():
        plan = plan.with_reason(Choice(path, value, USER_RULE))
    return plan


def with_values(plan: ExperimentPlan, changes: Mapping[str, Any]) -> ExperimentPlan:
    """The plan with other values at dotted paths, checked when all are in their places.

    Raises:
        SettingError: a path that does not exist, or values that do not fit, alone or together.
    """
    document = {**to_plain(plan), "rationale": []}
    for path, value in changes.items():
        *groups, last = path.split(".")
        part = document
        for depth, name in enumerate(groups):
            part = part[_known(name, part, path)]
            if not isinstance(part, dict):
                raise SettingError(f"The plan has no field '{path}': '{'.'.join(groups[: depth + 1])}' has no parts.")
        if isinstance(part[_known(last, part, path)], dict):
            raise SettingError(f"'{path}' is a group of fields.", fix=f"Set one of its parts: {', '.join(part[last])}.")
        part[last] = value
    changed: ExperimentPlan = from_plain(ExperimentPlan, document)
    return replace(changed, rationale=plan.rationale)


def _known(name: str, part: Mapping[str, Any], path: str) -> str:
    """The name, if this part of the plan has a field of this name that can be set."""
    names = part.keys() - {"rationale"}
    if name not in names:
        raise SettingError(f"The plan has no field '{path}'.", fix=did_you_mean(name, names))
    return name


def read_plan(path: Path) -> ExperimentPlan:
    """The plan stored at `path`; a wrong edit is named with its field."""
    return read_artefact(path, ExperimentPlan, made_by="rnnet_plan_experiment")


def write_plan(path: Path, plan: ExperimentPlan, *, inputs: Mapping[str, str]) -> None:
    """Store the plan with the digests of its inputs."""
    write_artefact(path, plan, inputs=inputs)


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
