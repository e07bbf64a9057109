"""Load the weights of a pretrained encoder, adapting what differs and reporting what does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnnet.core.errors import SettingError
from rnnet.core.wording import listed
from rnnet.networks.position import resample_positions

# An encoder with fewer of its tensors filled than this would be called pretrained and be mostly random.
_MINIMUM_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class TransferReport:
    """What became of each tensor: names as in the encoder (`unused`: as in the stored weights).

    Attributes:
        used: copied as they are.
        adapted: copied after a change, 'name: what was done'.
        unused: stored, but the encoder has no such tensor.
        missing: the encoder's tensors that keep their first values.
    """

    used: tuple[str, ...]
    adapted: tuple[str, ...]
    unused: tuple[str, ...]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        total = len(self.used) + len(self.adapted) + len(self.missing)
        lines = [f"{len(self.used) + len(self.adapted)} of {total} tensors loaded"]
        lines += [f"adapted {text}" for text in self.adapted]
        if self.missing:
            lines.append(f"kept at first values: {listed(self.missing, 6)}")
        if self.unused:
            lines.append(f"not used: {listed(self.unused, 6)}")
        return "; ".join(lines) + "."


def load_encoder(encoder: nn.Module, state: Mapping[str, Tensor], *, in_channels: int) -> TransferReport:
    """Fill `encoder`, which takes `in_channels` channels, with stored weights, in place.

    The channels of the first weight are matched from the first (the image) on: surplus ones are dropped, new ones
    start at zero. Learned positions are resampled to the encoder's token grid. A 'module.' or 'encoder.' prefix
    (from training in parallel, or from a whole classifier) is removed.

    Raises:
        SettingError: a tensor has another shape (named, with both shapes), the first weight is not stored, or less
            than nine tenths of the encoder's tensors are.
    """
    own = encoder.state_dict()
    first = _input_weight(encoder)
    if own[first].shape[1] != in_channels:
        raise SettingError(f"The encoder takes {own[first].shape[1]} channels. Got in_channels={in_channels} instead.")
    stored, foreign = _without_prefix(state)
    used: list[str] = []
    adapted: list[str] = []
    for name in (n for n in own if n in stored):
        source = stored[name]
        if source.shape == own[name].shape:
            used.append(name)
        elif name == first and source.dim() == 5 and source.shape[0] == own[name].shape[0]:
            source, change = _with_channels(source, own[name])
            adapted.append(f"{name}: {change}")
        elif name == "position" and source.shape[2:] == own[name].shape[2:]:
            grid = round(own[name].shape[1] ** (1 / 3))
            adapted.append(f"{name}: {source.shape[1]} -> {own[name].shape[1]} positions, interpolated")
            source = resample_positions(source, grid)
        if source.shape != own[name].shape:
            raise _does_not_fit(name, stored[name], own[name])
        own[name] = source
    missing = tuple(n for n in own if n not in stored and not n.endswith("num_batches_tracked"))
    unused = (*(n for n in stored if n not in own), *foreign)
    report = TransferReport(tuple(used), tuple(adapted), unused, missing)
    if first in missing or len(missing) > (1 - _MINIMUM_SHARE) * len(own):
        raise SettingError(
            f"The stored weights do not fit the encoder: {report}",
            fix="Use weights that were pretrained with this plan's network.",
        )
    encoder.load_state_dict(own)
    return report


def _input_weight(encoder: nn.Module) -> str:
    """Name of the first convolution's weight (out, c, z, y, x): the only tensor that sees the input channels."""
    return next(name for name, parameter in encoder.named_parameters() if parameter.dim() == 5)


def _without_prefix(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """The encoder's tensors under their bare names, and the names of all others."""
    bare = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    if not any(name.startswith("encoder.") for name in bare):
        return bare, ()
    inside = {n.removeprefix("encoder."): t for n, t in bare.items() if n.startswith("encoder.")}
    return inside, tuple(n for n in bare if not n.startswith("encoder."))


def _with_channels(source: Tensor, target: Tensor) -> tuple[Tensor, str]:
    """A first weight (out, c, z, y, x) with the target's number of channels, and what was done."""
    have, want = source.shape[1], target.shape[1]
    if have > want:
        return source[:, :want], f"{have} -> {want} channels, the first kept"
    new = torch.zeros(source.shape[0], want - have, *source.shape[2:], dtype=source.dtype, device=source.device)
    return torch.cat((source, new), dim=1), f"{have} -> {want} channels, new ones start at zero"


def _does_not_fit(name: str, source: Tensor, target: Tensor) -> SettingError:
    return SettingError(
        f"The stored weights do not fit the encoder: '{name}' has shape {tuple(source.shape)}, "
        f"the encoder needs {tuple(target.shape)}.",
        fix="Set network.width, network.heads, network.mlp_ratio and network.token_edge_vox (or "
        "network.resnet_base_width) to the values of the pretraining plan, or pretrain with this plan.",
    )
