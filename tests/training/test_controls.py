from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnet.core.errors import SettingError, StaleArtefactError
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import read_predictions
from rnnet.networks.classifier import build_classifier
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.controls import (
    centered_ball,
    check_control,
    controlled_plan,
    controlled_reader,
    controlled_training_cases,
)
from rnnet.training.finetune import run_finetuning
from rnnet.training.predict import load_classifier, predict_cases
from tests.factories import make_cases, make_plan
from tests.training.crops import EDGE, read_case
from tests.training.histories import read_history

TRAIN = make_cases(8, 2)
VALIDATION = make_cases(2, 1, prefix="V")
FAST = make_plan("finetune.epochs=1", "network.drop_path=0.0")


def run(folder: Path, control: str, *, resume: bool = False) -> FoldLayout:
    layout = FoldLayout(folder)
    run_finetuning(
        FAST, config="vit_scratch", fold_name="0", train_cases=TRAIN, validation_cases=VALIDATION, test_cases=(),
        read_case=read_case, layout=layout, device="cpu", pretrained=None, resume=resume, show_progress=False,
        control=control,
    )
    return layout


def test_shuffled_labels_keep_the_counts_and_are_not_the_true_ones() -> None:
    dealt = controlled_training_cases(TRAIN, "shuffled_labels", seed=0, name="a")
    assert [replace(c, outcome=None) for c in dealt] == [replace(c, outcome=None) for c in TRAIN]
    assert Counter(c.outcome for c in dealt) == Counter(c.outcome for c in TRAIN)
    assert [c.outcome for c in dealt] != [c.outcome for c in TRAIN]


def test_shuffled_labels_of_one_patient_stay_together_where_all_have_as_many_lesions() -> None:
    dealt = controlled_training_cases(TRAIN, "shuffled_labels", seed=0, name="a")
    assert all(a.outcome == b.outcome for a, b in zip(dealt[::2], dealt[1::2], strict=True))


def test_seed_and_run_draw_the_shuffle() -> None:
    drawn = [
        [c.outcome for c in controlled_training_cases(make_cases(20, 1), "shuffled_labels", seed=s, name=n)]
        for s, n in ((0, "a"), (0, "a"), (1, "a"), (0, "b"))
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] not in drawn[2:]


@pytest.mark.parametrize("control", ["", "mask_only", "volume_only", "random_encoder"])
def test_other_controls_learn_the_true_outcomes(control: str) -> None:
    assert controlled_training_cases(TRAIN, control, seed=0, name="a") == TRAIN


def test_the_mask_alone_is_left_of_mask_only() -> None:
    crop, real = controlled_reader(read_case, "mask_only")(TRAIN[0]), read_case(TRAIN[0])
    assert not crop.array[0].any()
    assert np.array_equal(crop.array[1], real.array[1])
    assert crop.array.dtype == np.float32


def test_the_volume_alone_is_left_of_volume_only() -> None:
    read = controlled_reader(read_case, "volume_only")
    crops = [read(case).array for case in TRAIN]
    assert not any(crop[0].any() for crop in crops)
    for case, crop in zip(TRAIN, crops, strict=True):
        volume = int(read_case(case).array[1].sum())
        assert int(crop[1].sum()) == volume
        assert np.array_equal(crop[1], centered_ball((EDGE,) * 3, volume))


def test_the_ball_lies_in_the_middle_and_is_round() -> None:
    ball = centered_ball((9, 9, 9), 33)  # all voxels within two of the middle
    grid = np.indices((9, 9, 9)) - 4
    assert np.array_equal(ball > 0, (grid**2).sum(axis=0) <= 4)


@pytest.mark.parametrize("control", ["", "shuffled_labels", "random_encoder"])
def test_controls_that_are_not_about_the_input_leave_it_as_it_is(control: str) -> None:
    assert controlled_reader(read_case, control) is read_case


def test_a_configuration_without_mask_has_no_control_of_it() -> None:
    check_control("shuffled_labels", "ssl_vit_t1ce")
    with pytest.raises(SettingError, match="mask"):
        check_control("mask_only", "ssl_vit_t1ce")


def test_a_random_resnet_is_no_control() -> None:
    check_control("random_encoder", "vit_scratch")
    with pytest.raises(SettingError, match="batch normalisation"):
        check_control("random_encoder", "resnet50")


@pytest.fixture(scope="module")
def mask_only(tmp_path_factory: pytest.TempPathFactory) -> FoldLayout:
    return run(tmp_path_factory.mktemp("mask_only"), "mask_only")


def test_prediction_with_a_stored_control_changes_the_input_as_training_did(mask_only: FoldLayout) -> None:
    model, info = load_classifier(mask_only.checkpoint_best, "cpu")
    assert info.control == "mask_only"
    bright = [replace(c, outcome=o) for c in VALIDATION for o in ("progression", "radiation_necrosis")]
    said = predict_cases(model, info, bright, read_case, mirror_tta=False, show_progress=False)
    # The made-up image shows the outcome; the control does not see it.
    assert [p.logit for p in said[::2]] == pytest.approx([p.logit for p in said[1::2]])


def test_the_predictions_of_a_control_carry_its_name(mask_only: FoldLayout) -> None:
    path = mask_only.predictions("validation")
    assert "control" in path.read_text(encoding="utf-8").splitlines()[0]
    assert len(read_predictions(path, control="mask_only")) == len(VALIDATION)


def test_a_control_does_not_go_on_from_the_checkpoint_of_the_model_itself(mask_only: FoldLayout) -> None:
    with pytest.raises(StaleArtefactError, match="negative control changed"):
        run(mask_only.folder, "", resume=True)


def test_a_random_encoder_stays_as_it_was_drawn_and_its_head_learns(tmp_path: Path) -> None:
    layout = run(tmp_path, "random_encoder")
    before = load_classifier(layout.checkpoint_best, "cpu")[0].state_dict()
    drawn = build_classifier(FAST, config="vit_scratch").state_dict()
    assert all(torch.equal(before[n], drawn[n]) for n in drawn if n.startswith("encoder."))
    assert any(not torch.equal(before[n], drawn[n]) for n in drawn if n.startswith("head."))
    # As many epochs as the model itself takes: one of the probe, one of fine-tuning.
    assert len(read_history(layout.metrics_jsonl)) == 2
    assert read_checkpoint(layout.checkpoint_best, made_by="rnnet_train").inputs["negative control"] == "random_encoder"


def test_no_true_outcome_chooses_the_epoch_of_shuffled_labels() -> None:
    plan = make_plan("finetune.select_best_by=auc")
    assert controlled_plan(plan, "shuffled_labels").finetune.select_best_by == "last"
    assert controlled_plan(plan, "mask_only") == plan
