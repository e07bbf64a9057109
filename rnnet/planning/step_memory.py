"""How much memory a training step takes, in closed form; rnnet_benchmark pretrain compares it with the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rnnet.planning.plan import ExperimentPlan

Precision = Literal["bfloat16", "float32"]

# Up to so many tokens a CPU computes attention weights one by one, and keeps them; else the fused form keeps none.
MOST_EXPLICIT_TOKENS = 256
_FLOAT_BYTES = 4  # weights, gradients, moments, the residual stream, images
# Data, framework, workspace of the kernels and fragmentation take the rest.
USABLE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of one training step: at least floor_bytes, else fixed_bytes + batch size x sample_bytes.

    Memory is highest at one of the ends of the backward pass: at its start, with what the forward pass keeps of each
    sample, or at its end, with all gradients (floor_bytes).
    """

    parameters: int
    fixed_bytes: int
    sample_bytes: int
    floor_bytes: int = 0

    def step_bytes(self, batch_size: int) -> int:
        """Memory of a step on a batch."""
        return max(self.floor_bytes, self.fixed_bytes + batch_size * self.sample_bytes)

    def largest_batch(self, memory_bytes: int) -> int:
        """The largest batch whose step fits into the usable share of the memory; 0 if not even one sample does."""
        usable = int(memory_bytes * USABLE_SHARE)
        return 0 if self.floor_bytes > usable else max(0, usable - self.fixed_bytes) // self.sample_bytes


def vit_parameters(plan: ExperimentPlan) -> int:
    """Parameters of the encoder with linear patch embedding and without attentive pooling.

    With n tokens, width d, MLP ratio r, c channels and token edge t:
    patches c t^3 d + d; positions n d if learned; a class token d; a block 4 d^2 + 4 d (attention), 2 r d^2 + r d + d
    (MLP), 4 d (norms), 2 d (layer scale); last norm 2 d.
    """
    net, d, c = plan.network, plan.network.width, len(plan.channels)
    hidden = int(net.mlp_ratio * d)
    block = 4 * d * d + 4 * d + 2 * hidden * d + hidden + d + 4 * d + (2 * d if net.layer_scale > 0 else 0)
    positions = patch_count(plan) * d if net.position == "learned" else 0
    tokens = positions + (d if net.class_token else 0)
    return (c * net.token_edge_vox**3 + 1) * d + tokens + net.depth * block + 2 * d


