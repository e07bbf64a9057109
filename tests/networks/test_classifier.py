from __future__ import annotations

import pytest
import torch

from rnnet.core.errors import UnknownComponentError
from rnnet.core.types import IMAGING_CONFIGS
from rnnet.networks.classifier import build_classifier, channels_of
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
