from __future__ import annotations

import pytest
import torch

from rnnet.networks.heads import ProjectionHead, RestorationHead
from rnnet.networks.vit3d import build_vit
from rnnet.planning.step_memory import (
    MemoryEstimate,
    Precision,
    finetuning_memory,
    kept_bytes,
    pretraining_memory,
    vit_parameters,
)
from tests.factories import make_plan

SMALL = ("crop.edge_vox=32", "network.token_edge_vox=8", "network.width=48", "network.depth=3", "network.heads=3")


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    "setting", ["position=learned", "position=sinusoidal", "class_token=true", "layer_scale=0.1"]
)
def test_the_formula_counts_the_encoders_parameters_exactly(setting: str) -> None:
    plan = make_plan(*SMALL, f"network.{setting}")
    assert vit_parameters(plan) == count(build_vit(plan, in_channels=2))


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
@pytest.mark.parametrize(
    "settings",
    [
        ("patch_embed=conv_stem",), ("heads=1",), ("heads=12",), ("class_token=true", "layer_scale=0.1"),
        ("token_edge_vox=4",),
    ],
)
def test_what_the_backward_pass_keeps_is_within_a_fifth_of_the_formula(
    settings: tuple[str, ...], precision: Precision
) -> None:
    plan = make_plan(*SMALL, "network.drop_path=0", *(f"network.{setting}" for setting in settings))
    network = build_vit(plan, in_channels=2).train()
    weights = {p.untyped_storage().data_ptr() for p in network.parameters()}
    copies = sum(p.numel() for p in network.parameters() if p.dim() > 1) * 2 if precision == "bfloat16" else 0
    kept: dict[int, int] = {}
    tensors: list[torch.Tensor] = []  # held, so that no address is used twice

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        tensors.append(tensor)
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    batch = torch.randn(4, 2, 32, 32, 32)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):  # noqa: SIM117
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            network(batch)
    assert (sum(kept.values()) - copies) / 4 == pytest.approx(kept_bytes(plan, precision), rel=0.2)


def test_with_checkpoints_each_further_block_keeps_its_input_alone() -> None:
    few, many = (
        kept_bytes(make_plan(*SMALL, f"network.depth={depth}", "network.checkpoint_blocks=true"), "bfloat16")
        for depth in (3, 5)
    )
    assert many - few == 2 * (4**3 * 48) * 4
    assert few < kept_bytes(make_plan(*SMALL), "bfloat16")


def test_a_batch_in_parts_needs_less_than_the_batch_at_once_and_the_gpu_less_than_the_cpu() -> None:
    settings = (*SMALL, "pretrain.batch_size=64")
    whole, parts = (pretraining_memory(make_plan(*settings, f"pretrain.accumulate_steps={n}")) for n in (1, 4))
    assert parts.step_bytes(64) < 0.6 * whole.step_bytes(64)
    on_gpu = pretraining_memory(make_plan(*settings), device_type="cuda")
    images = 64 * 2 * (2 + 1) * 32**3 * 4  # two views of two channels and what is to be restored, in float32
    weights = 64 * 2 * (3 + 1) * 3 * 64**2 * 4  # of attention, in 3 blocks of 3 heads, and once their gradients
    assert on_gpu.step_bytes(64) == whole.step_bytes(64) - 4 * whole.parameters - images - weights
    half = pretraining_memory(make_plan(*settings), precision="bfloat16")
    assert half.step_bytes(64) < whole.step_bytes(64)


def test_a_running_average_is_one_more_copy_of_the_weights() -> None:
    without, averaged = (finetuning_memory(make_plan(*SMALL, f"finetune.ema_decay={decay}")) for decay in (0, 0.99))
    assert averaged.fixed_bytes - without.fixed_bytes == 4 * without.parameters


def test_a_step_takes_at_least_its_weights_gradients_and_moments() -> None:
    estimate = MemoryEstimate(parameters=10, fixed_bytes=120, sample_bytes=1, floor_bytes=160)
    assert [estimate.step_bytes(n) for n in (1, 40, 60)] == [160, 160, 180]
    assert estimate.largest_batch(318) == 0
    assert estimate.largest_batch(320) == 40


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