def patch_count(plan: ExperimentPlan) -> int:
    """Patches of one crop."""
    return int((plan.crop.edge_vox // plan.network.token_edge_vox) ** 3)


def kept_bytes(plan: ExperimentPlan, precision: Precision, device_type: str = "cpu") -> int:
    """Bytes that the forward pass of the encoder keeps of one crop for the backward pass, beside the crop itself.

    All blocks; with checkpoint_blocks each block's input alone, and one block at a time all of it.
    The patch embedding keeps its c e^3 voxels once more, s each; a convolutional stem three maps at each of its
    halvings, the last with d / 2 channels, the one before with d / 4, and so on.
    """
    net, edge, s = plan.network, plan.crop.edge_vox, _product_bytes(precision)
    block = block_bytes(plan, precision, device_type)
    blocks = net.depth * block
    if net.checkpoint_blocks:
        blocks = net.depth * _FLOAT_BYTES * _token_count(plan) * net.width + block
    embedding = s * len(plan.channels) * edge**3
    if net.patch_embed == "conv_stem":
        halvings = net.token_edge_vox.bit_length() - 1
        maps = sum(3 * (edge // 2**i) ** 3 * net.width // 2 ** (halvings - i + 1) for i in range(1, halvings + 1))
        embedding += s * maps
    return blocks + embedding


def block_bytes(plan: ExperimentPlan, precision: Precision, device_type: str = "cpu") -> int:
    """Bytes that one transformer block keeps of one crop.

    In a block of width d, MLP ratio r, n tokens and h heads, with s bytes for what matrix products read (2 in bfloat16
    autocast, 4 in float32): the two norms keep their inputs in float32, 8 n d; the products read 2 normalised tokens,
    queries, keys, values, the mixed values and both sides of the MLP, s (6 + 2 r) n d; the attention weights of all
    heads, s h n^2, on a CPU up to MOST_EXPLICIT_TOKENS; layer scale its inputs, 2 s n d. Compare Korthikanti 2022
    (arXiv 2205.05198), section 4.1.
    """
    net, n, s = plan.network, _token_count(plan), _product_bytes(precision)
    branches = 6 + 2 * net.mlp_ratio + (2 if net.layer_scale > 0 else 0)
    weights = s * net.heads * n * n if device_type == "cpu" and n <= MOST_EXPLICIT_TOKENS else 0
    return int((8 + s * branches) * n * net.width) + weights


def _token_count(plan: ExperimentPlan) -> int:
    return patch_count(plan) + int(plan.network.class_token)


def _encoder_bytes(plan: ExperimentPlan, precision: Precision, device_type: str) -> int:
    """What a crop takes when the backward pass begins: all that is kept, and gradients of what the last block keeps."""
    return kept_bytes(plan, precision, device_type) + block_bytes(plan, precision, device_type)


def pretraining_memory(
    plan: ExperimentPlan, *, precision: Precision = "float32", device_type: str = "cpu"
) -> MemoryEstimate:
    """Memory of a pretraining step: two views of each crop, and for each its T1CE, a restored one and its error.

    The defaults are for planning, before the device is known: what float32 on a CPU takes is enough elsewhere.
    """
    head = plan.network.width * plan.network.token_edge_vox**3 + plan.network.width**2
    voxels, s = plan.crop.edge_vox**3, _product_bytes(precision)
    data = (len(plan.channels) + 1) * voxels * _FLOAT_BYTES
    # The view's cubes in float32; the restored crop as the head gives it and in order; in float32, with the loss's
    # difference, sign and gradient.
    around = (len(plan.channels) * _FLOAT_BYTES + 2 * s + 4 * _FLOAT_BYTES) * voxels
    return _estimate(
        vit_parameters(plan) + head, precision, device_type, data=2 * data,
        kept=2 * (_encoder_bytes(plan, precision, device_type) + around), parts=plan.pretrain.accumulate_steps,
    )


def finetuning_memory(
    plan: ExperimentPlan, *, precision: Precision = "float32", device_type: str = "cpu"
) -> MemoryEstimate:
    """Memory of a fine-tuning step: one augmented crop a sample, beside it the crop before and the sampling grid."""
    voxels = plan.crop.edge_vox**3
    data = (2 * len(plan.channels) + 3) * voxels * _FLOAT_BYTES
    return _estimate(
        vit_parameters(plan), precision, device_type, data=data,
        kept=_encoder_bytes(plan, precision, device_type) + len(plan.channels) * voxels * _FLOAT_BYTES,
        parts=plan.finetune.accumulate_steps, copies=int(plan.finetune.ema_decay > 0),
    )


def _estimate(
    parameters: int, precision: Precision, device_type: str, *, data: int, kept: int, parts: int, copies: int = 0
) -> MemoryEstimate:
    """data: bytes of a sample's images, there during the whole step; kept: what it takes when the backward pass begins.

    copies: of the weights beside those that are trained.
    """
    # Weights and Adam's two moments always.
    weights, gradients = (3 + copies) * _FLOAT_BYTES * parameters, _FLOAT_BYTES * parameters
    # Autocast's copies of the weights live until the backward pass has used them.
    narrow = _product_bytes(precision) * parameters if precision == "bfloat16" else 0
    # Gradients come when the rest has gone, except those of a batch's earlier parts. A CPU's freed gradients lie in
    # pieces among other blocks, and little of that is used again (measured); a GPU's allocator counts what is in use.
    # So it is with what views are made with: as much again as they take (measured).
    on_cpu = device_type == "cpu"
    lasting = gradients if parts > 1 or on_cpu else 0
    return MemoryEstimate(
        parameters, fixed_bytes=weights + narrow + lasting, sample_bytes=(1 + on_cpu) * data + -(-kept // parts),
        floor_bytes=weights + gradients,
    )


def _product_bytes(precision: Precision) -> int:
    return 2 if precision == "bfloat16" else _FLOAT_BYTES
