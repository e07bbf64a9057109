import numpy as np
import pytest
import torch

from rnnet.core.errors import GeometryError
from rnnet.explanation.attention import attention_rollout, attention_volume, explain_crop
from rnnet.explanation.checks import attention_share
from rnnet.explanation.overlay import write_overlay
from rnnet.networks.vit3d import build_vit
from tests.factories import make_plan


def test_attention_of_every_token_to_itself_gives_a_uniform_rollout():
    attention = np.tile(np.eye(8), (3, 2, 1, 1))
    np.testing.assert_allclose(attention_rollout(attention), 1 / 8)


def test_the_token_that_all_attend_to_wins_and_shares_sum_to_one():
    attention = np.zeros((2, 2, 8, 8))
    attention[..., 5] = 1.0
    share = attention_rollout(attention)
    assert share.argmax() == 5
    # Two layers of half residual: every other token keeps a quarter of its own eighth.
    np.testing.assert_allclose(share[0], 0.25 / 8)
    np.testing.assert_allclose(share.sum(), 1.0)


def test_the_class_token_is_a_query_and_no_part_of_the_map():
    # Token 0 is the class token; it attends to patch 2, the patches to the class token.
    attention = np.zeros((1, 1, 4, 4))
    attention[..., 0, 2], attention[..., 1:, 0] = 1.0, 1.0
    patches = slice(1, None)
    np.testing.assert_allclose(attention_rollout(attention, pooled_from=slice(0, 1), patches=patches), [0, 1, 0])
    np.testing.assert_allclose(attention_rollout(attention, pooled_from=patches, patches=patches), 1 / 3)


@pytest.mark.parametrize("pooling", ["mean", "class_token"])
def test_a_transformer_with_a_class_token_has_a_map(pooling):
    encoder = build_vit(make_plan("network.class_token=true", f"network.pooling={pooling}"), in_channels=2)
    volume = explain_crop(encoder, np.random.default_rng(0).normal(size=(2, 16, 16, 16)))
    assert volume.shape == (16, 16, 16)
    assert volume.max() == 1


def test_the_map_peaks_in_the_middle_of_its_token():
    share = np.zeros((4, 4, 4))
    share[1, 2, 3] = 1.0
    volume = attention_volume(share.ravel(), grid=4, edge_vox=16)
    peak = np.argwhere(volume == volume.max()).mean(axis=0)
    np.testing.assert_allclose(peak, [5.5, 9.5, 13.5], atol=1.0)
    assert volume.min() == 0
    assert volume.max() == 1


def test_a_uniform_rollout_stays_uniform():
    np.testing.assert_allclose(attention_volume(np.full(8, 1 / 8), grid=2, edge_vox=4), 1.0)


def test_tokens_that_do_not_fill_the_grid_are_refused():
    with pytest.raises(GeometryError, match="7 tokens"):
        attention_volume(np.ones(7), grid=2, edge_vox=4)


def test_the_map_of_a_transformer_has_the_shape_of_its_crop():
    plan = make_plan()
    encoder = build_vit(plan, in_channels=2)
    edge = plan.crop.edge_vox
    crop = np.random.default_rng(0).normal(size=(2, edge, edge, edge))
    with torch.no_grad():
        volume = explain_crop(encoder, crop)
    assert volume.shape == (edge, edge, edge)
    assert np.isfinite(volume).all()


def test_shares_of_uniform_attention_are_shares_of_volume():
    mask = np.zeros((10, 10, 10))
    mask[4:6, 4:6, 4:6] = 1
    share = attention_share(np.ones((10, 10, 10)), mask, margin_vox=1)
    assert share.in_lesion == pytest.approx(8 / 1000)
    assert share.in_margin == pytest.approx(24 / 1000)
    assert share.in_lesion + share.in_margin + share.elsewhere == pytest.approx(1)


def test_the_overlay_is_a_small_picture(tmp_path):
    mask = np.zeros((24, 24, 24))
    mask[8:14, 9:15, 10:16] = 1
    image = np.indices(mask.shape).sum(axis=0) / 20 - 2
    path = tmp_path / "lesion one.png"
    write_overlay(path, image=image, mask=mask, attention=mask, title="P001_1", caption="Made up.")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size < 200_000
