from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from rnnet.core.codec import artefact_inputs, read_artefact
from rnnet.core.errors import DatasetError, LeakageError, MissingStageError, SettingError
from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionCase, LesionPrediction
from rnnet.core.workspace import FoldLayout
from rnnet.evaluation.predictions import read_predictions
from rnnet.networks.classifier import build_classifier
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import read_checkpoint, write_checkpoint
from rnnet.training.classify_task import ClassifyTask, LabelledCrops
from rnnet.training.finetune import run_finetuning
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.loader import load_crops
from rnnet.training.predict import load_classifier, predict_cases, validate_fold
from rnnet.training.pretrain import run_pretraining
from rnnet.training.step import take_step
from tests.factories import OUTCOMES, make_cases, make_plan
from tests.training.crops import read_case
from tests.training.histories import read_history

TRAIN = make_cases(8, 1)
VALIDATION = make_cases(4, 1, prefix="V")
TEST = (*make_cases(2, 1, split="test", prefix="T"), *make_cases(1, 1, split="test", prefix="U", outcomes=(None,)))
FAST = make_plan("finetune.epochs=2", "network.drop_path=0.0")


def run(
    folder: Path, *, plan: ExperimentPlan = FAST, config: str = "vit_scratch", train: Sequence[LesionCase] = TRAIN,
    validation: Sequence[LesionCase] = VALIDATION, test: Sequence[LesionCase] = TEST, fold_name: str = "0",
    pretrained: Path | None = None, resume: bool = False, seed: int | None = None,
    stop_requested: Callable[[], bool] | None = None, allow_leakage: bool = False,
) -> FoldLayout:
    layout = FoldLayout(folder)
    run_finetuning(
        plan, config=config, fold_name=fold_name, train_cases=train, validation_cases=validation, test_cases=test,
        read_case=read_case, layout=layout, device="cpu", pretrained=pretrained, resume=resume, seed=seed,
        show_progress=False, stop_requested=stop_requested, allow_leakage=allow_leakage,
    )
    return layout


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrain")
    return run_pretraining(
        make_plan("pretrain.epochs=1"), TRAIN, read_case, layout=FoldLayout(folder),
        final_checkpoint=folder / "checkpoint_final.pth", device="cpu", resume=False, show_progress=False,
    )


def logits(layout: FoldLayout, subset: str) -> list[float]:
    return [p.logit for p in read_predictions(layout.predictions(subset))]


def auc(predictions: Sequence[LesionPrediction]) -> float:
    return float(roc_auc_score([p.outcome for p in predictions], [p.logit for p in predictions]))


def test_lesions_that_differ_in_brightness_are_told_apart(tmp_path: Path) -> None:
    plan = make_plan("finetune.epochs=15", "finetune.learning_rate=0.003", "network.drop_path=0.0",
                     "finetune.intensity_augmentation=false")
    layout = run(tmp_path, plan=plan)
    model, info = load_classifier(layout.checkpoint_best, "cpu")
    fitted = predict_cases(model, info, TRAIN, read_case, mirror_tta=False, show_progress=False)
    assert auc(fitted) > 0.9
    assert auc(read_predictions(layout.predictions("validation"))) > 0.9
    rows = read_history(layout.metrics_jsonl)
    assert len(rows) == 15
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    best = [row["epoch"] for row in rows if row["is_best"]][-1]
    losses = [row["validation_loss"] for row in rows]
    assert losses[int(best) - 1] == min(losses)
    assert info.epoch == best


