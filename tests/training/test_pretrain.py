from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rnnet.core.codec import read_artefact
from rnnet.core.errors import DatasetError, LeakageError, RnnetError, SettingError, StaleArtefactError
from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionCase
from rnnet.core.workspace import FoldLayout
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.state import PreprocessedCase
from rnnet.training.checkpoint import Checkpoint, read_checkpoint
from rnnet.training.distributed import ProcessGroup
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.loader import ReadCase, load_crops
from rnnet.training.pretrain import run_pretraining
from rnnet.training.pretrain_task import PretrainTask
from tests.factories import make_cases, make_plan
from tests.training.crops import read_case, read_case_or_fail
from tests.training.histories import read_history

PLAN = make_plan(
    "pretrain.epochs=3", "network.drop_path=0.2", "pretrain.accumulate_steps=2", "pretrain.masked_token_weight=0.5"
)
CASES = make_cases(6, outcomes=(None,))


def run(
    folder: Path, *, plan: ExperimentPlan = PLAN, cases: tuple[LesionCase, ...] = CASES, resume: bool = False,
    stop_requested: Callable[[], bool] | None = None, read: ReadCase = read_case,
) -> Checkpoint:
    path = run_pretraining(
        plan, cases, read, layout=FoldLayout(folder), final_checkpoint=folder / "checkpoint_final.pth",
        device="cpu", resume=resume, show_progress=False, stop_requested=stop_requested,
    )
    return read_checkpoint(path, made_by="rnnet_pretrain")


def stop_after(steps: int) -> Callable[[], bool]:
    asked = iter(range(1, 1000))
    return lambda: next(asked) >= steps


def figures(folder: Path) -> list[dict[str, float]]:
    rows = read_history(FoldLayout(folder).metrics_jsonl)
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Checkpoint]:
    folder = tmp_path_factory.mktemp("pretrain")
    return folder, run(folder)


def assert_same_weights(a: Checkpoint, b: Checkpoint) -> None:
    assert a.model.keys() == b.model.keys()
    for name, tensor in a.model.items():
        assert torch.equal(tensor, b.model[name]), name


@pytest.mark.parametrize("steps", [1, 3, 8], ids=["first step", "end of epoch", "last but one"])
def test_an_interrupted_and_resumed_run_equals_an_uninterrupted_one(
    steps: int, tmp_path: Path, finished: tuple[Path, Checkpoint]
) -> None:
    with pytest.raises(TrainingInterruptedError, match="--continue"):
        run(tmp_path, stop_requested=stop_after(steps))
    assert not (tmp_path / "checkpoint_final.pth").exists()
    resumed = run(tmp_path, resume=True)
    assert_same_weights(resumed, finished[1])
    assert figures(tmp_path) == figures(finished[0])


def test_lines_after_the_checkpoint_are_not_doubled_on_resume(
    tmp_path: Path, finished: tuple[Path, Checkpoint]
) -> None:
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_requested=stop_after(4))
    old = FoldLayout(tmp_path).checkpoint_latest.read_bytes()
    run(tmp_path, resume=True)
    # As after a crash: the file of metrics is ahead of the checkpoint.
    FoldLayout(tmp_path).checkpoint_latest.write_bytes(old)
    assert_same_weights(run(tmp_path, resume=True), finished[1])
    assert figures(tmp_path) == figures(finished[0])


def test_lesions_of_one_person_under_several_ids_are_no_negatives(
    tmp_path: Path, finished: tuple[Path, Checkpoint]
) -> None:
    path = run_pretraining(
        PLAN, CASES, read_case, layout=FoldLayout(tmp_path), final_checkpoint=tmp_path / "checkpoint_final.pth",
        device="cpu", resume=False, show_progress=False, people={c.patient_id: "one person" for c in CASES},
    )
    assert 0 not in {row["contrastive"] for row in figures(finished[0])}
    # Nobody else is left to be told apart from.
    assert {row["contrastive"] for row in figures(tmp_path)} == {0}
    assert len(read_checkpoint(path, made_by="rnnet_pretrain").patients_seen) == len({c.patient_id for c in CASES})


def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(
    tmp_path: Path, finished: tuple[Path, Checkpoint]
) -> None:
    torch.manual_seed(99)  # the caller's generator does not matter
    assert_same_weights(run(tmp_path / "again"), finished[1])
    other = run(tmp_path / "other", plan=replace(PLAN, seed=1))
    assert not torch.equal(other.model["projection.layers.0.weight"], finished[1].model["projection.layers.0.weight"])


def test_the_final_checkpoint_carries_what_its_reuse_needs(finished: tuple[Path, Checkpoint]) -> None:
    folder, checkpoint = finished
    assert checkpoint.kind == "pretrain"
    assert checkpoint.epoch == 3
    assert checkpoint.channel_names == ("T1CE", "lesion_mask")
    assert checkpoint.patients_seen == tuple(sorted({c.patient_id for c in CASES}))
    assert checkpoint.experiment_plan() == PLAN
    assert {name.split(".")[0] for name in checkpoint.model} == {"encoder", "restoration", "projection", "mask_token"}
    assert checkpoint.training == {}
    assert [row["epoch"] for row in figures(folder)] == [1, 2, 3]
    assert {"train_loss", "restoration", "contrastive", "learning_rate"} <= figures(folder)[0].keys()
    assert FoldLayout(folder).progress_png.stat().st_size > 10_000
    assert read_artefact(FoldLayout(folder).run_json, RunRecord, made_by="rnnet_pretrain").command == "rnnet_pretrain"


