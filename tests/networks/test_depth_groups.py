from __future__ import annotations

import pytest
from torch import nn

from rnnet.core.errors import SettingError
from rnnet.networks.depth_groups import parameter_groups_by_depth
from rnnet.networks.resnet3d import ResNet50
from tests.networks.small import small_vit


@pytest.mark.parametrize(
    ("encoder", "groups"),
    [
        (small_vit(depth=3), 4),
        (small_vit(depth=3, position="learned", pooling="attentive", patch_embed="conv_stem"), 4),
        (small_vit(depth=3, class_token=True, pooling="class_token", layer_scale=0.1), 4),
        (ResNet50(1, 2), 5),
    ],
)
def test_every_parameter_stands_in_exactly_one_group(encoder, groups):
    found = parameter_groups_by_depth(encoder)
    assert len(found) == groups
    ids = [id(p) for group in found for p in group]
    assert sorted(ids) == sorted(id(p) for p in encoder.parameters())


def test_groups_run_from_the_input_to_the_output():
    vit = small_vit(position="learned")
    groups = [{id(p) for p in group} for group in parameter_groups_by_depth(vit)]
    assert {id(vit.position), id(vit.patch_embed.projection.weight)} <= groups[0]
    assert id(vit.blocks[0].norm1.weight) in groups[1]
    assert {id(vit.blocks[1].norm1.weight), id(vit.norm.weight)} <= groups[2]


def test_an_unknown_encoder_is_refused():
    with pytest.raises(SettingError, match="Linear"):
        parameter_groups_by_depth(nn.Linear(1, 1))
