from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from rnnet.networks.depth_groups import parameter_groups_by_depth
from rnnet.networks.heads import ClassificationHead
from rnnet.networks.vit3d import build_vit
from rnnet.training.optim import build_optimizer, decayed_groups, layer_scales, learning_rate_at, set_learning_rate
from tests.factories import make_plan


def rate(step: int) -> float:
    return learning_rate_at(step, total_steps=100, warmup_share=0.1, peak=1.0)


def test_the_rate_warms_up_to_its_peak_and_falls_towards_zero() -> None:
    rates = [rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert all(a < b for a, b in pairwise(rates[:10]))
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.001
    assert rate(55) == pytest.approx(0.5)


def test_without_warm_up_the_first_step_has_the_peak() -> None:
    assert learning_rate_at(0, total_steps=10, warmup_share=0.0, peak=2.0) == 2.0


def test_layers_near_the_input_learn_slower() -> None:
    assert layer_scales(3, 0.5) == (0.125, 0.25, 0.5)


def test_vectors_are_not_decayed_and_no_parameter_is_lost() -> None:
    encoder = build_vit(make_plan("network.position=learned"), in_channels=2)
    groups = [g for layer in parameter_groups_by_depth(encoder)
              for g in decayed_groups(layer, scale=1.0, weight_decay=0.1)]
    decayed = {id(p) for g in groups if g["weight_decay"] > 0 for p in g["params"]}
    every = {id(p) for g in groups for p in g["params"]}
    assert every == {id(p) for p in encoder.parameters()}
    for name, parameter in encoder.named_parameters():
        assert (id(parameter) in decayed) == (not name.endswith("bias") and "norm" not in name), name


def test_the_weights_of_the_last_layer_are_decayed_though_it_has_one_output() -> None:
    head = ClassificationHead(8)
    groups = decayed_groups(head.parameters(), scale=1.0, weight_decay=0.1)
    assert [(g["params"][0] is head.linear.weight, g["weight_decay"]) for g in groups] == [(True, 0.1), (False, 0.0)]


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_each_group_steps_by_its_share_of_the_rate(kind: str) -> None:
    slow, fast = nn.Parameter(torch.ones(2, 2)), nn.Parameter(torch.ones(2, 2))
    parts = ((slow, 0.1), (fast, 1.0))
    groups = [g for p, scale in parts for g in decayed_groups([p], scale=scale, weight_decay=0.0)]
    optimizer = build_optimizer(groups, kind, learning_rate=1.0)  # type: ignore[arg-type]
    set_learning_rate(optimizer, 0.01)
    (slow + fast).sum().backward()
    optimizer.step()
    assert float(1 - slow.detach()[0, 0]) == pytest.approx(0.001, rel=1e-4)
    assert float(1 - fast.detach()[0, 0]) == pytest.approx(0.01, rel=1e-4)
