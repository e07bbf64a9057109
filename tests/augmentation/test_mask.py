from __future__ import annotations

import torch
from scipy.ndimage import binary_dilation, binary_erosion

from rnnet.augmentation.mask import jitter_mask
from tests.augmentation.cubes import cubes, generator


def test_a_jittered_mask_is_the_mask_its_dilation_or_its_erosion():
    masks = cubes(1)[:, 1].repeat(60, 1, 1, 1)
    jittered = jitter_mask(masks, radius_vox=1, generator=generator())
    mask, box = masks[0].bool().numpy(), torch.ones(3, 3, 3).numpy()
    allowed = {
        "kept": mask, "dilated": binary_dilation(mask, box), "eroded": binary_erosion(mask, box, border_value=1),
    }
    kinds = [next(k for k, v in allowed.items() if (v == j.bool().numpy()).all()) for j in jittered]
    assert set(kinds) == set(allowed)
    assert 15 <= kinds.count("kept") <= 45


def test_a_lesion_of_one_voxel_survives_erosion():
    masks = torch.zeros(40, 8, 8, 8)
    masks[:, 4, 4, 4] = 1
    assert jitter_mask(masks, radius_vox=2, generator=generator()).flatten(1).sum(1).min() == 1


def test_no_radius_means_no_change():
    masks = cubes(3)[:, 1]
    assert torch.equal(jitter_mask(masks, radius_vox=0, generator=generator()), masks)
