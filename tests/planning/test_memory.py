from __future__ import annotations

import stat
from pathlib import Path
from typing import Literal

import pytest
import torch

from rnnet.networks.heads import ProjectionHead, RestorationHead
from rnnet.networks.vit3d import build_vit
from rnnet.planning.memory import (
    MemoryEstimate,
    available_memory_bytes,
    finetuning_memory,
    pretraining_memory,
    sample_floats,
    vit_parameters,
)
from tests.factories import make_plan

SMALL = ("crop.edge_vox=32", "network.token_edge_vox=8", "network.width=48", "network.depth=3", "network.heads=3")


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("position", ["learned", "sinusoidal"])
def test_the_formula_counts_the_encoders_parameters_exactly(position: str) -> None:
    plan = make_plan(*SMALL, f"network.position={position}")
    assert vit_parameters(plan) == count(build_vit(plan, in_channels=2))


@pytest.mark.parametrize("patch_embed", ["linear", "conv_stem"])
@pytest.mark.parametrize("heads", [1, 3, 12])
def test_what_the_backward_pass_keeps_is_within_a_fifth_of_the_formula(
    patch_embed: Literal["linear", "conv_stem"], heads: int
) -> None:
    plan = make_plan(*SMALL, f"network.patch_embed={patch_embed}", f"network.heads={heads}", "network.drop_path=0")
    network = build_vit(plan, in_channels=2)
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    kept: dict[int, int] = {}
    tensors: list[torch.Tensor] = []  # held, so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        tensors.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(torch.randn(2, 2, 32, 32, 32))
    assert sum(kept.values()) / 2 == pytest.approx(sample_floats(plan), rel=0.2)


def test_pretraining_needs_more_than_fine_tuning_and_both_grow_with_the_crop() -> None:
    small, large = make_plan(*SMALL), make_plan(*SMALL, "crop.edge_vox=64")
    assert pretraining_memory(small).sample_bytes > 2 * finetuning_memory(small).sample_bytes * 0.8
    assert pretraining_memory(large).sample_bytes > 4 * pretraining_memory(small).sample_bytes
    heads = ProjectionHead(48, 8), RestorationHead(48, 8, grid=4)
    counted = count(build_vit(small, in_channels=2)) + sum(map(count, heads))
    assert pretraining_memory(small).parameters == pytest.approx(counted, rel=0.05)


def test_the_largest_batch_fills_half_of_the_memory() -> None:
    estimate = MemoryEstimate(parameters=1, fixed_bytes=100, sample_bytes=10)
    assert estimate.largest_batch(400) == 10
    assert estimate.largest_batch(419) == 10
    assert estimate.largest_batch(150) == 0


def test_the_smallest_gpu_counts_and_else_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host = available_memory_bytes()
    assert 2**28 < host < 2**50
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 81559\necho 24564\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    assert available_memory_bytes() == 24564 * 2**20
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert available_memory_bytes() == host
