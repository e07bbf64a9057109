"""An encoder's parameters from the input to the output, for layer-wise learning-rate decay."""

from __future__ import annotations

from torch import nn

from rnnet.core.errors import SettingError
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.vit3d import Vit3d


def parameter_groups_by_depth(encoder: nn.Module) -> list[list[nn.Parameter]]:
    """Groups of parameters, first the patch embedding (or stem), last the last block with what follows it.

    A Vision Transformer has depth + 1 groups, a ResNet50 five; every parameter stands in exactly one.

    Raises:
        SettingError: an encoder whose order of layers is not known.
    """
    if isinstance(encoder, Vit3d):
        # In neither the patch embedding nor a block: a learned position, the class token, the last norm, the pool.
        first = [*encoder.patch_embed.parameters()]
        first += [p for p in (encoder.position, encoder.class_token) if isinstance(p, nn.Parameter)]
        groups = [first, *([*block.parameters()] for block in encoder.blocks)]
        groups[-1].extend(encoder.norm.parameters())
        if encoder.pool is not None:
            groups[-1].extend(encoder.pool.parameters())
    elif isinstance(encoder, ResNet50):
        stem = [*encoder.conv1.parameters(), *encoder.bn1.parameters()]
        stages = (encoder.layer1, encoder.layer2, encoder.layer3, encoder.layer4)
        groups = [stem, *([*stage.parameters()] for stage in stages)]
    else:
        raise SettingError(f"The order of the layers of {type(encoder).__name__} is not known.")
    return groups
