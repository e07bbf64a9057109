from __future__ import annotations

import pytest
import torch

from rnnet.networks.patch_embed import ConvStem, LinearPatchEmbed
from tests.networks.small import noise


@pytest.mark.parametrize("embed", [LinearPatchEmbed, ConvStem])
@pytest.mark.parametrize(("edge", "token_edge"), [(16, 8), (24, 12), (15, 5)])
def test_a_volume_becomes_one_token_per_cube(embed, edge, token_edge):
    tokens = embed(2, token_edge, 16)(noise(3, 2, edge, edge, edge))
    assert tokens.shape == (3, (edge // token_edge) ** 3, 16)


def test_the_linear_embedding_equals_the_strided_convolution_with_its_weight():
    embed, x = LinearPatchEmbed(2, 4, 10), noise(2, 2, 8, 12, 16)
    expected = embed.projection(x).flatten(2).transpose(1, 2)
    torch.testing.assert_close(embed(x), expected, atol=1e-5, rtol=0)


def test_tokens_run_z_slowest_and_x_fastest():
    volume = torch.zeros(1, 1, 8, 8, 8)
    volume[..., :4, 4:, 4:] = 1  # the cube at z 0, y 1, x 1
    embed = LinearPatchEmbed(1, 4, 6)
    changed = (embed(volume) - embed(torch.zeros_like(volume))).abs().sum(-1)[0]
    assert changed.nonzero().flatten().tolist() == [3]
