from __future__ import annotations

import torch

from rnnet.networks.blocks import Attention, Block, DropPath, explicit_attention, fused_attention
from rnnet.networks.initialize import seeded_torch
from tests.networks.small import noise


def test_the_two_attention_forms_agree():
    q, k, v = (noise(2, 3, 10, 8, seed=i) for i in range(3))
    torch.testing.assert_close(explicit_attention(q, k, v)[0], fused_attention(q, k, v), atol=1e-5, rtol=0)


def test_attention_gives_the_same_on_both_sides_of_the_token_limit(monkeypatch):
    attention, x = Attention(16, 4), noise(2, 9, 16)
    explicit = attention(x)
    monkeypatch.setattr("rnnet.networks.blocks.MOST_EXPLICIT_TOKENS", 8)
    monkeypatch.setattr("rnnet.networks.blocks.explicit_attention", None)  # a call of it would raise
    torch.testing.assert_close(attention(x), explicit, atol=1e-5, rtol=0)


def test_a_block_that_returns_its_attention_computes_the_same_tokens():
    block, x = Block(16, 4), noise(2, 9, 16)
    tokens, weights = block(x, return_attention=True)
    assert weights.shape == (2, 4, 9, 9)
    torch.testing.assert_close(tokens, block(x), atol=1e-6, rtol=0)


def test_drop_path_leaves_whole_samples_out_and_keeps_the_mean():
    path, ones = DropPath(0.25), torch.ones(4000, 2, 3)
    with seeded_torch(1):
        dropped = path(ones)
    per_sample = dropped.flatten(1)
    assert bool((per_sample == per_sample[:, :1]).all())
    assert sorted(per_sample[:, 0].unique().tolist()) == [0.0, torch.tensor(1 / 0.75).item()]
    assert abs(dropped.mean().item() - 1) < 0.03


def test_drop_path_changes_nothing_in_evaluation():
    x = noise(4, 2, 3)
    assert torch.equal(DropPath(0.9).eval()(x), x)