def test_a_fold_leaves_every_file(tmp_path: Path, pretrained: Path) -> None:
    layout = run(tmp_path, config="ssl_vit", pretrained=pretrained)
    assert layout.progress_png.stat().st_size > 10_000
    assert artefact_inputs(layout.run_json, made_by="rnnet_train").keys() == {
        "training cases", "validation cases", "pretrained encoder"
    }
    validation, test = (read_predictions(layout.predictions(s)) for s in ("validation", "test"))
    assert [p.case_id for p in validation] == [c.case_id for c in VALIDATION]
    assert [p.outcome for p in validation] == [int(c.outcome == OUTCOMES[1]) for c in VALIDATION]
    assert [(p.case_id, p.split, p.outcome) for p in test] == [
        ("T000_s1_1", "test", 0), ("T001_s1_1", "test", 1), ("U000_s1_1", "test", None)
    ]
    # One probe epoch with the encoder frozen comes before the two epochs of the plan.
    rows = read_history(layout.metrics_jsonl)
    assert len(rows) == 3
    checkpoint = read_checkpoint(layout.checkpoint_best, made_by="rnnet_train")
    assert checkpoint.kind == "classifier"
    assert checkpoint.positive_outcome == "radiation_necrosis"
    pretrained_on = read_checkpoint(pretrained, made_by="rnnet_pretrain").patients_seen
    seen = {f"{FAST.dataset}/{c.patient_id}" for c in (*TRAIN, *VALIDATION)}
    assert set(checkpoint.patients_seen) == seen | {f"{FAST.dataset}/{patient}" for patient in pretrained_on}
    assert checkpoint.leaks == ()


def test_the_encoder_rests_during_the_linear_probe(tmp_path: Path, pretrained: Path) -> None:
    plan = make_plan("finetune.epochs=0", "finetune.probe_epochs=2")
    layout = run(tmp_path, plan=plan, config="ssl_vit", pretrained=pretrained)
    before = read_checkpoint(pretrained, made_by="rnnet_pretrain").model
    after = read_checkpoint(layout.checkpoint_latest, made_by="rnnet_train").model
    encoder = [name for name in after if name.startswith("encoder.")]
    assert encoder
    assert all(torch.equal(after[name], before[name]) for name in encoder)
    assert after["head.linear.bias"].abs().max() > 0


def test_the_image_only_configuration_ignores_the_mask(tmp_path: Path, pretrained: Path) -> None:
    layout = run(tmp_path, config="ssl_vit_t1ce", pretrained=pretrained)
    model, info = load_classifier(layout.checkpoint_best, "cpu")
    assert info.channels == (0,)

    def without_mask(case: LesionCase) -> object:
        crop = read_case(case)
        return replace(crop, array=np.stack([crop.array[0], 0 * crop.array[1]]))

    results = [predict_cases(model, info, TEST, read, mirror_tta=True, show_progress=False)
               for read in (read_case, without_mask)]  # type: ignore[list-item]
    assert results[0] == results[1]


def test_the_last_epoch_is_kept_where_the_plan_says_so(tmp_path: Path) -> None:
    layout = run(tmp_path, plan=make_plan("finetune.epochs=3", "finetune.select_best_by=last"))
    best, last = (read_checkpoint(p, made_by="rnnet_train") for p in (layout.checkpoint_best, layout.checkpoint_latest))
    assert best.epoch == 3
    assert all(torch.equal(best.model[name], last.model[name]) for name in last.model)
    rows = read_history(layout.metrics_jsonl)
    assert all("validation_loss" in row and "is_best" not in row for row in rows)


def test_a_batch_in_parts_trains_as_the_whole_batch(tmp_path: Path) -> None:
    settings = ("finetune.epochs=1", "network.drop_path=0.0", "finetune.mixup_alpha=0.4")
    whole, parts = (
        run(tmp_path / str(n), plan=make_plan(*settings, f"finetune.accumulate_steps={n}")) for n in (1, 3)
    )
    assert logits(parts, "validation") == pytest.approx(logits(whole, "validation"), abs=0.02)
    assert read_history(parts.metrics_jsonl)[0]["train_loss"] == pytest.approx(
        read_history(whole.metrics_jsonl)[0]["train_loss"], rel=0.01
    )


def test_without_validation_cases_the_last_epoch_is_kept(tmp_path: Path) -> None:
    layout = run(tmp_path, validation=(), fold_name="all")
    best, last = (read_checkpoint(p, made_by="rnnet_train") for p in (layout.checkpoint_best, layout.checkpoint_latest))
    assert best.epoch == 2
    assert all(torch.equal(best.model[name], last.model[name]) for name in last.model)
    assert len(logits(layout, "test")) == len(TEST)
    assert not layout.predictions("validation").exists()


