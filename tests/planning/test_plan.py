from __future__ import annotations

import json
from pathlib import Path

import pytest

from rnnet.core.errors import FileFormatError, MissingStageError, SettingError
from rnnet.planning.plan import read_plan, with_settings, write_plan
from tests.factories import make_plan


def test_a_setting_changes_its_field_and_is_recorded() -> None:
    plan = with_settings(make_plan(), ["finetune.epochs=50", "finetune.epochs=60", "pretrain.objective=paper"])
    assert (plan.finetune.epochs, plan.pretrain.objective) == (60, "paper")
    assert [(c.path, c.value, c.rule) for c in plan.rationale] == [
        ("finetune.epochs", 60, "set by the user"), ("pretrain.objective", "paper", "set by the user"),
    ]


def test_lists_numbers_and_switches_are_parsed() -> None:
    plan = with_settings(make_plan(), [
        "fusion.hidden=[8,4]", "pretrain.learning_rate=1", "preprocessing.bias_field.enabled=true",
        "pretrain.corruption.hole_edge_share=[0.1,0.2]",
    ])
    assert plan.fusion.hidden == (8, 4)
    assert plan.pretrain.learning_rate == 1.0
    assert plan.preprocessing.bias_field.enabled
    assert plan.pretrain.corruption.hole_edge_share == (0.1, 0.2)


@pytest.mark.parametrize(("setting", "message"), [
    ("finetune.epochs", "not of the form path=value"),
    ("finetune.epoch=3", "no field 'finetune.epoch'. Did you mean 'epochs'?"),
    ("fintune.epochs=3", "no field 'fintune.epochs'. Did you mean 'finetune'?"),
    ("seed.x=3", "'seed' has no parts"),
    ("seed.a.bad=3", "no field 'seed.a.bad': 'seed' has no parts"),
    ("rationale=[]", "no field 'rationale'. Known: channels"),
    ("finetune=3", "'finetune' is a group of fields. Set one of its parts: epochs"),
    ("finetune.epochs=many", "'finetune.epochs' must be a whole number. Got 'many' instead"),
    ("finetune.epochs=2.5", "'finetune.epochs' must be a whole number"),
    ("finetune.mirror_tta=1", "'finetune.mirror_tta' must be true or false"),
    ("pretrain.objective=mean", "'pretrain.objective' must be one of 'sum', 'paper'"),
    ("pretrain.corruption.hole_edge_share=[0.1]", "'pretrain.corruption.hole_edge_share' must be a list of 2 values"),
    ("pretrain.batch_size=0", "'pretrain.batch_size' must be above 0"),
    ("pretrain.views.shift_vox=-1", "'pretrain.views.shift_vox' must be at least 0"),
    ("pretrain.views.shift_vox=1000", "'pretrain.views.shift_vox' must be at most half of crop.edge_vox"),
    ("pretrain.views.scaling=1", "'pretrain.views.scaling' must be at least 0 and below 1"),
    ("pretrain.masked_token_share=1.5", "'pretrain.masked_token_share' must be from 0 to 1"),
    ("finetune.label_share=0", "'finetune.label_share' must be above 0 and at most 1"),
    ("network.pooling=class_token", "'network.pooling' is class_token, and there is none"),
    ("n_folds=1", "'n_folds' must be at least 2"),
    ("crop.edge_vox=20", "must be a multiple of network.token_edge_vox"),
    ("finetune.epochs=-3", "'finetune.epochs' must be at least 0"),
    ("finetune.probe_epochs=-4", "'finetune.probe_epochs' must be at least 0"),
    ("finetune.probe_learning_rate=-1", "'finetune.probe_learning_rate' must be above 0"),
    ("finetune.layer_decay=0", "'finetune.layer_decay' must be above 0 and at most 1"),
    ("pretrain.projection_width=0", "'pretrain.projection_width' must be above 0"),
    ("pretrain.warmup_share=-2", "'pretrain.warmup_share' must be from 0 to 1"),
    ("network.heads=5", "must be a multiple of network.heads"),
    ('channels=["T1CE"]', "the image and the lesion mask"),
    ("positive_outcome=progression", "must differ"),
])
def test_a_wrong_setting_is_named_with_its_path(setting: str, message: str) -> None:
    with pytest.raises(SettingError) as caught:
        with_settings(make_plan(), [setting])
    assert message in str(caught.value)


@pytest.mark.parametrize("order", [1, -1])
def test_settings_are_judged_together_so_that_their_order_does_not_matter(order: int) -> None:
    settings = ["network.width=128", "network.heads=4", "crop.edge_vox=48", "network.token_edge_vox=24"][::order]
    plan = with_settings(make_plan("network.heads=3", "network.width=24"), settings)
    assert (plan.network.width, plan.crop.edge_vox) == (128, 48)


def test_a_plan_survives_the_file(tmp_path: Path) -> None:
    plan = make_plan("finetune.epochs=3")
    write_plan(tmp_path / "plan.json", plan, inputs={"a": "b"})
    assert read_plan(tmp_path / "plan.json") == plan


@pytest.mark.parametrize(("old", "new", "message"), [
    ('"width": 24', '"width": "wide"', "'network.width' must be a whole number. Got 'wide' instead"),
    ('"width": 24', '"wdith": 24', "Unknown field 'network.wdith'. "),
    ('"width": 24', '"width": 25', "must be a multiple of network.heads"),
    ('"schema_version": 1', '"schema_version": 9', "Schema version 9 is not 1"),
    ('"seed": 0,', '"seed": 0', "Not valid JSON"),
])
def test_a_wrong_edit_of_the_file_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "plan.json"
    write_plan(path, make_plan(), inputs={})
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(FileFormatError) as caught:
        read_plan(path)
    assert message.strip() in str(caught.value)
    assert caught.value.where == str(path)


def test_a_missing_plan_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError) as caught:
        read_plan(tmp_path / "plan.json")
    assert "rnnet_plan_experiment" in caught.value.fix


def test_only_the_preprocessing_decides_about_the_folder_of_the_scans() -> None:
    plan = make_plan()
    assert with_settings(plan, ["finetune.epochs=9"]).data_identifier == plan.data_identifier
    changed = with_settings(plan, ["preprocessing.normalize.upper_quantile=0.99"])
    assert changed.data_identifier != plan.data_identifier


def test_the_file_can_be_read_by_others(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", make_plan(), inputs={"fingerprint": "abc"})
    document = json.loads((tmp_path / "plan.json").read_text())
    assert document["inputs"] == {"fingerprint": "abc"}
    assert document["network"]["width"] == 24
