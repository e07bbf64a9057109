from __future__ import annotations

import pytest
import torch

from rnnet.core.errors import SettingError
from rnnet.networks.classifier import Classifier
from rnnet.networks.heads import ClassificationHead
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.transfer import load_encoder
from tests.networks.small import noise, small_vit


def perturbed(encoder: torch.nn.Module) -> torch.nn.Module:
    """The encoder with weights that no fresh one has."""
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.01)
    return encoder


def test_an_equal_encoder_is_copied_whole():
    source, target = perturbed(small_vit(position="learned")), small_vit(position="learned")
    report = load_encoder(target, source.state_dict(), in_channels=2)
    x = noise(2, 2, 16, 16, 16)
    torch.testing.assert_close(target(x), source(x))
    assert (report.adapted, report.unused, report.missing) == ((), (), ())
    assert len(report.used) == len(target.state_dict())


@pytest.mark.parametrize("patch_embed", ["linear", "conv_stem"])
def test_two_channels_become_one_by_keeping_the_image_channel(patch_embed):
    source = perturbed(small_vit(patch_embed=patch_embed))
    target = small_vit(patch_embed=patch_embed, in_channels=1)
    report = load_encoder(target, source.state_dict(), in_channels=1)
    image = noise(2, 1, 16, 16, 16)
    empty_mask = torch.zeros_like(image)
    torch.testing.assert_close(target(image), source(torch.cat((image, empty_mask), 1)))
    assert "2 -> 1 channels" in str(report)


def test_a_new_channel_changes_nothing_at_first():
    source, target = perturbed(ResNet50(1, 2)).eval(), ResNet50(2, 2).eval()
    load_encoder(target, source.state_dict(), in_channels=2)
    image = noise(1, 1, 16, 16, 16)
    torch.testing.assert_close(target(torch.cat((image, noise(1, 1, 16, 16, 16, seed=5)), 1)), source(image))


def test_learned_positions_are_interpolated_to_another_grid():
    source, target = perturbed(small_vit(position="learned")), small_vit(position="learned", edge_vox=24)
    report = load_encoder(target, source.state_dict(), in_channels=2)
    assert target.position.shape == (1, 27, 24)
    torch.testing.assert_close(target.position[0, 13], source.position[0].mean(0))  # the centre
    assert report.adapted == ("position: 8 -> 27 positions, interpolated",)


def test_sinusoidal_positions_need_no_adapting_when_the_crop_grows():
    target = small_vit(edge_vox=24)
    report = load_encoder(target, small_vit().state_dict(), in_channels=2)
    assert (report.adapted, report.missing) == ((), ())


def test_another_width_is_named_with_both_shapes():
    with pytest.raises(SettingError, match=r"shape \(48, 2, 8, 8, 8\).*needs \(24, 2, 8, 8, 8\).*network\.width"):
        load_encoder(small_vit(), small_vit(width=48).state_dict(), in_channels=2)


def test_another_token_edge_is_named_with_both_shapes():
    with pytest.raises(SettingError, match=r"'patch_embed.*shape \(24, 2, 4, 4, 4\).*needs \(24, 1, 8, 8, 8\)"):
        load_encoder(small_vit(in_channels=1), small_vit(token_edge_vox=4).state_dict(), in_channels=1)


def test_weights_of_another_kind_of_network_are_refused():
    with pytest.raises(SettingError, match=r"0 of \d+ tensors loaded"):
        load_encoder(small_vit(), ResNet50(2, 2).state_dict(), in_channels=2)


def test_a_much_deeper_encoder_is_refused_and_a_small_lack_reported():
    with pytest.raises(SettingError, match="kept at first values"):
        load_encoder(small_vit(depth=4), small_vit(depth=2).state_dict(), in_channels=2)
    report = load_encoder(small_vit(pooling="attentive"), small_vit().state_dict(), in_channels=2)
    assert report.missing == ("pool.score.weight",)


def test_a_stored_classifier_gives_its_encoder_and_reports_its_head():
    source = Classifier(perturbed(small_vit()), ClassificationHead(24))
    state = {f"module.{name}": tensor for name, tensor in source.state_dict().items()}
    target = small_vit()
    report = load_encoder(target, state, in_channels=2)
    assert torch.equal(target.norm.weight, source.encoder.norm.weight)
    assert set(report.unused) == {"head.linear.weight", "head.linear.bias"}


def test_a_wrong_number_of_channels_is_refused():
    with pytest.raises(SettingError, match="in_channels=1"):
        load_encoder(small_vit(), small_vit().state_dict(), in_channels=1)