@pytest.mark.parametrize(("config", "stop", "epoch"), [
    ("vit_scratch", 3, 2), ("resnet50", 3, 2), ("ssl_vit", 1, 1), ("ssl_vit", 4, 2), ("ssl_vit", 6, 3),
])
def test_an_interrupted_and_resumed_fold_equals_an_uninterrupted_one(
    config: str, stop: int, epoch: int, pretrained: Path, tmp_path: Path
) -> None:
    """Of ssl_vit the first two epochs train the last layer alone."""
    plan = make_plan("finetune.epochs=3", "network.drop_path=0.2", "finetune.ema_decay=0.8", "finetune.mixup_alpha=0.3",
                     "finetune.probe_epochs=2")
    asked = iter(range(1, 100))
    encoder = pretrained if config == "ssl_vit" else None
    whole = run(tmp_path / "whole", plan=plan, config=config, pretrained=encoder)
    with pytest.raises(TrainingInterruptedError, match=f"epoch {epoch} "):
        run(tmp_path / "cut", plan=plan, config=config, pretrained=encoder, stop_requested=lambda: next(asked) >= stop)
    assert not FoldLayout(tmp_path / "cut").predictions("test").exists()
    cut = run(tmp_path / "cut", plan=plan, config=config, pretrained=encoder, resume=True)
    for subset in ("validation", "test"):
        assert cut.predictions(subset).read_bytes() == whole.predictions(subset).read_bytes()
    assert [r["validation_loss"] for r in read_history(cut.metrics_jsonl)] == [
        r["validation_loss"] for r in read_history(whole.metrics_jsonl)
    ]


def test_a_resumed_run_whose_best_weights_are_gone_says_so_before_it_trains(tmp_path: Path) -> None:
    asked = iter(range(100))
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_requested=lambda: next(asked) >= 2)
    layout = FoldLayout(tmp_path)
    rows = len(read_history(layout.metrics_jsonl))
    assert rows >= 1
    layout.checkpoint_best.unlink()
    with pytest.raises(MissingStageError, match=r"best weights is not there.*without --continue"):
        run(tmp_path, resume=True)
    assert len(read_history(layout.metrics_jsonl)) == rows


def test_a_skipped_step_leaves_the_batch_statistics_as_they_were() -> None:
    crops = load_crops(TRAIN[:2], read_case, device=torch.device("cpu"), dtype=torch.float32, show_progress=False)
    task = ClassifyTask(
        FAST, build_classifier(FAST, config="resnet50"), LabelledCrops(crops, torch.tensor([0, 1])), validation=None,
        channels=(0, 1), probe_epochs=0, name="x", precision="float32",
    )
    task.begin_epoch(0)
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    crops.images[0, 0, 0, 0] = float("nan")
    assert take_step(task, torch.tensor([0, 1]), 0, 0) is None
    for name, value in task.model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_the_average_of_the_weights_is_what_is_kept(tmp_path: Path) -> None:
    plan = make_plan("finetune.epochs=2", "finetune.ema_decay=0.9")
    layout = run(tmp_path, plan=plan, validation=(), fold_name="all")
    kept, trained = (
        read_checkpoint(p, made_by="rnnet_train").model for p in (layout.checkpoint_best, layout.checkpoint_latest)
    )
    assert kept.keys() == trained.keys()
    assert not torch.equal(kept["head.linear.weight"], trained["head.linear.weight"])


def test_seed_and_fold_choose_the_numbers(tmp_path: Path) -> None:
    first = logits(run(tmp_path / "a", seed=4), "test")
    assert logits(run(tmp_path / "b", seed=4), "test") == first
    assert logits(run(tmp_path / "c", seed=5), "test") != first
    assert logits(run(tmp_path / "d", seed=4, fold_name="1"), "test") != first


