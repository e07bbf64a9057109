from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError, MissingWeightsError, UnknownComponentError
from rnnet.planning.plan import SkullStripPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.skull_strip.mask import GivenMaskStripper
from rnnet.preprocessing.skull_strip.none import NoStripper
from rnnet.preprocessing.skull_strip.table import (
    LARGEST_BRAIN_MM3,
    STRIPPERS,
    choose_stripper,
    explain_auto,
    looks_stripped,
    stripper_in_use,
)
from rnnet.preprocessing.skull_strip.weights import CHECKPOINT
from tests.factories import make_plan, make_volume
from tests.preprocessing.weights import put_weights

PLAN = SkullStripPlan()


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


def test_an_unknown_stripper_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownComponentError, match="deepbett") as caught:
        choose_stripper(SkullStripPlan("deepbett"), stripped=False, weights_folder=None)
    assert caught.value.fix == "Did you mean 'deepbet'?"
    assert "skull_strip.stripper" in caught.value.where


@pytest.mark.parametrize("name", list(STRIPPERS))
def test_every_stripper_carries_the_name_it_is_chosen_by(name: str) -> None:
    assert choose_stripper(SkullStripPlan(name), stripped=False, weights_folder=None).name == name


def test_the_stripper_in_use_is_named_with_its_version_and_missing_weights_are_an_error(tmp_path: Path) -> None:
    assert stripper_in_use(SkullStripPlan("none"), None) == "none"
    name, version = stripper_in_use(PLAN, tmp_path).split()
    assert (name, version[0].isdigit()) == ("deepbet", True)
    with pytest.raises(MissingWeightsError):
        stripper_in_use(SkullStripPlan("hd_bet"), tmp_path)
    put_weights(tmp_path)
    assert stripper_in_use(PLAN, tmp_path).startswith("hd_bet ")
    assert stripper_in_use(SkullStripPlan("mask"), tmp_path) == "mask"


def test_other_weights_are_another_stripper(tmp_path: Path) -> None:
    first = stripper_in_use(PLAN, put_weights(tmp_path))
    (tmp_path / CHECKPOINT).write_bytes(b"trained longer")
    assert stripper_in_use(PLAN, tmp_path) != first


@pytest.mark.parametrize(("plan", "stripped"), [("auto", False), ("auto", True), ("mask", False), ("mask", True)])
def test_a_brain_mask_of_the_scans_own_comes_first(plan: str, stripped: bool, tmp_path: Path) -> None:
    mask = make_volume()
    chosen = choose_stripper(SkullStripPlan(plan), stripped=stripped, weights_folder=put_weights(tmp_path),
                             brain_mask=mask)
    assert isinstance(chosen, GivenMaskStripper)
    assert chosen.mask is mask


def test_a_stripper_that_is_asked_for_by_name_overrules_a_brain_mask() -> None:
    chosen = choose_stripper(SkullStripPlan("deepbet"), stripped=False, weights_folder=None, brain_mask=make_volume())
    assert chosen.name == "deepbet"


@pytest.mark.parametrize("stripped", [False, True])
def test_the_stripper_mask_fails_for_a_scan_without_one(stripped: bool) -> None:
    chosen = choose_stripper(SkullStripPlan("mask"), stripped=stripped, weights_folder=None)
    with pytest.raises(CaseFailedError, match="no brain mask") as caught:
        chosen.brain_mask(make_volume())
    assert "brainsTr" in caught.value.fix


def test_the_plan_says_what_auto_comes_to_here(tmp_path: Path) -> None:
    plan = explain_auto(make_plan(), tmp_path)
    (reason,) = plan.rationale
    assert reason.path == "preprocessing.skull_strip.stripper"
    assert reason.inputs["on this machine"].startswith("deepbet ")
    assert reason.inputs["on this machine"].endswith("HD-BET's weights are absent")
    there = explain_auto(plan, put_weights(tmp_path))
    assert len(there.rationale) == 1
    assert there.rationale[0].inputs["on this machine"].startswith("hd_bet ")
    # The folder of the preprocessed scans does not hang on the machine that planned.
    assert there.data_identifier == make_plan().data_identifier


def test_a_stripper_that_the_user_set_keeps_its_reason(tmp_path: Path) -> None:
    plan = make_plan("preprocessing.skull_strip.stripper=hd_bet")
    assert explain_auto(plan, tmp_path) == plan


def test_no_stripper_takes_what_is_not_zero_and_fills_the_holes() -> None:
    volume = make_volume(stripped=True)
    brain = volume.array > 0
    scored = np.where(brain, volume.array - 100, 0)
    scored[11:13, 13:16, 12:14] = 0
    mask = NoStripper().brain_mask(volume.with_array(scored))
    assert mask.dtype == bool
    np.testing.assert_array_equal(mask, brain)
    assert not NoStripper().brain_mask(volume.with_array(np.zeros_like(scored))).any()
