from __future__ import annotations

import itertools

import pytest
import torch

from rnnet.core.errors import GeometryError, SettingError
from rnnet.networks.vit3d import AttentivePool, build_vit
from tests.networks.small import noise, small_vit

VARIANTS = [
    dict(zip(("patch_embed", "position", "pooling"), values, strict=True))
    for values in itertools.product(("linear", "conv_stem"), ("learned", "sinusoidal"), ("mean", "attentive"))
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_gradient_reaches_every_parameter_of_every_variant(variant):
    vit = small_vit(**variant)
    # A sum of squares: after the last norm the plain sum over a token does not depend on the weights.
    vit(noise(2, 2, 16, 16, 16)).square().sum().backward()
    still = [name for name, p in vit.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


def test_shapes_at_each_turn():
    vit, x = small_vit(), noise(3, 2, 16, 16, 16)
    assert (vit.width, vit.grid) == (24, 2)
    assert vit.tokens(x).shape == (3, 8, 24)
    assert vit(x).shape == (3, 24)
    assert vit.attention(x).shape == (2, 3, 4, 8, 8)


def test_attention_rows_sum_to_one():
    weights = small_vit().attention(noise(2, 2, 16, 16, 16))
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 4, 8))


def test_the_pooled_vector_is_the_mean_of_the_tokens():
    vit, x = small_vit(), noise(2, 2, 16, 16, 16)
    torch.testing.assert_close(vit(x), vit.tokens(x).mean(1))


def test_an_attentive_pool_without_preference_is_the_mean():
    pool, tokens = AttentivePool(12, 3), noise(2, 8, 12)
    torch.nn.init.zeros_(pool.score.weight)
    torch.testing.assert_close(pool(tokens), tokens.mean(1))


def test_only_learned_positions_are_stored():
    assert "position" in small_vit(position="learned").state_dict()
    assert "position" not in small_vit(position="sinusoidal").state_dict()


def test_drop_path_grows_linearly_with_depth():
    vit = small_vit(depth=3, drop_path=0.2)
    assert [block.drop_path.probability for block in vit.blocks] == pytest.approx([0.0, 0.1, 0.2])


def test_first_weights_follow_the_truncated_normal():
    weights = torch.cat([p.flatten() for n, p in small_vit(width=96).named_parameters() if n.endswith("qkv.weight")])
    assert weights.std().item() == pytest.approx(0.02, rel=0.05)


def test_a_cube_of_another_size_is_refused_with_both_shapes():
    with pytest.raises(GeometryError, match=r"\(2, 16, 16, 16\).*\(2, 24, 24, 24\)"):
        small_vit()(noise(1, 2, 24, 24, 24))


@pytest.mark.parametrize("wrong", [{"edge_vox": 20}, {"width": 25}])
def test_sizes_that_do_not_divide_are_refused(wrong):
    with pytest.raises(SettingError, match="must be a multiple"):
        small_vit(**wrong)


def test_the_plan_builds_the_network_it_describes(plan):
    vit = build_vit(plan, in_channels=1)
    assert (vit.in_channels, vit.edge_vox, vit.width, vit.grid, len(vit.blocks)) == (1, 16, 24, 2, 2)


def test_the_plans_seed_fixes_the_first_weights_and_leaves_the_random_state_alone(plan):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = build_vit(plan, in_channels=2).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    second = build_vit(plan, in_channels=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