def test_restoration_learns_an_image_that_all_lesions_share(tmp_path: Path) -> None:
    def same_image(case: LesionCase) -> PreprocessedCase:
        crop = read_case(case)
        return replace(crop, array=np.stack([np.ones_like(crop.array[0]), crop.array[1]]))

    plan = make_plan("pretrain.epochs=8", "pretrain.learning_rate=0.01", "pretrain.views.shift_vox=0")
    run(tmp_path, plan=plan, read=same_image)
    rows = figures(tmp_path)
    assert rows[-1]["restoration"] < 0.5 * rows[0]["restoration"]


def test_the_paper_objective_is_the_product(tmp_path: Path) -> None:
    run(tmp_path, plan=make_plan("pretrain.epochs=1", "pretrain.batch_size=12", "pretrain.objective=paper"))
    (row,) = figures(tmp_path)
    assert row["train_loss"] == pytest.approx(row["restoration"] * (1 + row["contrastive"]), rel=1e-5)


def test_accumulation_changes_nothing_but_the_negatives(tmp_path: Path) -> None:
    curves = []
    for parts in (1, 3):
        plan = make_plan(
            "pretrain.batch_size=12", "pretrain.contrastive_weight=0.0", "network.drop_path=0.0",
            "pretrain.masked_token_weight=1.0", f"pretrain.accumulate_steps={parts}",
        )
        run(tmp_path / str(parts), plan=plan)
        curves.append(figures(tmp_path / str(parts)))
    for whole, accumulated in zip(*curves, strict=True):
        for name in ("train_loss", "restoration", "masked_token"):
            assert accumulated[name] == pytest.approx(whole[name], rel=1e-4), name
        assert accumulated["contrastive"] < 0.9 * whole["contrastive"]


@pytest.mark.slow
def test_a_compiled_network_keeps_the_names_of_its_weights() -> None:
    crops = load_crops(CASES, read_case, device=torch.device("cpu"), dtype=torch.float32, show_progress=False)
    names = [
        list(PretrainTask(make_plan(f"pretrain.compile={text}"), crops, precision="float32").model.state_dict())
        for text in ("false", "true")
    ]
    assert names[0] == names[1]


def test_test_patients_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LeakageError, match="T000"):
        run(tmp_path, cases=(*CASES, *make_cases(1, split="test", prefix="T")))


def test_batches_without_negatives_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"pretrain\.batch_size"):
        run(tmp_path, plan=make_plan("pretrain.batch_size=1"))
    with pytest.raises(SettingError, match=r"at least 2 for each of pretrain\.accumulate_steps"):
        run(tmp_path, plan=make_plan("pretrain.accumulate_steps=4"))
    with pytest.raises(DatasetError, match="more than 1 lesion"):
        run(tmp_path, cases=CASES[:1])


def test_a_batch_that_cannot_be_shared_out_evenly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"multiple of 6.*\(3\).*accumulate_steps: 2.*--set pretrain\.batch_size=12"):
        run_pretraining(
            make_plan("pretrain.batch_size=8", "pretrain.accumulate_steps=2"), CASES, read_case,
            layout=FoldLayout(tmp_path), final_checkpoint=tmp_path / "final.pth", device="cpu", resume=False,
            group=ProcessGroup(0, 3),
        )


def test_lesions_without_a_crop_are_not_among_the_patients_seen(tmp_path: Path) -> None:
    checkpoint = run(tmp_path, plan=make_plan("pretrain.epochs=1"), read=read_case_or_fail)
    assert checkpoint.patients_seen == ("P001", "P002", "P003", "P004", "P005")


def test_a_changed_run_does_not_go_on(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_requested=stop_after(1))
    with pytest.raises(StaleArtefactError, match="the cases changed"):
        run(tmp_path, cases=CASES[:-1], resume=True)


def test_sigterm_finishes_the_step_and_saves(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(TrainingInterruptedError):
        # The signal comes after the first step; the function that sends it does not ask to stop itself.
        run(tmp_path, stop_requested=lambda: os.kill(os.getpid(), signal.SIGTERM) is not None)
    assert signal.getsignal(signal.SIGTERM) == before
    checkpoint = read_checkpoint(FoldLayout(tmp_path).checkpoint_latest, made_by="rnnet_pretrain")
    assert checkpoint.state.step in (1, 2)


def test_a_new_run_that_fails_leaves_nothing_of_the_former_and_its_restart_begins_at_epoch_1(
    tmp_path: Path, finished: tuple[Path, Checkpoint], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, _ = finished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    FoldLayout(tmp_path).checkpoint_best.touch()
    other = replace(PLAN, pretrain=replace(PLAN.pretrain, temperature=0.7, epochs=1))
    with pytest.raises(LeakageError):  # what is refused takes nothing away
        run(tmp_path, plan=other, cases=(*CASES, *make_cases(1, split="test", prefix="T")))
    assert (tmp_path / "checkpoint_final.pth").is_file()

    def fail(*_: object) -> None:
        raise RuntimeError("the device is gone")

    with monkeypatch.context() as patch:
        patch.setattr(PretrainTask, "losses", fail)
        with pytest.raises(RuntimeError, match="device is gone"):
            run(tmp_path, plan=other)
    assert not list(tmp_path.glob("*.pth"))
    assert run(tmp_path, plan=other, resume=True).epoch == 1
    assert "training starts at epoch 1" in caplog.text


def test_weights_that_are_not_finite_are_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_it(task: PretrainTask) -> None:
        task.model.mask_token.data.fill_(float("nan"))

    monkeypatch.setattr(PretrainTask, "after_step", break_it)
    with pytest.raises(RnnetError, match=r"not finite \(1 tensors, first mask_token\).*Lower pretrain\.learning_rate"):
        run(tmp_path, plan=make_plan("pretrain.epochs=1", "pretrain.batch_size=12", "pretrain.masked_token_weight=0.5"))
    assert not (tmp_path / "checkpoint_final.pth").exists()
