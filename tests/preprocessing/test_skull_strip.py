from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from rnnet.core.errors import CaseFailedError, MissingWeightsError, UnknownComponentError
from rnnet.core.volume import Volume
from rnnet.planning.plan import SkullStripPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.skull_strip.hd_bet import HdBetStripper
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.skull_strip.none import NoStripper
from rnnet.preprocessing.skull_strip.table import (
    LARGEST_BRAIN_MM3,
    STRIPPERS,
    choose_stripper,
    looks_stripped,
    stripper_in_use,
)
from rnnet.preprocessing.skull_strip.weights import RELEASE, hd_bet_weights
from tests.factories import make_volume

PLAN = SkullStripPlan()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without weights."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path / "home"


def put_weights(folder: Path) -> Path:
    checkpoint = folder / "fold_all" / "checkpoint_final.pth"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"")
    return folder


def test_a_brain_on_zeros_looks_stripped() -> None:
    # Half a million cubic millimetres of brain in a box three times as large.
    array = np.zeros((60, 60, 60))
    array[10:50, 10:50, 10:50] = 100
    assert looks_stripped(array, (2.0, 2.0, 2.0), PLAN)


def test_a_whole_head_whose_air_was_set_to_zero_does_not_look_stripped() -> None:
    array = np.zeros((60, 60, 60))
    array[10:50, 10:50, 10:50] = 100
    edge_mm = (1.05 * LARGEST_BRAIN_MM3 / (array > 0).sum()) ** (1 / 3)
    assert (array == 0).mean() > 0.7
    assert not looks_stripped(array, (edge_mm,) * 3, PLAN)


def test_a_scan_with_noise_in_the_air_does_not_look_stripped(atlas: Atlas) -> None:
    assert not looks_stripped(make_volume((20, 20, 20)).array, (1.0, 1.0, 1.0), PLAN)
    assert looks_stripped(atlas.brain.array, atlas.brain.spacing_zyx_mm, PLAN)


@pytest.mark.parametrize("name", ["auto", "hd_bet", "deepbet", "none"])
def test_nothing_is_stripped_from_a_stripped_scan(name: str) -> None:
    assert choose_stripper(SkullStripPlan(name), stripped=True, weights_folder=None).name == "none"


def test_auto_is_hd_bet_if_its_weights_are_there_and_else_deepbet(tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    assert choose_stripper(PLAN, stripped=False, weights_folder=weights).name == "deepbet"
    put_weights(weights)
    assert choose_stripper(PLAN, stripped=False, weights_folder=weights).name == "hd_bet"
    assert choose_stripper(SkullStripPlan("deepbet"), stripped=False, weights_folder=weights).name == "deepbet"


def test_weights_are_found_in_the_folder_in_its_release_and_at_home(tmp_path: Path, home: Path) -> None:
    assert hd_bet_weights(tmp_path / "absent") is None
    at_home = put_weights(home / "hd-bet_params" / RELEASE)
    assert hd_bet_weights(None) == at_home
    inside = put_weights(tmp_path / "cache" / RELEASE)
    assert hd_bet_weights(tmp_path / "cache") == inside
    given = put_weights(tmp_path / "given")
    assert hd_bet_weights(given) == given


def test_an_unknown_stripper_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownComponentError, match="deepbett") as caught:
        choose_stripper(SkullStripPlan("deepbett"), stripped=False, weights_folder=None)
    assert caught.value.fix == "Did you mean 'deepbet'?"
    assert "skull_strip.stripper" in caught.value.where


@pytest.mark.parametrize("name", list(STRIPPERS))
def test_every_stripper_carries_the_name_it_is_chosen_by(name: str) -> None:
    assert choose_stripper(SkullStripPlan(name), stripped=False, weights_folder=None).name == name


def test_hd_bet_without_weights_says_how_to_get_them() -> None:
    stripper = HdBetStripper()
    with pytest.raises(MissingWeightsError) as caught:
        stripper.brain_mask(make_volume())
    assert "rnnet_download_assets hd_bet" in caught.value.fix
    assert "hd-bet_params" in caught.value.fix
    assert "skull_strip.stripper=deepbet" in caught.value.fix


def test_the_stripper_in_use_is_named_with_its_version_and_missing_weights_are_an_error(tmp_path: Path) -> None:
    assert stripper_in_use(SkullStripPlan("none"), None) == "none"
    name, version = stripper_in_use(PLAN, tmp_path).split()
    assert (name, version[0].isdigit()) == ("deepbet", True)
    with pytest.raises(MissingWeightsError):
        stripper_in_use(SkullStripPlan("hd_bet"), tmp_path)
    put_weights(tmp_path)
    assert stripper_in_use(PLAN, tmp_path).startswith("hd_bet ")


def test_no_stripper_takes_what_is_not_zero_and_fills_the_holes() -> None:
    volume = make_volume(stripped=True)
    brain = volume.array > 0
    scored = np.where(brain, volume.array - 100, 0)
    scored[11:13, 13:16, 12:14] = 0
    mask = NoStripper().brain_mask(volume.with_array(scored))
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, brain)
    assert not NoStripper().brain_mask(volume.with_array(np.zeros_like(scored))).any()


def test_a_given_mask_is_taken_in_world_space() -> None:
    image = make_volume((12, 16, 14), (3.0, 1.0, 1.5), origin_xyz_mm=(5.0, -7.0, 2.0))
    # The same world, the axes stored in another order and one of them backwards.
    turned = Volume.from_sitk(sitk.DICOMOrient(image.to_sitk(), "PIR"))
    mask = GivenMaskStripper(turned.with_array((turned.array > 50) * 7.0)).brain_mask(image)
    np.testing.assert_array_equal(mask, image.array > 50)


def test_a_given_mask_that_does_not_touch_the_scan_fails() -> None:
    image = make_volume()
    elsewhere = replace(image, origin_xyz_mm=(500.0, 0.0, 0.0))
    with pytest.raises(CaseFailedError, match="does not touch the scan"):
        GivenMaskStripper(elsewhere).brain_mask(image)
