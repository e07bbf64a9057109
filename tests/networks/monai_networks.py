"""MONAI's own networks, small: what imported weights are measured against. The one file that imports MONAI."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rnnet.networks.initialize import seeded_torch
from tests.networks.foreign_states import disturbed

_SIZES = {"in_channels": 2, "img_size": 16, "patch_size": 4, "hidden_size": 24, "mlp_dim": 96, "num_layers": 2,
          "num_heads": 2}


def monai_vit(*, disturb: bool = True, **changes: Any) -> nn.Module:
    """disturb: with weights that no fresh network has, so that none is mistaken for another."""
    from monai.networks.nets import ViT

    with seeded_torch(0):
        network = ViT(**{**_SIZES, **changes}).eval()
    return disturbed(network) if disturb else network


def monai_autoencoder(**changes: Any) -> nn.Module:
    from monai.networks.nets import ViTAutoEnc

    with seeded_torch(0):
        return disturbed(ViTAutoEnc(**{**_SIZES, "deconv_chns": 2, **changes}))


def monai_resnet50() -> nn.Module:
    from monai.networks.nets.resnet import ResNet, ResNetBottleneck

    with seeded_torch(0):
        network = ResNet(ResNetBottleneck, [3, 4, 6, 3], [2, 4, 8, 16], n_input_channels=1, conv1_t_stride=2)
    return disturbed(network)


def monai_tokens(network: nn.Module, x: Tensor) -> Tensor:
    """All tokens after the last norm, also where the network goes on to a head or a decoder."""
    kept: list[Tensor] = []
    hook = network.norm.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    with torch.no_grad():
        network(x)
    hook.remove()
    return kept[0]
