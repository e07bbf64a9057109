"""A bare loop beside rnnet: a ViT of the same sizes in plain torch, on one batch that never changes.

What is left when everything that pretraining is for is taken away: no crops to fetch, no views, no corruption, no
look at the norm of gradients, no checkpoints. The two take turns, so that what else the machine does meets both. The
bare ViT has a linear patch embedding and takes the mean token, whatever the plan says, and works on the batch as a
whole. On a GPU training prepares the next batch while the network works; here one step follows the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from rnnet.benchmark.matrix_peak import wait_for
from rnnet.benchmark.pretrain import made_up_crops, train_step
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.out_of_memory import memory_advice
from rnnet.training.precision import Precision, autocast, choose_precision, open_device, training_numerics
from rnnet.training.pretrain_task import PretrainTask

# The aim for a step with its data is 7.0 cubes/s, set after a trial in which a plain loop reached 8.3.
AIM_PLAIN_RATIO = 7.0 / 8.3
_WARM_UP_STEPS = 2
_PROJECTED = 128
_TEMPERATURE, _LEARNING_RATE = 0.1, 1e-4


@dataclass(frozen=True, slots=True)
class PlainSpeed:
    """Medians over `steps` steps of each, taken in turns."""

    batch_size: int
    steps: int
    plain_seconds: float
    rnnet_seconds: float

    @property
    def ratio(self) -> float:
        """Cubes per second of rnnet over those of the bare loop."""
        return self.plain_seconds / self.rnnet_seconds


def measure_beside_plain(
    plan: ExperimentPlan, *, device: str, precision: Precision = "auto", steps: int = 6
) -> PlainSpeed:
    """Train with rnnet and with the bare loop in turns, both under the settings that rnnet gives its process.

    Raises:
        RnnetError: the device is not there, or its memory is not enough for both.
    """
    place = open_device(device)
    chosen = choose_precision(precision, place)
    crops = made_up_crops(plan, 2 * plan.pretrain.batch_size, place)
    with training_numerics(place), memory_advice("pretrain"):
        task = PretrainTask(plan, crops, precision=chosen)
        bare = _bare_step(plan, crops.batch(torch.arange(plan.pretrain.batch_size)), place, chosen)
        turns = [
            (_seconds(place, bare), _seconds(place, partial(train_step, task, number, lambda _: None)))
            for number in range(_WARM_UP_STEPS + steps)
        ][_WARM_UP_STEPS:]
    plain, rnnet = (median(seconds) for seconds in zip(*turns, strict=True))
    return PlainSpeed(plan.pretrain.batch_size, steps, plain, rnnet)


def _seconds(device: torch.device, work: Callable[[], None]) -> float:
    wait_for(device)
    start = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - start


def _bare_step(
    plan: ExperimentPlan, cubes: Tensor, device: torch.device, precision: Literal["bfloat16", "float32"]
) -> Callable[[], None]:
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(plan.seed)
        model = _BareModel(plan).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, fused=True)
    views = torch.cat((cubes, cubes))
    targets = model.patches(views[:, :1])
    other = torch.arange(len(views), device=device).roll(len(cubes))

    def step() -> None:
        optimizer.zero_grad()
        with autocast(device, precision):
            restored, projected = model(views)
        vectors = functional.normalize(projected.float(), dim=1)
        alike = (vectors @ vectors.T / _TEMPERATURE).fill_diagonal_(float("-inf"))
        loss = functional.l1_loss(restored.float(), targets) + functional.cross_entropy(alike, other)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss.item()

    return step


class _BareModel(nn.Module):
    """ViT with linear patch embedding, a linear head that restores patches, and a projection of the mean token."""

    def __init__(self, plan: ExperimentPlan) -> None:
        super().__init__()
        net = plan.network
        self.token_edge, self.grid = net.token_edge_vox, plan.crop.edge_vox // net.token_edge_vox
        voxels = net.token_edge_vox**3
        self.embed = nn.Linear(len(plan.channels) * voxels, net.width)
        self.position = nn.Parameter(torch.zeros(1, self.grid**3, net.width))
        self.blocks = nn.Sequential(*[_BareBlock(net.width, net.heads, net.mlp_ratio) for _ in range(net.depth)])
        self.norm = nn.LayerNorm(net.width)
        self.restore = nn.Linear(net.width, voxels)
        self.project = nn.Sequential(nn.Linear(net.width, net.width), nn.GELU(), nn.Linear(net.width, _PROJECTED))

    def patches(self, x: Tensor) -> Tensor:
        """Volumes (b, c, z, y, x) as flat patches (b, grid**3, c * voxels)."""
        cut = x.reshape(*x.shape[:2], *(self.grid, self.token_edge) * 3)
        return cut.permute(0, 2, 4, 6, 1, 3, 5, 7).reshape(len(x), self.grid**3, -1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Restored patches, and one projected vector for each volume."""
        tokens = self.norm(self.blocks(self.embed(self.patches(x)) + self.position))
        return self.restore(tokens), self.project(tokens.mean(dim=1))


class _BareBlock(nn.Module):
    """Pre-norm transformer block with the softmax written out: at few tokens the fastest form on a CPU."""

    def __init__(self, width: int, heads: int, mlp_ratio: float) -> None:
        super().__init__()
        self.heads, hidden = heads, int(mlp_ratio * width)
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (b, n, d) -> (b, n, d)."""
        b, n, d = x.shape
        q, k, v = self.qkv(self.first(x)).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q * (d // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(b, n, d))
        mixed: Tensor = x + self.mlp(self.second(x))
        return mixed
