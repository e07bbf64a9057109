"""What is trained in a trial: the settings that all arms share, and what each arm changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

# The one place for the size of the networks and the length of the training; --set of every plan.
SETTINGS: Mapping[str, tuple[str, ...]] = {
    "common": (
        "n_folds=3", "network.token_edge_vox=8", "crop.edge_vox=32", "network.heads=4", "network.width=128",
        "network.depth=4", "network.resnet_base_width=16", "pretrain.batch_size=64", "pretrain.learning_rate=0.0014",
        "pretrain.epochs=40", "finetune.epochs=40", "finetune.probe_epochs=10", "features.bin_width=25",
    ),
    "phantom": (),
    # Cubes that lie on their own grid, without head or scanner.
    "nodules": ("preprocessing.registration.mode=never", "preprocessing.bias_field.enabled=false"),
}
MAIN = "main"
# How often the configurations of `Arm.repeated` are trained: one training of a small network is a throw of dice.
SEEDS = 5


@dataclass(frozen=True, slots=True)
class Trial:
    """Numbers of the raw data sets: labelled, unlabelled pool, second centre."""

    name: str
    labelled: int
    pool: int
    second: int
    positive_outcome: str
    has_clinical: bool


TRIALS: Mapping[str, Trial] = {
    "phantom": Trial("phantom", 1, 2, 3, "radiation_necrosis", has_clinical=True),
    "nodules": Trial("nodules", 11, 12, 13, "poorly_defined", has_clinical=False),
}
Group = Literal["main", "objectives", "network", "mask channel", "views", "labels", "length"]


@dataclass(frozen=True, slots=True)
class Arm:
    """One plan, named as the arm, with what is trained under it on every fold.

    encoder: the arm whose pretrained encoder is used; empty: it pretrains one of its own. controls: of ssl_vit.
    repeated: configurations that are trained with SEEDS seeds.
    """

    name: str
    group: Group
    title: str
    settings: tuple[str, ...] = ()
    configs: tuple[str, ...] = ("ssl_vit",)
    encoder: str = ""
    controls: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    fuse: bool = False

    @property
    def pretrains(self) -> bool:
        """Whether the arm needs an encoder of its own."""
        return not self.encoder


def arms_of(trial: Trial) -> tuple[Arm, ...]:
    """All arms, in the order in which they are run."""
    tabular = ("radiomics", "clinical") if trial.has_clinical else ("radiomics",)
    imaging = ("ssl_vit", "vit_scratch", "ssl_vit_t1ce", "resnet50")
    return (
        Arm(MAIN, "main", "all as planned", configs=(*imaging, *tabular), fuse=True, repeated=_BOTH,
            controls=("shuffled_labels", "mask_only", "volume_only", "random_encoder")),
        Arm("labels_50", "labels", "50 % of the training labels", ("finetune.label_share=0.5",), _BOTH, MAIN),
        Arm("labels_25", "labels", "25 % of the training labels", ("finetune.label_share=0.25",), _BOTH, MAIN),
        Arm("finetuned_longer", "length", "fine-tuned for 100 epochs, as the planner would", ("finetune.epochs=100",),
            _BOTH, MAIN, repeated=_BOTH),
        Arm("restoration_only", "objectives", "restoration only", ("pretrain.contrastive_weight=0",)),
        Arm("contrastive_only", "objectives", "contrastive only", ("pretrain.restoration_weight=0",)),
        Arm("masked_tokens", "objectives", "with masked-token prediction", ("pretrain.masked_token_weight=1",)),
        Arm("pretrained_longer", "length", "pretrained four times as long", ("pretrain.epochs=160",)),
        Arm("both_longer", "length", "pretrained four times as long and fine-tuned for 100 epochs",
            ("pretrain.epochs=160", "finetune.epochs=100"), _BOTH, "pretrained_longer"),
        Arm("conv_stem_longer", "length", "both, and patches by a convolutional stem",
            ("network.patch_embed=conv_stem", "pretrain.epochs=160", "finetune.epochs=100"), _BOTH),
        Arm("conv_stem", "network", "patches by a convolutional stem", ("network.patch_embed=conv_stem",), _BOTH),
        Arm("published", "objectives", "published objective and optimiser, plain views", (
            "pretrain.objective=paper", "pretrain.optimizer=adam", "pretrain.learning_rate=1e-4",
            "pretrain.weight_decay=0", "pretrain.temperature=0.05", *_PLAIN,
        )),
        Arm("plain_views", "views", "views by mirroring and shift alone", _PLAIN),
        Arm("no_axis_swaps", "views", "without axis swaps", ("pretrain.views.axis_swaps=false",)),
        Arm("no_intensity", "views", "without changes of intensity", ("pretrain.views.intensity_augmentation=false",)),
        Arm("no_scaling", "views", "without scaling", ("pretrain.views.scaling=0",)),
        Arm("mask_kept", "mask channel", "no view without its mask", ("pretrain.views.mask_drop_probability=0",),
            ("ssl_vit", "ssl_vit_t1ce")),
    )


_BOTH = ("ssl_vit", "vit_scratch")
_PLAIN = (
    "pretrain.views.axis_swaps=false", "pretrain.views.scaling=0", "pretrain.views.intensity_augmentation=false",
    "pretrain.views.mask_jitter_vox=0", "pretrain.views.mask_drop_probability=0",
)


def plan_settings(trial: Trial, arm: Arm) -> tuple[str, ...]:
    """All --set of the arm's plan; a later one overrules an earlier one of the same field."""
    merged: dict[str, str] = {}
    for setting in (*SETTINGS["common"], *SETTINGS[trial.name], *arm.settings):
        merged[setting.partition("=")[0]] = setting
    return tuple(merged.values())
