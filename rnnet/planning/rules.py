"""The planner's rules: each computes one value of the plan from facts of the fingerprint and says why."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rnnet.core.errors import DatasetError, SettingError
from rnnet.planning.fingerprint import DatasetFingerprint
from rnnet.planning.plan import Choice, FeaturesPlan, FinetunePlan, PretrainPlan
from rnnet.planning.step_memory import USABLE_SHARE, MemoryEstimate

CONTEXT_MM = 14
CROP_STEP_VOX = 32
CROP_LIMITS_VOX = (32, 96)
# (fewer cubes than, width, depth, heads): ViT-Tiny and ViT-Small shapes of Touvron 2021, ViT-Base of Dosovitskiy 2021.
VIT_SIZES = ((300, 192, 6, 3), (3000, 384, 8, 6), (math.inf, 768, 12, 12))
PRETRAIN_SAMPLES = 1_000_000
PRETRAIN_EPOCHS = (20, 300)
PRETRAIN_LARGEST_BATCH = 64
FINETUNE_SAMPLES = 6_000
FINETUNE_EPOCHS = (40, 100)
FINETUNE_LARGEST_BATCH = 16
USUAL_FOLDS = 5
BIN_TARGET = 64
BIN_WIDTH_LIMITS = (5, 25)


def crop_edge(fingerprint: DatasetFingerprint) -> Choice:
    """Crop edge in voxels of 1 mm: 15 to 36 mm large lesions give 64.

    Raises:
        DatasetError: no lesion was measured.
    """
    extent = fingerprint.lesions.extent_mm
    if extent is None:
        raise DatasetError(
            "No lesion could be measured, so no crop edge can be chosen.", where=fingerprint.dataset,
            fix="Add lesion masks, or run rnnet_verify_dataset_integrity to see what is wrong with them.",
        )
    low, high = CROP_LIMITS_VOX
    steps = math.ceil((extent.p95 + 2 * CONTEXT_MM) / CROP_STEP_VOX)
    return Choice(
        "crop.edge_vox", min(high, max(low, steps * CROP_STEP_VOX)),
        f"95th percentile of the lesions' longest edge plus {CONTEXT_MM} mm of context on both sides, rounded up to a "
        f"multiple of {CROP_STEP_VOX} mm, from {low} to {high}",
        {"lesion_extent_p95_mm": round(extent.p95, 2)},
    )


def token_edge(crop_edge_vox: int) -> Choice:
    """Token edge in voxels: 64 tokens for crops of 32 and 64, 216 for 96."""
    return Choice(
        "network.token_edge_vox", 16 if crop_edge_vox >= 64 else 8,
        "16 for crops of 64 or more, else 8: at least 64 tokens", {"crop_edge_vox": crop_edge_vox},
    )


def vit_size(n_cubes: int) -> tuple[Choice, ...]:
    """Width, depth and heads by the number of cubes to pretrain on."""
    _, width, depth, heads = next(row for row in VIT_SIZES if n_cubes < row[0])
    rule = "; ".join(
        f"{'from there on' if math.isinf(limit) else f'under {limit:.0f} cubes'} {w} wide, {d} deep, {h} heads"
        for limit, w, d, h in VIT_SIZES
    )
    inputs = {"n_cubes": n_cubes}
    return (
        Choice("network.width", width, rule, inputs),
        Choice("network.depth", depth, rule, inputs),
        Choice("network.heads", heads, rule, inputs),
    )


def pretrain_epochs(n_cubes: int) -> Choice:
    """Epochs of pretraining from a budget of cubes seen; the published run saw about three millions."""
    low, high = PRETRAIN_EPOCHS
    return Choice(
        "pretrain.epochs", min(high, max(low, round(PRETRAIN_SAMPLES / max(1, n_cubes)))),
        f"{PRETRAIN_SAMPLES:,} cubes in all, from {low} to {high} epochs", {"n_cubes": n_cubes},
    )


def batch_size(path: str, estimate: MemoryEstimate, *, n_samples: int, memory_bytes: int) -> Choice:
    """Largest power of two that the memory, a quarter of the samples and the recipe's limit allow; at least 2.

    Contrastive learning has no negatives in a batch of one.

    Raises:
        SettingError: not even two samples fit into the memory.
    """
    limit = PRETRAIN_LARGEST_BATCH if path.startswith("pretrain") else FINETUNE_LARGEST_BATCH
    fits = estimate.largest_batch(memory_bytes)
    if fits < 2:
        need = estimate.step_bytes(2) / USABLE_SHARE / 2**30
        raise SettingError(
            f"A training step needs a device with {need:.1f} GiB, there are {memory_bytes / 2**30:.1f} GiB.",
            where=path,
            fix="Plan on the machine that will train, or give its device's memory (-gpu_memory_target). -pl default "
                "takes a smaller network where there are fewer cubes.",
        )
    most = max(2, min(limit, fits, n_samples // 4))
    return Choice(
        path, 2 ** int(math.log2(most)),
        f"largest power of two within the memory (half of it for the step), a quarter of the samples and {limit}; "
        "at least 2",
        {
            "memory_gib": round(memory_bytes / 2**30, 2), "fixed_mib": round(estimate.fixed_bytes / 2**20, 1),
            "sample_mib": round(estimate.sample_bytes / 2**20, 1), "batch_that_fits": fits, "n_samples": n_samples,
        },
    )


def learning_rate(path: str, base: float, base_batch: int, batch: int) -> Choice:
    """Square-root scaling with the batch size, as adaptive optimisers want it (Malladi 2022, arXiv 2205.10287)."""
    return Choice(
        path, float(f"{base * math.sqrt(batch / base_batch):.3g}"),
        f"{base:g} at batch {base_batch}, scaled by the square root of the batch size", {"batch_size": batch},
    )


def pretrain_learning_rate(batch: int) -> Choice:
    """Learning rate of pretraining for a batch size."""
    defaults = PretrainPlan()
    return learning_rate("pretrain.learning_rate", defaults.learning_rate, defaults.batch_size, batch)


def finetune_learning_rates(batch: int) -> tuple[Choice, Choice]:
    """Learning rates of fine-tuning and of the linear probe before it."""
    defaults = FinetunePlan()
    return (
        learning_rate("finetune.learning_rate", defaults.learning_rate, defaults.batch_size, batch),
        learning_rate("finetune.probe_learning_rate", defaults.probe_learning_rate, defaults.batch_size, batch),
    )


def fold_count(fingerprint: DatasetFingerprint) -> Choice:
    """Number of cross-validation folds.

    Raises:
        DatasetError: labelled training cases of one outcome only, or an outcome with a single patient.
    """
    patients = dict(fingerprint.patient_outcomes)
    inputs: Mapping[str, int] = {f"patients_{o}": n for o, n in patients.items()}
    if not patients:
        return Choice("n_folds", USUAL_FOLDS, "no labelled training case: the usual number, not used by this data set")
    fewest = min(patients.get(fingerprint.positive_outcome, 0), patients.get(fingerprint.negative_outcome, 0))
    if fewest < 2:
        counts = ", ".join(f"{n} of {o}" for o, n in sorted(patients.items()))
        raise DatasetError(
            f"Cross-validation needs at least two training patients of both outcomes; there are {counts}.",
            where=fingerprint.dataset, fix="Add labelled patients, or empty the outcome column to use all as a pool.",
        )
    return Choice(
        "n_folds", min(USUAL_FOLDS, fewest),
        f"{USUAL_FOLDS}, or the number of patients of the rarer outcome if that is lower", inputs,
    )


def finetune_epochs(n_training: int) -> Choice:
    """Epochs of fine-tuning from a budget of lesions seen."""
    low, high = FINETUNE_EPOCHS
    return Choice(
        "finetune.epochs", min(high, max(low, round(FINETUNE_SAMPLES / max(1, n_training)))),
        f"{FINETUNE_SAMPLES:,} lesions in all, from {low} to {high} epochs", {"n_labelled_per_fold": n_training},
    )


def bin_width(fingerprint: DatasetFingerprint) -> Choice:
    """Width of the radiomic grey-level bins, on the scale of the normalised image.

    pyradiomics recommends 30 to 130 bins in the region; images are z-scored and multiplied by normalize_scale.
    """
    low, high = BIN_WIDTH_LIMITS
    scale = FeaturesPlan().normalize_scale
    spread = fingerprint.intensity.lesion_range_sd
    rule = (
        f"median intensity range of the lesions in units of the foreground's standard deviation, times the "
        f"normalisation to {scale:g}, in {BIN_TARGET} bins, whole numbers from {low} to {high}"
    )
    if spread is None:
        return Choice("features.bin_width", float(low), "no lesion was measured: the published width")
    width = min(high, max(low, round(spread.median * scale / BIN_TARGET)))
    inputs = {"lesion_range_median_sd": round(spread.median, 2), "bins": round(spread.median * scale / width)}
    return Choice("features.bin_width", float(width), rule, inputs)


def class_weights(fingerprint: DatasetFingerprint) -> Choice:
    """The balance of the outcomes is not a number of the plan: it belongs to each fold."""
    return Choice(
        "class weights", "per fold",
        "inverse frequency of the outcomes among each fold's own training cases, computed when the fold is trained",
        {f"lesions_{o}": n for o, n in fingerprint.lesion_outcomes.items()},
    )
