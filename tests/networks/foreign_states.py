"""State dicts under the names of other programs, made from this program's networks: nothing of theirs is needed."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.vit3d import Vit3d
from tests.networks.small import small_vit

_MONAI = (
    (r"patch_embed\.projection\.", "patch_embedding.patch_embeddings."),
    (r"^position$", "patch_embedding.position_embeddings"),
    (r"^class_token$", "cls_token"), (r"attention\.qkv", "attn.qkv"), (r"attention\.projection", "attn.out_proj"),
    (r"mlp\.expand", "mlp.linear1"), (r"mlp\.contract", "mlp.linear2"),
)


def vit(**changes: Any) -> Vit3d:
    """A network such as MONAI's, in evaluation, without a bias of the queries, keys and values."""
    network = disturbed(small_vit(**{"token_edge_vox": 4, "heads": 2, "position": "learned", **changes}))
    for block in network.blocks:
        nn.init.zeros_(block.attention.qkv.bias)
    return network


def as_monai(network: Vit3d, prefix: str = "", *, qkv_bias: bool = False) -> dict[str, Tensor]:
    """Its weights as MONAI names them; qkv_bias: stored too."""
    state = {}
    for own, tensor in network.state_dict().items():
        name = own
        for pattern, replacement in _MONAI:
            name = re.sub(pattern, replacement, name)
        if qkv_bias or not name.endswith("qkv.bias"):
            state[prefix + name] = tensor.clone()
    return state


def medicalnet(base_width: int = 4) -> tuple[ResNet50, dict[str, Tensor]]:
    """A ResNet50 and its weights as MedicalNet stores them, for one channel, with its segmentation head."""
    network = disturbed(ResNet50(1, base_width))
    state = {f"state_dict.module.{n}": t.clone() for n, t in network.state_dict().items()}
    return network, {**state, "state_dict.module.conv_seg.0.weight": torch.ones(2, 2)}


def disturbed(network: Any) -> Any:
    """The network in evaluation, with weights that no fresh one has."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.05 * torch.rand(tensor.shape, generator=generator))
    return network.eval()
