from __future__ import annotations

import torch

from rnnet.networks.resnet3d import ResNet50
from tests.networks.small import noise


def test_the_published_width_has_medicalnets_46_million_parameters():
    with torch.device("meta"):
        model = ResNet50(1)
    assert model.width == 2048
    assert round(sum(p.numel() for p in model.parameters()) / 1e6, 1) == 46.2


def test_the_state_dict_has_medicalnets_names_and_shapes():
    state = ResNet50(1, base_width=4).state_dict()
    assert state["conv1.weight"].shape == (4, 1, 7, 7, 7)
    for name in (
        "bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.bias",
        "layer2.3.bn3.running_var", "layer3.5.conv2.weight", "layer4.2.conv3.weight",
    ):
        assert name in state
    assert state["layer4.2.conv2.weight"].shape == (32, 32, 3, 3, 3)
    blocks = {".".join(name.split(".")[:2]) for name in state if name.startswith("layer")}
    assert len(blocks) == 3 + 4 + 6 + 3
    downsampled = {name.split(".downsample")[0] for name in state if "downsample" in name}
    assert downsampled == {"layer1.0", "layer2.0", "layer3.0", "layer4.0"}


def test_the_last_two_stages_are_dilated_instead_of_strided():
    model = ResNet50(2, base_width=2)
    assert {block.conv2.dilation for block in model.layer3} == {(2, 2, 2)}
    assert {block.conv2.dilation for block in model.layer4} == {(4, 4, 4)}
    assert model.features(noise(2, 2, 32, 32, 32)).shape == (2, 64, 4, 4, 4)


def test_a_gradient_reaches_every_parameter():
    model = ResNet50(2, base_width=2)
    model(noise(2, 2, 16, 16, 16)).square().sum().backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


def test_the_pooled_vector_is_the_mean_of_the_feature_map():
    model, x = ResNet50(1, base_width=2).eval(), noise(2, 1, 16, 16, 16)
    torch.testing.assert_close(model(x), model.features(x).flatten(2).mean(-1))
