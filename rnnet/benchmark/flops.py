"""Arithmetic of one pretraining step in closed form, for the share of a machine's peak that training reaches."""

from __future__ import annotations

import torch
from torch import nn

from rnnet.networks.patch_embed import ConvStem, LinearPatchEmbed
from rnnet.planning.plan import ExperimentPlan
from rnnet.planning.step_memory import patch_count


def forward_flops(plan: ExperimentPlan) -> int:
    """Floating-point operations of the matrix products of one view's forward pass; a multiply-add counts as two.

    With n tokens (a class token included), width d, hidden width h of the MLP, c channels, token edge t and projection
    width p, a block takes 8 n d^2 (queries, keys, values, output) + 4 n^2 d (attention) + 4 n d h (MLP); the linear
    patch embedding 2 n c t^3 d (a convolutional stem: its layers'); the heads 2 n d t^3 (restoration) and
    2 d^2 + 2 d p (projection); attentive pooling 2 n d heads. What is no matrix product (norms, GELU, softmax) is left
    out, as usual.
    Source: Kaplan 2020 (arXiv 2001.08361), section 2.1; Chowdhery 2022 (arXiv 2204.02311), appendix B.
    """
    net, d, voxels = plan.network, plan.network.width, plan.network.token_edge_vox**3
    cubes = patch_count(plan)
    n = cubes + int(net.class_token)
    block = 8 * n * d * d + 4 * n * n * d + 4 * n * d * int(net.mlp_ratio * d)
    pool = 2 * n * d * net.heads if net.pooling == "attentive" else 0
    heads = 2 * cubes * d * voxels + 2 * d * d + 2 * d * plan.pretrain.projection_width
    return sum(_embedding_layers(plan)) + net.depth * block + pool + heads


def step_flops(plan: ExperimentPlan) -> int:
    """One step on pretrain.batch_size crops: two views of each, forward and backward.

    The backward pass takes twice the forward one, for the gradients of weights and of inputs; only the first layer has
    no input that needs one. Products of the contrastive loss: three times 2 (2 b)^2 p in each part of the batch. What
    checkpoint_blocks computes again is not counted: it is no progress.
    """
    train = plan.pretrain
    views = 2 * train.batch_size * (3 * forward_flops(plan) - _embedding_layers(plan)[0])
    # Parts of an accumulated batch are compared among themselves.
    compared = 2 * train.batch_size / train.accumulate_steps
    contrastive = 3 * 2 * compared**2 * train.projection_width * train.accumulate_steps
    return views + int(contrastive)


def _embedding_layers(plan: ExperimentPlan) -> list[int]:
    """Operations of each layer from the voxels to the tokens: twice its weights, once for each place it is put on."""
    net, edge, layers = plan.network, plan.crop.edge_vox, []
    kind = LinearPatchEmbed if net.patch_embed == "linear" else ConvStem
    with torch.device("meta"):
        embed = kind(len(plan.channels), net.token_edge_vox, net.width)
    for layer in embed.modules():
        if isinstance(layer, nn.Conv3d):
            edge //= layer.stride[0]
            layers.append(2 * edge**3 * layer.weight.numel())
    return layers
