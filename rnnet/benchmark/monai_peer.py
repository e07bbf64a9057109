"""MONAI's self-supervised ViT tutorial beside rnnet: its network, transforms, losses and loop on the same machine.

After Project-MONAI/tutorials, self_supervised_pretraining/vit_unetr_ssl (version 1.6 of the library), with crops in
memory, sizes scaled to the crop, and the crop's channels and number format of rnnet's own measurement.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import torch
from torch import nn

from rnnet.benchmark.matrix_peak import wait_for
from rnnet.benchmark.pretrain import made_up_crops
from rnnet.core.errors import MissingDependencyError, SettingError
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.precision import Precision, autocast, choose_precision, open_device

PEERS = ("monai",)
# The tutorial's sizes, in voxels of its own crop.
_TUTORIAL_EDGE = 96
_HOLES, _HOLE_EDGES, _KEPT_EDGES, _SHUFFLES, _SHUFFLE_EDGE = 6, (5, 32), (20, 64), 10, 8
_TEMPERATURE, _LEARNING_RATE, _SHUFFLE_PROBABILITY = 0.05, 1e-4, 0.8
_CORPUS_BATCHES = 2


@dataclass(frozen=True, slots=True)
class PeerSpeed:
    """step_seconds: median of `steps` steps after the first, data included."""

    version: str
    batch_size: int
    steps: int
    step_seconds: float

    @property
    def cubes_per_second(self) -> float:
        """Crops from end to end."""
        return self.batch_size / self.step_seconds


def measure_monai(plan: ExperimentPlan, *, device: str, precision: Precision = "auto", steps: int = 1) -> PeerSpeed:
    """Train the tutorial's network for `steps` steps after a first one.

    Autocast, where the precision asks for it, is around the network alone; the losses are in float32, as rnnet's are.
    The peer runs as its users run it: call this before rnnet trains in the process, whose setting of the allocator
    lasts and speeds up the peer as well.

    Raises:
        MissingDependencyError: MONAI is not installed.
        SettingError: a size of tokens that its network does not take.
    """
    edge = plan.network.token_edge_vox
    if math.isqrt(edge) ** 2 != edge:
        raise SettingError(f"MONAI's auto-encoder takes tokens of 4, 9, 16, ... voxels. Got {edge} instead.")
    try:
        import monai
    except ImportError as error:
        raise MissingDependencyError("MONAI is not installed.", fix="pip install monai==1.6.1") from error
    place = open_device(device)
    with torch.random.fork_rng(devices=[place] if place.type == "cuda" else []):
        torch.manual_seed(plan.seed)
        network = _network(plan).to(place).train()
        optimizer = torch.optim.Adam(network.parameters(), lr=_LEARNING_RATE)
        loader = _loader(plan)
        seconds = _train(network, optimizer, loader, place, choose_precision(precision, place), steps + 1)
    return PeerSpeed(f"MONAI {monai.__version__}", plan.pretrain.batch_size, steps, median(seconds[1:]))


def _network(plan: ExperimentPlan) -> nn.Module:
    from monai.networks.nets import ViTAutoEnc

    net = plan.network
    network: nn.Module = ViTAutoEnc(
        in_channels=len(plan.channels), out_channels=1, img_size=(plan.crop.edge_vox,) * 3,
        patch_size=(net.token_edge_vox,) * 3, proj_type="conv", hidden_size=net.width,
        mlp_dim=int(net.mlp_ratio * net.width), num_layers=net.depth, num_heads=net.heads,
    )
    return network


def _loader(plan: ExperimentPlan) -> Any:
    """Batches of two corrupted views and the crop, from crops in memory."""
    from monai.data import CacheDataset, ThreadDataLoader
    from monai.transforms import Compose, CopyItemsd, OneOf, RandCoarseDropoutd, RandCoarseShuffled

    size = plan.pretrain.batch_size
    crops = made_up_crops(plan, _CORPUS_BATCHES * size, torch.device("cpu"))
    batch = crops.batch(torch.arange(len(crops)))
    scale = plan.crop.edge_vox / _TUTORIAL_EDGE

    def voxels(edge: int) -> int:
        return max(1, round(edge * scale))

    def corrupted(key: str) -> list[Any]:
        holes, kept = (tuple(map(voxels, edges)) for edges in (_HOLE_EDGES, _KEPT_EDGES))
        common = {"keys": [key], "prob": 1.0, "holes": _HOLES}
        painted = OneOf([
            RandCoarseDropoutd(**common, spatial_size=holes[0], max_spatial_size=holes[1], dropout_holes=True),
            RandCoarseDropoutd(**common, spatial_size=kept[0], max_spatial_size=kept[1], dropout_holes=False),
        ])
        shuffled = RandCoarseShuffled(
            keys=[key], prob=_SHUFFLE_PROBABILITY, holes=_SHUFFLES, spatial_size=voxels(_SHUFFLE_EDGE)
        )
        return [painted, shuffled]

    copies = CopyItemsd(keys=["image"], times=2, names=["gt_image", "image_2"])
    transform = Compose([copies, *corrupted("image"), *corrupted("image_2")])
    transform.set_random_state(seed=plan.seed)
    data = CacheDataset([{"image": crop} for crop in batch], transform, num_workers=None, progress=False)
    return ThreadDataLoader(data, batch_size=size, shuffle=True, num_workers=0)


def _train(
    network: nn.Module, optimizer: torch.optim.Optimizer, loader: Any, device: torch.device,
    precision: Literal["bfloat16", "float32"], steps: int,
) -> list[float]:
    """Seconds of each step."""
    from monai.losses import ContrastiveLoss

    restoration, contrast = nn.L1Loss(), ContrastiveLoss(temperature=_TEMPERATURE)
    seconds: list[float] = []
    while len(seconds) < steps:
        wait_for(device)
        last = time.perf_counter()
        for batch in loader:
            first, second, original = (batch[key].to(device) for key in ("image", "image_2", "gt_image"))
            optimizer.zero_grad()
            with autocast(device, precision):
                restored, other = network(first)[0], network(second)[0]
            restored, other = restored.float(), other.float()
            difference = restoration(restored, original[:, :1])
            loss = difference + contrast(restored.flatten(1), other.flatten(1)) * difference
            loss.backward()
            optimizer.step()
            loss.item()
            wait_for(device)
            now = time.perf_counter()
            seconds.append(now - last)
            last = now
            if len(seconds) == steps:
                break
    return seconds
