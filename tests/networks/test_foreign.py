from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnet.core.errors import FileFormatError, RnnetError, SettingError, UnknownComponentError
from rnnet.networks.foreign.fit import fit_to_plan, resampled_kernel
from rnnet.networks.foreign.table import foreign_encoder
from rnnet.networks.resnet3d import ResNet50
from rnnet.networks.transfer import TransferReport
from rnnet.networks.vit3d import Vit3d, build_vit
from rnnet.planning.plan import ExperimentPlan, with_settings
from tests.factories import make_plan
from tests.networks.foreign_states import as_monai, medicalnet, vit
from tests.networks.small import noise

PLAN = make_plan("network.token_edge_vox=4", "network.position=learned", "network.mlp_ratio=4.0")


def imported(state: dict[str, Tensor], plan: ExperimentPlan = PLAN, **options: Any) -> tuple[Vit3d, TransferReport]:
    _, foreign = foreign_encoder(state)
    fitted, report = fit_to_plan(foreign, plan, **options)
    encoder = build_vit(plan, in_channels=len(plan.channels))
    encoder.load_state_dict(fitted, strict=False)
    return encoder.eval(), report


def assert_same_tokens(encoder: Vit3d, network: Vit3d, x: Tensor) -> None:
    torch.testing.assert_close(encoder.tokens(x), network.tokens(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("class_token", ["false", "true"])
def test_imported_tokens_are_those_of_the_file(class_token, qkv_bias):
    network = vit(class_token=class_token == "true")
    plan = with_settings(PLAN, [f"network.class_token={class_token}"])
    encoder, report = imported(as_monai(network, qkv_bias=qkv_bias), plan)
    assert_same_tokens(encoder, network, noise(2, 2, 16, 16, 16))
    new = tuple(f"blocks.{n}.attention.qkv.bias" for n in range(2) if not qkv_bias)
    assert (report.missing, report.unused) == (new, ())
    assert {*report.used, *new} == set(network.state_dict())
    said = "attention.qkv.bias of 2 blocks: zero, the file's network has none"
    assert (said in report.adapted) is not qkv_bias


def test_a_perceptrons_patch_embedding_becomes_a_convolution():
    network = vit()
    state = as_monai(network)
    kernel = state.pop("patch_embedding.patch_embeddings.weight")  # (d, c, z, y, x)
    state["patch_embedding.patch_embeddings.1.weight"] = kernel.permute(0, 2, 3, 4, 1).flatten(1)
    state["patch_embedding.patch_embeddings.1.bias"] = state.pop("patch_embedding.patch_embeddings.bias")
    assert_same_tokens(imported(state)[0], network, noise(2, 2, 16, 16, 16))


def test_leftovers_of_older_versions_are_not_used():
    network, x = vit(), noise(1, 2, 16, 16, 16)
    older = {"patch_embedding.cls_token": torch.ones(1, 1, 24), "classification_head.0.weight": torch.ones(2, 24)}
    older |= {f"blocks.{n}.cross_attn.to_q.weight": torch.ones(24, 24) for n in range(2)}
    older |= {f"blocks.{n}.norm_cross_attn.weight": torch.ones(24) for n in range(2)}
    encoder, report = imported(as_monai(network) | older)
    assert_same_tokens(encoder, network, x)
    assert set(report.unused) == set(older)


@pytest.mark.parametrize("wrapped", ["module.", "state_dict.backbone.", "network_weights.encoder.vit.module."])
def test_whatever_wraps_the_network_is_taken_off(wrapped):
    network, x = vit(), noise(1, 2, 16, 16, 16)
    encoder, report = imported({**as_monai(network, wrapped), "projector.weight": torch.ones(2, 2)})
    assert_same_tokens(encoder, network, x)
    assert "projector.weight" in report.unused


def test_of_two_networks_the_first_is_taken_and_said():
    first, second = vit(), vit(mlp_ratio=2.0)
    encoder, report = imported(as_monai(first, "student.") | as_monai(second, "teacher."))
    assert_same_tokens(encoder, first, noise(1, 2, 16, 16, 16))
    assert "the file holds 2 networks: 'student.' is taken, 'teacher.' not" in report.adapted


def test_one_channel_and_another_crop_adapt_and_are_said():
    encoder, report = imported(as_monai(vit(in_channels=1, edge_vox=24)))
    said = " ".join(report.adapted)
    assert "1 -> 2 channels, new ones start at zero" in said
    assert "position: 216 -> 64 positions, interpolated" in said
    image = noise(1, 1, 16, 16, 16)
    masked, empty = (torch.cat((image, mask), 1) for mask in (noise(1, 1, 16, 16, 16, seed=3), torch.zeros_like(image)))
    torch.testing.assert_close(encoder.tokens(masked), encoder.tokens(empty))


def test_another_token_edge_adapts_and_a_constant_image_keeps_its_tokens():
    network = vit()
    plan = with_settings(PLAN, ["network.token_edge_vox=8"])
    encoder, report = imported(as_monai(network), plan)
    assert "patch_embed.projection.weight" not in report.used
    assert any("4 x 4 x 4 -> 8^3 voxels, interpolated" in text for text in report.adapted)
    ones = torch.ones(1, 2, 16, 16, 16)
    torch.testing.assert_close(encoder.patch_embed(ones)[0, 0], network.patch_embed(ones)[0, 0], atol=1e-5, rtol=0)


def test_a_kernel_resampled_to_its_own_edge_stays():
    kernel = noise(3, 2, 4, 4, 4)
    torch.testing.assert_close(resampled_kernel(kernel, 4), kernel)


def test_layer_scale_that_the_file_lacks_changes_no_token():
    network, x = vit(), noise(1, 2, 16, 16, 16)
    encoder, report = imported(as_monai(network), with_settings(PLAN, ["network.layer_scale=0.1"]))
    assert_same_tokens(encoder, network, x)
    assert {"blocks.0.scale1.factor", "blocks.1.scale2.factor"} <= set(report.missing) - set(report.used)
    assert "layer scale: 1, the file's network has none" in report.adapted


def test_weights_for_x_y_z_volumes_see_z_y_x_volumes_as_those():
    network, x = vit(), noise(1, 2, 16, 16, 16)
    encoder, report = imported(as_monai(network), axes="xyz")
    assert not {"position", "patch_embed.projection.weight"} & set(report.used)
    turned = network.tokens(x.permute(0, 1, 4, 3, 2)).reshape(1, 4, 4, 4, 24)
    expected = turned.permute(0, 3, 2, 1, 4).reshape(1, 64, 24)
    torch.testing.assert_close(encoder.tokens(x), expected, atol=1e-5, rtol=0)


def test_another_network_is_refused_with_the_settings_that_would_fit():
    state = as_monai(vit(width=48, depth=3, mlp_ratio=2.0))
    with pytest.raises(SettingError) as caught:
        imported(state, make_plan("network.token_edge_vox=4"))
    text = str(caught.value)
    assert "network.width is 48 there and 24 in the plan" in text
    assert "network.position is learned there and sinusoidal in the plan" in text
    assert "network.heads is not stored" in text
    settings = re.search(r"Use --set (.*) here", text)
    assert settings is not None
    encoder, _ = imported(state, make_plan("network.token_edge_vox=4", *settings[1].split()))
    assert len(encoder.blocks) == 3


def test_a_class_token_that_only_one_side_has_is_refused():
    with pytest.raises(SettingError, match=r"--set .*network\.class_token=true"):
        imported(as_monai(vit(class_token=True)))
    with pytest.raises(SettingError, match=r"--set .*network\.class_token=false"):
        imported(as_monai(vit()), with_settings(PLAN, ["network.class_token=true"]))


def test_a_lacking_tensor_is_named():
    state = as_monai(vit())
    del state["blocks.1.mlp.linear1.weight"]
    with pytest.raises(RnnetError, match=r"blocks\.1\.mlp\.expand\.weight"):
        imported(state)


def test_positions_that_fill_no_cube_are_refused():
    with pytest.raises(FileFormatError, match="60 positions"):
        imported({**as_monai(vit()), "patch_embedding.position_embeddings": torch.zeros(1, 60, 24)})


def test_weights_of_pictures_are_refused():
    with pytest.raises(FileFormatError, match="pictures"):
        imported({**as_monai(vit()), "patch_embedding.patch_embeddings.weight": torch.zeros(24, 2, 4, 4)})


def test_other_names_are_refused_with_the_known_layouts():
    with pytest.raises(FileFormatError, match=r"Known layouts: .*medicalnet, monai, nnssl, rnnet"):
        foreign_encoder({"fc.weight": torch.ones(1)})
    with pytest.raises(FileFormatError, match="no ResNet50 of MedicalNet"):
        foreign_encoder(as_monai(vit()), "medicalnet")
    with pytest.raises(UnknownComponentError, match="brainiac, medicalnet, monai, nnssl, rnnet"):
        foreign_encoder({}, "monay")


EVA = {"encoder.eva.blocks.0.norm1.weight": torch.ones(4), "encoder.eva.blocks.0.mlp.fc1_g.weight": torch.ones(4, 4)}


@pytest.mark.parametrize(("names", "reason"), [
    (EVA, r"rotary positions, gated MLPs \(SwiGLU\)"),
    ({"network_weights.encoder.stages.0.blocks.0.conv1.conv.weight": torch.ones(1)}, "ResEnc"),
])
def test_networks_of_nnssl_are_recognised_and_refused_with_the_reason(names, reason):
    with pytest.raises(SettingError, match=reason):
        foreign_encoder(names)


def test_brainiac_is_monais_network_of_the_published_size():
    small = as_monai(vit(depth=12), "state_dict.backbone.")
    with pytest.raises(FileFormatError, match="width of 768"):
        foreign_encoder(small, "brainiac")
    published = {n: torch.zeros(1).expand([768 if s == 24 else s for s in t.shape]) for n, t in small.items()}
    name, foreign = foreign_encoder(published, "brainiac")
    assert (name, foreign.settings["network.heads"], foreign.kind) == ("brainiac", 12, "vit")


def test_medicalnets_resnet50_gives_the_same_features():
    network, state = medicalnet()
    name, foreign = foreign_encoder(state)
    fitted, report = fit_to_plan(foreign, make_plan())
    encoder = ResNet50(2, 4).eval()
    encoder.load_state_dict(fitted)
    image = noise(1, 1, 16, 16, 16)
    torch.testing.assert_close(encoder(torch.cat((image, noise(1, 1, 16, 16, 16, seed=2)), 1)), network(image))
    assert (name, foreign.kind) == ("medicalnet", "resnet50")
    assert report.unused == ("state_dict.module.conv_seg.0.weight",)
    assert report.adapted == ("conv1.weight: 1 -> 2 channels, new ones start at zero",)


def test_a_resnet_of_another_width_or_depth_is_refused():
    with pytest.raises(SettingError, match=r"--set network\.resnet_base_width=6"):
        fit_to_plan(foreign_encoder(medicalnet(6)[1])[1], make_plan())
    shallow = {n: t for n, t in medicalnet()[1].items() if "layer3.5" not in n}
    with pytest.raises(FileFormatError, match=r"3 \+ 4 \+ 5 \+ 3 bottleneck blocks"):
        foreign_encoder(shallow)


def test_an_encoder_of_rnnet_is_read_under_its_own_names():
    network = vit(class_token=True, layer_scale=0.1)
    plan = with_settings(PLAN, ["network.class_token=true", "network.layer_scale=0.1"])
    encoder, _ = imported({f"encoder.{n}": t for n, t in network.state_dict().items()}, plan)
    assert_same_tokens(encoder, network, noise(1, 2, 16, 16, 16))
    with pytest.raises(SettingError, match="has layer scale"):
        imported(dict(network.state_dict()), with_settings(PLAN, ["network.class_token=true"]))
