from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rnnet.core.errors import UnknownComponentError
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.networks.classifier import build_classifier, channels_of, depends_on
from tests.networks.small import noise


@pytest.mark.parametrize("config", IMAGING_CONFIGS)
def test_every_imaging_configuration_gives_one_logit_per_lesion(plan, config):
    model = build_classifier(plan, config=config).eval()
    logits = model(noise(3, len(channels_of(config)), 16, 16, 16))
    assert logits.shape == (3,)
    assert bool(torch.isfinite(logits).all())


def test_the_t1ce_only_configuration_sees_no_mask():
    assert channels_of("ssl_vit_t1ce") == (0,)
    assert channels_of("ssl_vit") == channels_of("vit_scratch") == channels_of("resnet50") == (0, 1)


def test_a_misspelt_configuration_names_the_nearest_one(plan):
    with pytest.raises(UnknownComponentError, match="Did you mean 'ssl_vit'"):
        build_classifier(plan, config="ssl_vitt")


def test_the_plans_seed_fixes_the_whole_classifier(plan):
    first, second = (build_classifier(plan, config="resnet50").state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("config", ["resnet50", "ssl_vit"])
def test_fields_on_which_a_network_does_not_depend_leave_its_weights_as_they_are(plan, config):
    fields = {"resnet_base_width": 8, "width": 48, "depth": 3, "heads": 2, "mlp_ratio": 3.0, "token_edge_vox": 4}
    before = build_classifier(plan, config=config).state_dict()
    for name, value in fields.items():
        after = build_classifier(replace(plan, network=replace(plan.network, **{name: value})), config=config)
        shapes = {key: weight.shape for key, weight in after.state_dict().items()}
        is_same = shapes == {key: weight.shape for key, weight in before.items()}
        # The number of heads shows in no shape.
        assert is_same != depends_on(config, f"network.{name}") or name == "heads"
    assert all(depends_on(config, path) for path in ("network.dropout", "finetune.epochs"))
