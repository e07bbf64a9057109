"""The plan's parts that training reads: the network, pretraining, fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """The Vision Transformer (and, for comparison, the width of the ResNet50)."""

    token_edge_vox: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp_ratio: float = 4.0
    patch_embed: Literal["linear", "conv_stem"] = "linear"
    position: Literal["learned", "sinusoidal"] = "sinusoidal"
    class_token: bool = False
    pooling: Literal["mean", "attentive", "class_token"] = "mean"
    drop_path: float = 0.05
    # First value of the factors on each block's branches (Touvron 2021, CaiT); 0 leaves them out.
    layer_scale: float = 0.0
    dropout: float = 0.0
    # Compute each block again in the backward pass instead of keeping its values: less memory, one more forward pass.
    checkpoint_blocks: bool = False
    resnet_base_width: int = 64


@dataclass(frozen=True, slots=True)
class CorruptionPlan:
    """Context restoration: how the T1CE channel of a view is corrupted. Edges are shares of the crop edge."""

    hole_count: int = 6
    hole_edge_share: tuple[float, float] = (0.05, 0.33)
    kept_box_count: int = 6
    kept_box_edge_share: tuple[float, float] = (0.2, 0.67)
    outpaint_probability: float = 0.2
    shuffle_probability: float = 0.8
    shuffle_box_count: int = 10
    shuffle_box_edge_share: float = 0.08
    swap_probability: float = 0.5
    swap_pair_count: int = 6
    swap_box_edge_share: float = 0.1


@dataclass(frozen=True, slots=True)
class ViewPlan:
    """How the two views of a lesion differ before one is corrupted: what the encoder learns to look through."""

    shift_vox: int = 4
    # Any of the cube's 48 symmetries instead of mirroring alone.
    axis_swaps: bool = True
    # Zoom of a quarter of the views by up to this share, drawn for each axis; the others move by whole voxels.
    scaling: float = 0.15
    # Contrast, gamma, bias field, blur, low resolution, noise.
    intensity_augmentation: bool = True
    # The rim of the mask moves by up to this many voxels.
    mask_jitter_vox: int = 2
    # Share of the views whose mask channel is empty: an outline that both views share gives the lesion away.
    mask_drop_probability: float = 0.3


@dataclass(frozen=True, slots=True)
class ProbePlan:
    """Online probe of pretraining: the AUC of frozen features on the labelled lesions of one training fold.

    They are those that `fold` trains on: its validation lesions and the test split are never looked at.
    """

    # 0: no probe.
    every_epochs: int = 10
    classifier: Literal["linear", "nearest"] = "linear"
    fold: int = 0
    # Stop after this many probes without a better one and keep the best; 0 only draws the curve.
    patience: int = 0


@dataclass(frozen=True, slots=True)
class PretrainPlan:
    """Self-supervised pretraining: restoration plus NT-Xent on projected latents."""

    epochs: int = 300
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup_share: float = 0.05
    optimizer: Literal["adam", "adamw"] = "adamw"
    restoration_weight: float = 1.0
    contrastive_weight: float = 1.0
    # Masked-token prediction (Xie 2022, SimMIM): L1 on tokens that the encoder did not see; 0 leaves it out.
    masked_token_weight: float = 0.0
    masked_token_share: float = 0.5
    # 'sum': weighted sum; 'paper': L1 x (1 + NT-Xent).
    objective: Literal["sum", "paper"] = "sum"
    temperature: float = 0.1
    projection_width: int = 128
    # A batch is worked on in this many parts, each with negatives of its own: less memory for the same batch.
    accumulate_steps: int = 1
    # torch.compile of the network.
    compile: bool = False
    # Leave out copies of scans that an earlier data set has, under whatever name.
    drop_duplicates: bool = True
    # Random crops of brain beside the lesions' crops, from the same scans.
    brain_crops_per_scan: int = 0
    checkpoint_minutes: float = 5.0
    views: ViewPlan = field(default_factory=ViewPlan)
    corruption: CorruptionPlan = field(default_factory=CorruptionPlan)
    probe: ProbePlan = field(default_factory=ProbePlan)


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """Supervised training of encoder and classification head on one fold."""

    epochs: int = 60
    probe_epochs: int = 10
    batch_size: int = 16
    learning_rate: float = 1.4e-3
    probe_learning_rate: float = 7e-3
    layer_decay: float = 0.9
    weight_decay: float = 0.05
    warmup_share: float = 0.1
    label_smoothing: float = 0.05
    # Mixing of two lesions and their outcomes (Zhang 2018): parameter of the beta distribution; 0 does not mix.
    mixup_alpha: float = 0.0
    accumulate_steps: int = 1
    ema_decay: float = 0.0
    # Share of a fold's labelled training patients that is used: for label-efficiency curves.
    label_share: float = 1.0
    # Which epoch is kept: the best on the validation lesions, or the last.
    select_best_by: Literal["loss", "auc", "last"] = "loss"
    mirror_tta: bool = True
    rotation_degrees: float = 15.0
    scaling: float = 0.1
    shift_vox: int = 3
    intensity_augmentation: bool = True
    # Another reader's outline: the rim moves by up to mask_jitter_vox, the whole mask by up to mask_shift_vox.
    mask_jitter_vox: int = 1
    mask_shift_vox: int = 1
