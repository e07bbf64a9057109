"""Checkpoints of nnssl: recognised, and refused with the reason.

Their transformers (Primus, the Eva encoder of dynamic-network-architectures) turn queries and keys by rotary positions,
which the file does not store and Vit3d does not have; with weights of that network alone the tokens would be others.
Their residual U-Net encoders (ResEnc) are another network altogether.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from rnnet.core.errors import SettingError
from rnnet.networks.foreign.layout import ForeignEncoder, Layout

# What a name shows of a network that Vit3d cannot be.
_SIGNS = {
    "gated MLPs (SwiGLU)": r".*blocks\.\d+\.mlp\.fc1_[gx]\.weight",
    "a norm inside the MLP": r".*blocks\.\d+\.mlp\.norm\.weight",
    "a norm inside the attention": r".*blocks\.\d+\.attn\.(?:inner_)?norm\.weight",
    "register tokens": r"(?:.*\.)?register_tokens",
}


def convert(stored: Mapping[str, Tensor]) -> ForeignEncoder:
    """Nothing.

    Raises:
        SettingError: always: why these weights cannot be used.
    """
    if any(re.match(r"(?:.*\.)?stages\.\d+\.", name) for name in stored):
        raise SettingError(
            "The file holds the convolutional encoder of a U-Net (nnssl's ResEnc), for which rnnet has no network.",
            fix="Pretrain with rnnet_pretrain, or use weights of a MONAI ViT or of MedicalNet's ResNet50.",
        )
    found = [sign for sign, pattern in _SIGNS.items() if any(re.fullmatch(pattern, name) for name in stored)]
    raise SettingError(
        f"The file holds an Eva encoder (nnssl's Primus): it has {', '.join(['rotary positions', *found])}, which "
        "rnnet's Vision Transformer does not have, so that its weights would give other tokens.",
        fix="Pretrain with rnnet_pretrain, or use weights of a MONAI ViT or of MedicalNet's ResNet50.",
    )


LAYOUT = Layout(
    "checkpoint of nnssl",
    r"(?:eva\.blocks\.0\.norm1\.weight|stages\.0\.(?:blocks\.)?0\.conv\w*\.(?:.*\.)?weight)",
    convert,
)
