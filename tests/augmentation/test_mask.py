from __future__ import annotations

import torch
from scipy.ndimage import binary_dilation, binary_erosion

from rnnet.augmentation.mask import jitter_in_place, shift_in_place
from tests.augmentation.cubes import cubes, generator


def jittered_copy(masks, radius_vox):
    jittered = masks.clone()
    jitter_in_place(jittered, radius_vox=radius_vox, generator=generator())
    return jittered


def shifted_copy(masks, shift_vox):
    shifted = masks.clone()
    shift_in_place(shifted, shift_vox=shift_vox, generator=generator())
    return shifted


def test_a_jittered_mask_is_the_mask_its_dilation_or_its_erosion():
    masks = cubes(1)[:, 1].repeat(60, 1, 1, 1)
    jittered = jittered_copy(masks, 1)
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
    assert jittered_copy(masks, 2).flatten(1).sum(1).min() == 1


def test_no_radius_means_no_change():
    masks = cubes(3)[:, 1]
    assert torch.equal(jittered_copy(masks, 0), masks)


def test_a_shifted_mask_keeps_its_shape_and_moves_by_at_most_the_given_voxels():
    masks = cubes(1)[:, 1].repeat(60, 1, 1, 1)
    shifted = shifted_copy(masks, 2)
    steps = {
        tuple((a.nonzero().float().mean(0) - b.nonzero().float().mean(0)).round().int().tolist())
        for a, b in zip(shifted, masks, strict=True)
    }
    assert torch.equal(shifted.flatten(1).sum(1), masks.flatten(1).sum(1))
    assert max(abs(s) for step in steps for s in step) == 2
    assert {s[axis] for s in steps for axis in (0, 1, 2)} == {-2, -1, 0, 1, 2}
    assert 15 <= sum(torch.equal(a, b) for a, b in zip(shifted, masks, strict=True)) <= 45


def test_a_shift_never_empties_a_mask():
    masks = torch.zeros(40, 8, 8, 8)
    masks[:, 7, 0, 7] = 1
    shifted = shifted_copy(masks, 20)
    assert torch.equal(shifted.flatten(1).sum(1), torch.ones(40))


def test_what_a_shift_pushes_out_does_not_come_back_on_the_other_side():
    masks = torch.zeros(40, 6, 6, 6)
    masks[:, 4:, 2:4, 2:4] = 1
    shifted = shifted_copy(masks, 1)
    assert shifted[:, :3].sum() == 0
    assert shifted.flatten(1).sum(1).min() == 4


def test_no_shift_means_no_change():
    masks = cubes(3)[:, 1]
    assert torch.equal(shifted_copy(masks, 0), masks)
