"""Against MONAI itself; test_foreign.py tests the same layouts without it."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnet.networks.foreign.fit import fit_to_plan
from rnnet.networks.foreign.table import foreign_encoder
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.vit3d import build_vit
from tests.factories import make_plan
from tests.networks.monai_networks import monai_autoencoder, monai_resnet50, monai_tokens, monai_vit
from tests.networks.small import noise

# Importing MONAI alone takes about ten seconds.
pytestmark = pytest.mark.slow

VARIANTS: list[tuple[Any, dict[str, Any]]] = [
    (monai_vit, {}),
    (monai_vit, {"qkv_bias": True}),
    (monai_vit, {"proj_type": "perceptron"}),
    (monai_vit, {"pos_embed_type": "sincos"}),
    (monai_vit, {"classification": True, "qkv_bias": True}),
    (monai_vit, {"classification": True, "post_activation": "none", "proj_type": "perceptron"}),
    (monai_autoencoder, {}),
    (monai_autoencoder, {"proj_type": "perceptron", "qkv_bias": True}),
]


@pytest.mark.parametrize(("build", "changes"), VARIANTS)
def test_imported_tokens_are_monais_within_1e_5(build, changes):
    network, x = build(**changes), noise(2, 2, 16, 16, 16)
    has_class_token = "true" if "classification" in changes else "false"
    plan = make_plan(
        "network.token_edge_vox=4", "network.position=learned", f"network.class_token={has_class_token}",
    )
    name, foreign = foreign_encoder(network.state_dict())
    fitted, report = fit_to_plan(foreign, plan)
    encoder = build_vit(plan, in_channels=2).eval()
    encoder.load_state_dict(fitted)
    with torch.no_grad():
        difference = (encoder.tokens(x) - monai_tokens(network, x)).abs().max().item()
        # Without rounding: the same function, not only nearly the same numbers.
        exact = (encoder.double().tokens(x.double()) - monai_tokens(network.double(), x.double())).abs().max().item()
    assert difference < 1e-5
    assert exact < 1e-12
    assert name == "monai"
    # A bias that the file does not have is zero, which changes nothing.
    assert [n for n in report.missing if not n.endswith("qkv.bias")] == []
    known = ("classification_head", "conv3d_transpose", "norm_cross_attn")
    assert [n for n in report.unused if not any(k in n for k in known)] == []


def test_imported_vit_b_16_of_64_voxels_is_monais_function_within_1e_5():
    sizes = {"img_size": 64, "patch_size": 16, "hidden_size": 768, "mlp_dim": 3072, "num_layers": 12, "num_heads": 12}
    network, x = monai_vit(disturb=False, **sizes), noise(1, 2, 64, 64, 64)
    plan = make_plan(
        "network.token_edge_vox=16", "crop.edge_vox=64", "network.width=768", "network.depth=12", "network.heads=12",
        "network.position=learned", "network.class_token=false",
    )
    encoder = build_vit(plan, in_channels=2).eval()
    encoder.load_state_dict(fit_to_plan(foreign_encoder(network.state_dict())[1], plan)[0])
    with torch.no_grad():
        tokens = encoder.tokens(x)
        exact = monai_tokens(network.double(), x.double())
        difference = (tokens - exact).abs().max().item()
        # MONAI's own tokens in float32 are about 1e-5 from its tokens in float64: no measure for so deep a network.
        assert difference < 1e-5
        assert (encoder.double().tokens(x.double()) - exact).abs().max().item() < 1e-12


def test_the_shortcuts_bias_of_monais_resnet50_goes_into_its_norm():
    network = monai_resnet50()
    _, foreign = foreign_encoder(network.state_dict())
    fitted, report = fit_to_plan(foreign, make_plan("network.resnet_base_width=2"))
    encoder = ResNet50(2, 2).eval()
    encoder.load_state_dict(fitted)
    features = noise(1, 2, 6, 6, 6)
    # Stage 1 strides nowhere, so it is the same network in both.
    torch.testing.assert_close(encoder.layer1(features), network.layer1(features), atol=1e-5, rtol=1e-5)
    assert "layer3, layer4: the file's network (MONAI's) strides there, this one dilates" in report.adapted
    assert [n for n in report.unused if "downsample" in n] == []
