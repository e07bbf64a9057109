from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet.core.errors import MissingWeightsError
from rnnet.core.workspace import Workspace
from rnnet.preprocessing.skull_strip.weights import RELEASE, find_hd_bet_weights, hd_bet_folder, hd_bet_weights
from tests.preprocessing.weights import put_weights


def test_weights_are_found_in_the_folder_and_in_its_release(tmp_path: Path) -> None:
    assert hd_bet_weights(None) is None
    assert hd_bet_weights(tmp_path / "absent") is None
    inside = put_weights(tmp_path / "parent" / RELEASE)
    assert hd_bet_weights(tmp_path / "parent") == inside
    assert hd_bet_weights(inside) == inside


@pytest.mark.parametrize("missing", ["dataset.json", "plans.json", "fold_all/checkpoint_final.pth"])
def test_half_a_model_is_none(tmp_path: Path, missing: str) -> None:
    (put_weights(tmp_path) / missing).unlink()
    assert hd_bet_weights(tmp_path) is None


def test_the_users_folder_comes_before_the_cache_and_the_cache_before_hd_bets_own(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path, hd_bet_cache=tmp_path / "hd-bet_params")
    assert find_hd_bet_weights(workspace) is None
    own = put_weights(tmp_path / "hd-bet_params" / RELEASE)
    assert find_hd_bet_weights(workspace) == own
    cached = put_weights(hd_bet_folder(workspace.cache) / RELEASE)
    assert find_hd_bet_weights(workspace) == cached
    given = put_weights(tmp_path / "given")
    assert find_hd_bet_weights(replace(workspace, hd_bet_weights=given)) == given


def test_a_folder_that_the_user_names_is_not_replaced_by_another(tmp_path: Path) -> None:
    workspace = Workspace.under(tmp_path, hd_bet_weights=tmp_path / "mistyped")
    put_weights(hd_bet_folder(workspace.cache) / RELEASE)
    with pytest.raises(MissingWeightsError) as caught:
        find_hd_bet_weights(workspace)
    assert caught.value.where == str(tmp_path / "mistyped")
    assert "plans.json" in caught.value.fix
