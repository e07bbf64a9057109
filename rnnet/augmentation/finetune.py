"""Augmentation of fine-tuning batches, and the mirrored versions for prediction; on the device of the batch.

batchgenerators has the same transforms, but `seeds=` does not make them repeatable (it seeds numpy only, while some of
its transforms draw from the random module), it works on numpy arrays sample by sample and takes longer than these
batched tensor operations; so none of it is used here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import torch
from torch import Tensor

from rnnet.augmentation.intensity import augment_in_place
from rnnet.augmentation.mask import jitter_in_place, shift_in_place
from rnnet.augmentation.spatial import augment_spatially
from rnnet.core.errors import SettingError
from rnnet.planning.plan import FinetunePlan

_IMAGE, _MASK = 0, 1  # the plan's channels: T1CE, lesion mask


def augment_batch(
    batch: Tensor, plan: FinetunePlan, generator: torch.Generator, *, training_channels: Sequence[int]
) -> Tensor:
    """Augmented copy of a batch of cubes (b, c, n, n, n).

    Args:
        batch: T1CE z-scored and 0 outside the brain, the mask of 0 and 1.
        plan: how far cubes are moved and masks jittered, and whether intensities change.
        generator: a CPU generator; the same seed draws the same changes on every device.
        training_channels: which of the plan's channels the batch holds, in order: (0, 1), or (0,) without the mask.

    Raises:
        SettingError: the batch has another number of channels than `training_channels`, or no image channel.
    """
    channels = tuple(training_channels)
    if len(channels) != batch.shape[1] or _IMAGE not in channels:
        raise SettingError(
            f"The training channels {channels} do not describe a batch of {batch.shape[1]} channels with T1CE (0)."
        )
    image = channels.index(_IMAGE)
    mask = channels.index(_MASK) if _MASK in channels else None
    batch = augment_spatially(batch, plan, generator, mask_channel=mask)
    if plan.intensity_augmentation:
        augment_in_place(batch[:, image], generator)
    if mask is not None:
        jitter_in_place(batch[:, mask], radius_vox=plan.mask_jitter_vox, generator=generator)
        shift_in_place(batch[:, mask], shift_vox=plan.mask_shift_vox, generator=generator)
    return batch


def mirror_views(batch: Tensor) -> Iterator[Tensor]:
    """The batch (b, c, z, y, x) itself and its seven mirrored versions; average the model's answers to them."""
    for flips in product((False, True), repeat=3):
        yield batch.flip([2 + axis for axis, flipped in enumerate(flips) if flipped])
