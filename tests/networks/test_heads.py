from __future__ import annotations

import torch

from rnnet.networks.heads import ClassificationHead, ProjectionHead, RestorationHead
from rnnet.networks.initialize import seeded_torch
from rnnet.networks.patch_embed import LinearPatchEmbed
from tests.networks.small import noise


def test_the_classification_head_gives_one_unbounded_logit():
    # In double precision: in single, numbers that nearly cancel are a matter of rounding.
    with seeded_torch(0):
        head = ClassificationHead(16).double()
    pooled = noise(5, 16).double()
    assert head(pooled).shape == (5,)
    # Raw: linear in the input, so a hundred thousand times the input gives as much more logit (the bias starts at 0).
    torch.testing.assert_close(head(pooled * 1e5), head(pooled) * 1e5)
    assert head(pooled * 1e5).abs().max() > 1


def test_a_fresh_classifier_starts_near_probability_one_half():
    with seeded_torch(0):
        head = ClassificationHead(768)
    assert (head(noise(64, 768)).sigmoid() - 0.5).abs().max() < 0.1


def test_the_projection_does_not_depend_on_the_other_samples():
    head, x = ProjectionHead(16, 8), noise(4, 16)
    assert head(x).shape == (4, 8)
    torch.testing.assert_close(head(x[:1]), head(x)[:1])


def test_restoration_folds_each_token_back_to_its_own_cube():
    head = RestorationHead(6, 4, grid=2)
    tokens = noise(1, 8, 6)
    changed = tokens.clone()
    changed[0, 3] += 1  # the token at z 0, y 1, x 1
    difference = (head(changed) - head(tokens))[0, 0]
    assert difference.shape == (8, 8, 8)
    assert bool((difference[:4, 4:, 4:] != 0).any())
    difference[:4, 4:, 4:] = 0
    assert difference.abs().max() == 0


def test_embedding_and_restoration_agree_on_the_order_of_voxels():
    embed, head = LinearPatchEmbed(1, 2, 8), RestorationHead(8, 2, grid=3)
    with torch.no_grad():
        embed.projection.weight.copy_(torch.eye(8).view(8, 1, 2, 2, 2))
        embed.projection.bias.zero_()
        head.linear.weight.copy_(torch.eye(8))
        head.linear.bias.zero_()
    x = noise(2, 1, 6, 6, 6)
    torch.testing.assert_close(head(embed(x)), x)


def test_restoration_gives_as_many_channels_as_asked():
    assert RestorationHead(6, 4, grid=2, out_channels=3)(noise(2, 8, 6)).shape == (2, 3, 8, 8, 8)
