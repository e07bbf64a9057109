from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils.checkpoint import checkpoint

from rnnet.core.errors import GeometryError, SettingError
from rnnet.networks.initialize import seeded_torch
from rnnet.networks.vit3d import AttentivePool, build_vit
from tests.factories import make_plan
from tests.networks.small import noise, small_vit

VARIANTS = [
    dict(zip(("patch_embed", "position", "pooling"), values, strict=True))
    for values in itertools.product(("linear", "conv_stem"), ("learned", "sinusoidal"), ("mean", "attentive"))
]
VARIANTS += [
    {"class_token": True, "pooling": pooling, "layer_scale": 0.1} for pooling in ("mean", "attentive", "class_token")
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


def test_the_class_token_stands_first_and_has_no_position():
    vit, x = small_vit(class_token=True, pooling="class_token"), noise(2, 2, 16, 16, 16)
    tokens = vit.tokens(x)
    assert tokens.shape == (2, 9, 24)
    assert vit.attention(x).shape == (2, 2, 4, 9, 9)
    assert torch.equal(vit.patch_tokens(tokens), tokens[:, 1:])
    assert torch.equal(vit(x), tokens[:, 0])
    before_blocks = vit._embedded(x)
    assert torch.equal(before_blocks[:, 0], vit.class_token[0].expand(2, -1))


@pytest.mark.parametrize("pooling", ["mean", "attentive"])
def test_other_poolings_leave_the_class_token_out(pooling):
    vit, x = small_vit(class_token=True, pooling=pooling), noise(2, 2, 16, 16, 16)
    tokens = vit.tokens(x)
    assert torch.equal(vit.pooled(tokens), vit.pooled(torch.cat((tokens[:, :1] + 5, tokens[:, 1:]), dim=1)))


def test_a_class_token_leaves_the_other_first_weights_as_they_are():
    plain, other = small_vit(position="learned").state_dict(), small_vit(position="learned", class_token=True)
    assert all(torch.equal(other.state_dict()[name], plain[name]) for name in plain)


@pytest.mark.parametrize("patch_embed", ["linear", "conv_stem"])
def test_hidden_patches_are_the_mask_token_at_their_positions_and_seen_by_no_other(patch_embed):
    vit, x = small_vit(class_token=True, patch_embed=patch_embed), noise(2, 2, 16, 16, 16)
    hidden = torch.zeros(2, 8, dtype=torch.bool)
    hidden[0, 3] = True
    mask_token = torch.full((24,), 0.5)
    changed = x.clone()
    changed[0, :, :8, 8:, 8:] += 1  # the cube of patch 3
    seen = vit.tokens(x, hidden=hidden, mask_token=mask_token)
    assert torch.equal(vit.tokens(changed, hidden=hidden, mask_token=mask_token), seen)
    embedded = vit.patch_tokens(vit._embedded(x, hidden, mask_token))
    torch.testing.assert_close(embedded[0, 3], mask_token + vit.position[0, 3])
    torch.testing.assert_close(embedded[1], vit.patch_tokens(vit._embedded(x))[1])
    with pytest.raises(SettingError, match="mask_token"):
        vit.tokens(x, hidden=hidden)


def test_layer_scale_of_one_changes_nothing_and_starts_as_asked():
    plain, scaled = small_vit(), small_vit(layer_scale=0.25)
    factors = [p for name, p in scaled.named_parameters() if name.endswith("factor")]
    assert len(factors) == 4
    assert all(bool((f == 0.25).all()) for f in factors)
    for factor in factors:
        torch.nn.init.ones_(factor)
    x = noise(1, 2, 16, 16, 16)
    torch.testing.assert_close(scaled(x), plain(x))


def test_checkpointed_blocks_give_the_same_gradients(monkeypatch):
    x, gradients, calls = noise(2, 2, 16, 16, 16), [], []
    monkeypatch.setattr(
        "rnnet.networks.vit3d.checkpoint",
        lambda block, tokens, **options: calls.append(options) or checkpoint(block, tokens, **options),
    )
    for checkpoint_blocks in (False, True):
        vit = small_vit(drop_path=0.5, checkpoint_blocks=checkpoint_blocks)
        with seeded_torch(5):
            vit.train()(x).square().sum().backward()
        gradients.append([p.grad for p in vit.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert calls == [{"use_reentrant": False}] * 2
    vit.eval()(x)
    assert len(calls) == 2


def test_pooling_by_a_class_token_that_is_not_there_is_refused():
    with pytest.raises(SettingError, match="there is none"):
        small_vit(pooling="class_token")


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


def test_the_plan_chooses_class_token_layer_scale_and_checkpoints():
    vit = build_vit(
        make_plan("network.class_token=true", "network.pooling=class_token", "network.layer_scale=0.1",
                  "network.checkpoint_blocks=true"), in_channels=2,
    )
    assert vit.class_token is not None
    assert (vit.pooling, vit.checkpoint_blocks) == ("class_token", True)
    assert vit.state_dict()["blocks.0.scale1.factor"][0].item() == pytest.approx(0.1)


def test_the_plans_seed_fixes_the_first_weights_and_leaves_the_random_state_alone(plan):
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    first = build_vit(plan, in_channels=2).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(4)
    second = build_vit(plan, in_channels=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
