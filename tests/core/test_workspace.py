from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.core.errors import DatasetError, MissingStageError, SettingError
from rnnet.core.workspace import FoldLayout, ResultsLayout, Workspace, find_image, find_image_if_there, trained_folds


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.under(tmp_path)
    for name in ("Dataset001_MOLAB", "Dataset002_Pool", "notes", "Dataset1_Short"):
        (made.raw / name).mkdir(parents=True)
    (made.preprocessed / "Dataset003_Old").mkdir(parents=True)
    return made


def test_a_data_set_is_found_by_number_and_by_name(workspace: Workspace) -> None:
    for given in (1, "1", "001", "Dataset001_MOLAB"):
        assert workspace.dataset_name(given) == "Dataset001_MOLAB"
    assert workspace.dataset_name(3) == "Dataset003_Old"  # preprocessed elsewhere, raw data not at hand


def test_an_unknown_data_set_gets_a_suggestion_or_the_list(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no data set 'Dataset001_MOLABB'") as caught:
        workspace.dataset_name("Dataset001_MOLABB")
    assert caught.value.fix == "Did you mean 'Dataset001_MOLAB'?"
    with pytest.raises(DatasetError, match="no data set '7'") as caught:
        workspace.dataset_name(7)
    assert "Dataset001_MOLAB, Dataset002_Pool, Dataset003_Old" in caught.value.fix
    with pytest.raises(DatasetError) as caught:
        Workspace.under(tmp_path / "empty").dataset_name(1)
    assert "no DatasetNNN_Name" in caught.value.fix


def test_two_data_sets_of_one_number_are_refused(workspace: Workspace) -> None:
    (workspace.raw / "Dataset001_Twin").mkdir()
    with pytest.raises(DatasetError, match="number 1: Dataset001_MOLAB, Dataset001_Twin"):
        workspace.dataset_name(1)
    assert workspace.dataset_name("Dataset001_Twin") == "Dataset001_Twin"


def test_the_root_argument_comes_before_the_environment(tmp_path: Path) -> None:
    environment = {"rnnet_raw": "/a", "rnnet_preprocessed": "/b", "rnnet_results": "/c", "rnnet_root": "/d"}
    assert Workspace.from_settings(tmp_path, environment).raw == tmp_path / "rnnet_raw"
    found = Workspace.from_settings(None, environment)
    assert (found.raw, found.preprocessed, found.results) == (Path("/a"), Path("/b"), Path("/c"))


def test_the_root_variable_fills_what_is_not_set(tmp_path: Path) -> None:
    found = Workspace.from_settings(None, {"rnnet_root": str(tmp_path), "rnnet_raw": "/a"})
    assert (found.raw, found.results) == (Path("/a"), tmp_path / "rnnet_results")


def test_missing_variables_are_named_with_the_ways_out() -> None:
    with pytest.raises(DatasetError, match="rnnet_preprocessed is not set") as caught:
        Workspace.from_settings(None, {"rnnet_raw": "/a"})
    assert "--root DIR" in caught.value.fix


def test_an_image_is_found_with_another_ending(tmp_path: Path) -> None:
    assert find_image(tmp_path, "a_0000", ".nii.gz") == tmp_path / "a_0000.nii.gz"
    (tmp_path / "a_0000.mha").touch()
    assert find_image(tmp_path, "a_0000", ".nii.gz") == tmp_path / "a_0000.mha"
    (tmp_path / "a_0000.nii.gz").touch()
    assert find_image(tmp_path, "a_0000", ".nii.gz") == tmp_path / "a_0000.nii.gz"


def test_trained_folds_are_those_with_a_model_in_order(tmp_path: Path) -> None:
    results = ResultsLayout(tmp_path, "rnnet_plans")
    with pytest.raises(MissingStageError, match="No fold of 'ssl_vit' is trained") as caught:
        trained_folds(results, "ssl_vit", "rnnet_train 1 0")
    assert caught.value.fix == "Run rnnet_train 1 0."
    for fold in ("10", "2", "all", "3"):
        results.fold("ssl_vit", fold).folder.mkdir(parents=True)
    for fold in ("10", "2", "all"):
        results.fold("ssl_vit", fold).checkpoint_best.touch()
    assert trained_folds(results, "ssl_vit", "rnnet_train 1 0") == ["2", "10"]


def test_no_two_files_of_a_fold_share_a_name(tmp_path: Path) -> None:
    layout = FoldLayout(tmp_path)
    paths = [getattr(layout, n) for n, v in vars(FoldLayout).items() if isinstance(v, property)]
    assert len(set(paths)) == len(paths) > 4
    assert layout.predictions("test") != layout.predictions("validation")


def test_the_folder_of_weights_may_come_from_the_argument_or_else_from_the_environment(tmp_path: Path) -> None:
    environment = {"rnnet_hd_bet_weights": "/shared/hd_bet", "HOME": "/home/me"}
    found = Workspace.from_settings(tmp_path, environment)
    assert (found.hd_bet_weights, found.hd_bet_cache) == (Path("/shared/hd_bet"), Path("/home/me/hd-bet_params"))
    assert Workspace.from_settings(tmp_path, environment, hd_bet_weights=tmp_path).hd_bet_weights == tmp_path
    assert Workspace.from_settings(None, {"rnnet_root": str(tmp_path)}).hd_bet_weights is None


def test_folds_come_in_the_order_of_their_numbers_and_those_with_predictions_can_be_asked_for(tmp_path: Path) -> None:
    results = ResultsLayout(tmp_path, "default")
    assert results.folds("ssl_vit") == results.validated_folds("ssl_vit") == ()
    for name in ("all", "10", "2", "0"):
        results.fold("ssl_vit", name).folder.mkdir(parents=True)
    results.fold("resnet50", 1).folder.mkdir(parents=True)
    (results.config("ssl_vit") / "fold_3").touch()
    assert [fold.name for fold in results.folds("ssl_vit")] == ["0", "2", "10", "all"]
    for name in ("all", "10"):
        results.fold("ssl_vit", name).predictions("validation").touch()
    assert results.validated_folds("ssl_vit") == (results.fold("ssl_vit", 10),)


def test_an_image_that_may_be_absent_is_none_then(tmp_path: Path) -> None:
    assert find_image_if_there(tmp_path, "P001", ".nii.gz") is None
    (tmp_path / "P001.nrrd").touch()
    assert find_image_if_there(tmp_path, "P001", ".nii.gz") == tmp_path / "P001.nrrd"


def test_a_number_that_is_taken_is_refused(tmp_path):
    workspace = Workspace.under(tmp_path)
    workspace.raw_dataset("Dataset001_Toy").folder.mkdir(parents=True)
    with pytest.raises(DatasetError, match="number 1 already: Dataset001_Toy"):
        workspace.new_raw_dataset(1, "Other")
    (workspace.results / "Dataset004_Old").mkdir(parents=True)
    with pytest.raises(DatasetError, match="Dataset004_Old"):
        workspace.new_raw_dataset(4, "Other")


def test_a_number_that_was_begun_under_the_same_name_can_be_gone_on_with(tmp_path):
    workspace = Workspace.under(tmp_path)
    layout = workspace.raw_dataset("Dataset001_Toy")
    layout.folder.mkdir(parents=True)
    assert workspace.new_raw_dataset(1, "Toy", begun=True) == layout
    with pytest.raises(DatasetError, match="already"):
        workspace.new_raw_dataset(1, "Toy")


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (1000, "A"), (5, "a/b"), (5, ""), (5, "a b")])
def test_names_that_no_data_set_can_have_are_refused(tmp_path, number, name):
    with pytest.raises(SettingError, match="cannot be the name"):
        Workspace.under(tmp_path).new_raw_dataset(number, name)
