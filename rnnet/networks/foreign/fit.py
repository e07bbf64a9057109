"""From a foreign encoder to the weights of the plan's network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from rnnet.core.errors import FileFormatError, SettingError
from rnnet.networks.foreign.layout import ForeignEncoder
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.transfer import TransferReport, load_encoder
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan

Axes = Literal["zyx", "xyz"]
_KERNEL = "patch_embed.projection.weight"


def fit_to_plan(
    foreign: ForeignEncoder, plan: ExperimentPlan, *, axes: Axes = "zyx"
) -> tuple[dict[str, Tensor], TransferReport]:
    """State dict of the plan's encoder with all its channels, and the account.

    Adapted are input channels and positions (load_encoder) and the edge of a token (its kernel is resampled and keeps
    its answer to a constant image). What the file does not have is missing in the account: layer scale is 1 (none),
    other tensors are zero or not in the state dict. Only what is as it was stored counts as used.

    Args:
        foreign: the encoder as it was stored.
        plan: its network and crop.
        axes: the order of the axes of the volumes that the weights were trained on.

    Raises:
        SettingError: the plan describes another network; every difference is named, with what to set.
        FileFormatError: a tensor that the network needs is not there, or the positions are not those of a cube.
    """
    _check_settings(foreign, plan)
    channels = len(plan.channels)
    encoder: Vit3d | ResNet50
    if foreign.kind == "vit":
        encoder = build_vit(plan, in_channels=channels)
    else:
        encoder = ResNet50(channels, plan.network.resnet_base_width)
    state, changes = dict(foreign.state), list(foreign.changes)
    changed, new = set(foreign.changed), set(foreign.new)
    if foreign.kind == "vit":
        _check_positions(state)
    if axes == "xyz":
        changed |= {name for name, tensor in state.items() if tensor.dim() == 5 or name == "position"}
        state = {name: _turned(name, tensor) for name, tensor in state.items()}
        changes.append("kernels and positions: from (x, y, z) to (z, y, x)")
    if foreign.kind == "vit":
        before = dict(state)
        changes += _adapt_vit(state, plan)
        new |= state.keys() - before.keys()
        changed |= {name for name, tensor in before.items() if state[name] is not tensor}
        if "network.heads" not in foreign.settings:
            changes.append(f"network.heads: not stored in the file, {plan.network.heads} as the plan says")
    report = load_encoder(encoder, state, in_channels=channels)
    lacking = [name for name in report.missing if not name.startswith("pool.")]
    if lacking:
        raise FileFormatError(
            f"The file is incomplete: it has nothing for {len(lacking)} tensors of the network, first {lacking[0]}.",
            fix="Give the file of the whole network, or name its layout with --layout.",
        )
    fitted = {name: tensor for name, tensor in encoder.state_dict().items() if name not in report.missing}
    return fitted, replace(
        report, used=tuple(name for name in report.used if name not in changed | new),
        adapted=(*changes, *report.adapted), unused=(*report.unused, *foreign.unused),
        missing=(*(name for name in state if name in new), *report.missing),
    )


def _check_settings(foreign: ForeignEncoder, plan: ExperimentPlan) -> None:
    differing = []
    for path, value in foreign.settings.items():
        part, _, name = path.partition(".")
        wanted = getattr(getattr(plan, part), name)
        if not (abs(wanted - value) < 1e-6 if isinstance(value, float) else wanted == value):
            differing.append((path, value, wanted))
    if not differing:
        return
    listed = "; ".join(f"{path} is {_text(file)} there and {_text(own)} in the plan" for path, file, own in differing)
    # All that the file fixes, not only what differs: what was typed before may be what does not differ.
    settings = " ".join(f"{path}={_text(value)}" for path, value in foreign.settings.items())
    unknown = foreign.kind == "vit" and "network.heads" not in foreign.settings
    heads = " network.heads is not stored in the file: take it from the network's description." if unknown else ""
    raise SettingError(
        f"The file holds another network than the plan describes: {listed}.",
        fix=f"Use --set {settings} here and wherever the weights are used; or make a plan with this --set "
        f"(rnnet_plan_experiment -d {plan.dataset} -p NAME --set ...) and give -p NAME.{heads}",
    )


def _adapt_vit(state: dict[str, Tensor], plan: ExperimentPlan) -> list[str]:
    """Change the state in place; what was done, in sentences."""
    net, changes = plan.network, []
    kernel = state.get(_KERNEL)
    if kernel is not None and tuple(kernel.shape[2:]) != (net.token_edge_vox,) * 3:
        edges = " x ".join(map(str, kernel.shape[2:]))
        state[_KERNEL] = resampled_kernel(kernel, net.token_edge_vox)
        changes.append(f"{_KERNEL}: {edges} -> {net.token_edge_vox}^3 voxels, interpolated")
    if net.layer_scale > 0 and "blocks.0.scale1.factor" not in state:
        state |= {f"blocks.{n}.scale{k}.factor": torch.ones(net.width) for n in range(net.depth) for k in (1, 2)}
        changes.append("layer scale: 1, the file's network has none")
    if net.layer_scale == 0 and "blocks.0.scale1.factor" in state:
        raise SettingError("The file's network has layer scale.", fix="Add --set network.layer_scale=0.1.")
    return changes


def resampled_kernel(kernel: Tensor, edge: int) -> Tensor:
    """A patch embedding's weight (d, c, z, y, x) for patches of another edge, trilinear.

    A constant image gives the same token as before: the sum over voxels stays what it was.
    """
    new = functional.interpolate(kernel, size=(edge, edge, edge), mode="trilinear", align_corners=False)
    new = new * (kernel[0, 0].numel() / edge**3)
    axes = (2, 3, 4)
    return new + (kernel.sum(dim=axes, keepdim=True) - new.sum(dim=axes, keepdim=True)) / edge**3


def _check_positions(state: Mapping[str, Tensor]) -> None:
    count = state["position"].shape[1] if "position" in state else 1
    if round(count ** (1 / 3)) ** 3 != count:
        raise FileFormatError(
            f"The file's network has {count} positions, which are not those of a cube.",
            fix="Use a network that was trained on cubes.",
        )


def _turned(name: str, tensor: Tensor) -> Tensor:
    """The same weights for volumes (z, y, x) instead of (x, y, z)."""
    if tensor.dim() == 5:
        return tensor.permute(0, 1, 4, 3, 2)
    if name != "position":
        return tensor
    edge = round(tensor.shape[1] ** (1 / 3))
    return tensor.reshape(1, edge, edge, edge, -1).permute(0, 3, 2, 1, 4).reshape(tensor.shape)


def _text(value: Any) -> str:
    """As --set reads it."""
    return value if isinstance(value, str) else json.dumps(value)
