"""Which values of the plan can work: alone, and together."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING

from rnnet.core.errors import SettingError

if TYPE_CHECKING:
    from rnnet.planning.plan import ExperimentPlan

_ABOVE_ZERO = (
    "crop.edge_vox", "network.token_edge_vox", "network.width", "network.depth", "network.heads", "network.mlp_ratio",
    "network.resnet_base_width", "pretrain.epochs", "pretrain.batch_size", "pretrain.learning_rate",
    "pretrain.temperature", "pretrain.projection_width", "pretrain.accumulate_steps", "finetune.accumulate_steps",
    "finetune.batch_size", "finetune.learning_rate", "finetune.probe_learning_rate", "features.bin_width",
    "features.normalize_scale", "features.minimum_roi_voxels", "features.lasso_folds", "fusion.trees",
)
_AT_LEAST_ZERO = (
    "network.layer_scale", "pretrain.weight_decay", "pretrain.restoration_weight", "pretrain.contrastive_weight",
    "pretrain.masked_token_weight", "pretrain.brain_crops_per_scan", "pretrain.checkpoint_minutes",
    "pretrain.views.shift_vox", "pretrain.views.mask_jitter_vox", "pretrain.probe.every_epochs", "pretrain.probe.fold",
    "pretrain.probe.patience", "finetune.epochs", "finetune.probe_epochs", "finetune.weight_decay",
    "finetune.mixup_alpha", "finetune.rotation_degrees", "finetune.shift_vox", "finetune.mask_jitter_vox",
    "finetune.mask_shift_vox", "features.bin_count",
)
_SHARES = (
    "features.minimum_icc", "pretrain.warmup_share", "pretrain.masked_token_share",
    "pretrain.views.mask_drop_probability", "pretrain.corruption.outpaint_probability",
    "pretrain.corruption.shuffle_probability", "pretrain.corruption.swap_probability", "finetune.warmup_share",
)
_BELOW_ONE = (
    "network.drop_path", "network.dropout", "pretrain.views.scaling", "finetune.scaling", "finetune.ema_decay",
    "finetune.label_smoothing",
)
_RULES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (_ABOVE_ZERO, lambda v: v > 0, "above 0"),
    (_AT_LEAST_ZERO, lambda v: v >= 0, "at least 0"),
    (_SHARES, lambda v: 0 <= v <= 1, "from 0 to 1"),
    (_BELOW_ONE, lambda v: 0 <= v < 1, "at least 0 and below 1"),
    (("finetune.label_share", "finetune.layer_decay"), lambda v: 0 < v <= 1, "above 0 and at most 1"),
    (("n_folds",), lambda v: v >= 2, "at least 2"),
    (("decision.sensitivity", "decision.conformal_alpha"), lambda v: 0 < v < 1, "above 0 and below 1"),
)


def check_plan(plan: ExperimentPlan) -> None:
    """Raise SettingError for values that contradict each other or cannot work."""
    _check_ranges(plan)
    if len(plan.channels) != 2:
        raise SettingError(
            f"The field 'channels' must name the image and the lesion mask. Got {', '.join(plan.channels)} instead.",
            fix="Train the image alone with -c ssl_vit_t1ce.",
        )
    edge = plan.crop.edge_vox
    if edge % plan.network.token_edge_vox:
        raise SettingError(
            f"The field 'crop.edge_vox' must be a multiple of network.token_edge_vox. "
            f"Got {edge} and {plan.network.token_edge_vox} instead."
        )
    if plan.network.width % plan.network.heads:
        raise SettingError(
            f"The field 'network.width' must be a multiple of network.heads. "
            f"Got {plan.network.width} and {plan.network.heads} instead."
        )
    if plan.network.pooling == "class_token" and not plan.network.class_token:
        raise SettingError(
            "The field 'network.pooling' is class_token, and there is none.",
            fix="Set network.class_token=true as well.",
        )
    for path in ("pretrain.views.shift_vox", "finetune.shift_vox", "finetune.mask_shift_vox"):
        shift = attrgetter(path)(plan)
        if 2 * shift > edge:
            raise SettingError(
                f"The field '{path}' must be at most half of crop.edge_vox, which is {edge}. Got {shift} instead."
            )
    if plan.positive_outcome == plan.negative_outcome:
        raise SettingError("The fields 'positive_outcome' and 'negative_outcome' must differ.")


def _check_ranges(plan: ExperimentPlan) -> None:
    """Each field alone."""
    for paths, holds, rule in _RULES:
        for path in paths:
            value = attrgetter(path)(plan)
            if not holds(value):
                raise SettingError(f"The field '{path}' must be {rule}. Got {value} instead.")