def test_predicting_again_writes_the_same_files(tmp_path: Path) -> None:
    layout = run(tmp_path)
    written = {s: layout.predictions(s).read_bytes() for s in ("validation", "test")}
    for subset in written:
        layout.predictions(subset).unlink()
    validate_fold(
        layout, validation_cases=VALIDATION, test_cases=TEST, read_case=read_case, device="cpu", show_progress=False
    )
    assert {s: layout.predictions(s).read_bytes() for s in ("validation", "test")} == written


def test_a_new_run_takes_away_the_predictions_of_the_former(tmp_path: Path) -> None:
    layout = run(tmp_path)
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_requested=lambda: True)
    assert not layout.predictions("test").exists()
    assert not layout.checkpoint_best.exists()


def test_patients_on_two_sides_are_refused(tmp_path: Path, pretrained: Path) -> None:
    with pytest.raises(LeakageError, match=r"Training has seen 2 patient.*of the validation cases: .*P000"):
        run(tmp_path, validation=TRAIN[:2])
    with pytest.raises(LeakageError, match=r"Training has seen 1 patient.*of the test split: .*V001"):
        run(tmp_path, test=VALIDATION[1:2])
    with pytest.raises(LeakageError, match=r"Pretraining .*has seen 1 patient.*of the test split: .*P007"):
        run(tmp_path, config="ssl_vit", pretrained=pretrained, train=TRAIN[:6], test=TRAIN[7:])
    assert not any(tmp_path.iterdir())


def test_an_allowed_leak_is_recorded_and_inherited(tmp_path: Path, pretrained: Path) -> None:
    layout = run(tmp_path / "a", config="ssl_vit", pretrained=pretrained, train=TRAIN[:6], test=TRAIN[7:],
                 allow_leakage=True)
    (leak,) = read_artefact(layout.run_json, RunRecord, made_by="rnnet_train").leaks
    assert "P007" in leak
    assert read_checkpoint(layout.checkpoint_best, made_by="rnnet_train").leaks == (leak,)
    assert len(read_predictions(layout.predictions("test"))) == 1
    # Pretraining that leaked before hands its leaks on, also where nothing more leaks.
    leaky = tmp_path / "leaky.pth"
    write_checkpoint(leaky, replace(read_checkpoint(pretrained, made_by="rnnet_pretrain"), leaks=("an old leak",)))
    layout = run(tmp_path / "b", config="ssl_vit", pretrained=leaky)
    assert read_artefact(layout.run_json, RunRecord, made_by="rnnet_train").leaks == ("an old leak",)


def test_an_encoder_of_another_architecture_is_named_before_training(tmp_path: Path, pretrained: Path) -> None:
    with pytest.raises(SettingError, match=r"network.depth is 2 there and 3 in the plan"):
        run(tmp_path, config="ssl_vit", pretrained=pretrained, plan=make_plan("network.depth=3"))
    with pytest.raises(SettingError, match="holds a Vision Transformer, and 'resnet50' is a ResNet50"):
        run(tmp_path, config="resnet50", pretrained=pretrained)


def test_cases_that_cannot_be_learned_from_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="have no outcome: U000"):
        run(tmp_path, train=(*TRAIN, *make_cases(1, 1, prefix="U", outcomes=(None,))))
    with pytest.raises(DatasetError, match="training cases must have both outcomes"):
        run(tmp_path, train=[c for c in TRAIN if c.outcome == OUTCOMES[0]])
    with pytest.raises(DatasetError, match="validation cases must have both outcomes"):
        run(tmp_path, validation=VALIDATION[:1], plan=make_plan("finetune.select_best_by=auc"))
    with pytest.raises(SettingError, match=r"finetune\.epochs"):
        run(tmp_path, plan=make_plan("finetune.epochs=0"))


def test_the_best_epoch_may_be_chosen_by_auc(tmp_path: Path) -> None:
    layout = run(tmp_path, plan=make_plan("finetune.epochs=3", "finetune.select_best_by=auc"))
    rows = read_history(layout.metrics_jsonl)
    best = max(row["validation_auc"] for row in rows)
    assert [row["validation_auc"] for row in rows if row["is_best"]][-1] == best
