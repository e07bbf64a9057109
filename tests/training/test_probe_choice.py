from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rnnet.core.codec import read_artefact
from rnnet.core.errors import LeakageError, MissingStageError, StaleArtefactError
from rnnet.core.provenance import RunRecord
from rnnet.core.types import LesionCase
from rnnet.core.workspace import FoldLayout
from rnnet.dataset.leakage import Exposure
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from rnnet.training.exposure import checkpoint_steering
from rnnet.training.finetune import run_finetuning
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.pretrain import run_pretraining
from rnnet.training.probe import Probe
from rnnet.training.probe_choice import keep_best
from tests.factories import make_cases, make_plan
from tests.logs import own_messages
from tests.training.crops import read_case
from tests.training.histories import read_history

CASES = make_cases(4, 1)
# Two steps an epoch. The second probe is the best, so that two more end pretraining after epoch 4.
AUCS = (0.6, 0.8, 0.7, 0.8, 0.9, 0.9)
SETTINGS = ("pretrain.epochs=6", "pretrain.batch_size=2", "pretrain.probe.every_epochs=1")
STOPPING = make_plan(*SETTINGS, "pretrain.probe.patience=2")
DRAWING = make_plan(*SETTINGS)
NAME = STOPPING.dataset
EXPOSURE = Exposure(
    "pretraining", frozenset(f"{NAME}/{c.patient_id}" for c in CASES), {f"{NAME}/P001": frozenset({"UCSF-7"})},
    {f"{NAME}/{c.scan_id}": f"digest{c.scan_id}" for c in CASES},
)


def lesions(cases: Sequence[LesionCase] = CASES) -> ProbeLesions:
    own = tuple(replace(c, patient_id=f"{NAME}/{c.patient_id}") for c in cases)
    images = {f"{NAME}/{c.scan_id}": "" for c in cases}
    return ProbeLesions(own, Exposure("the probe", frozenset(c.patient_id for c in own), images=images))


def run(
    folder: Path, *, plan: ExperimentPlan = STOPPING, resume: bool = False, stop_after: int = 1000,
    probe: ProbeLesions | None = None,
) -> Checkpoint:
    asked = iter(range(1, 1000))
    path = run_pretraining(
        plan, CASES, read_case, layout=FoldLayout(folder), final_checkpoint=folder / "final.pth", device="cpu",
        resume=resume, show_progress=False, stop_requested=lambda: next(asked) >= stop_after, exposure=EXPOSURE,
        probe=probe or lesions(),
    )
    return read_checkpoint(path, made_by="rnnet_pretrain")


def rows(folder: Path) -> list[dict[str, float]]:
    found = read_history(FoldLayout(folder).metrics_jsonl)
    return [{k: v for k, v in row.items() if k != "seconds"} for row in found]


def assert_same_weights(a: Checkpoint, b: Checkpoint) -> None:
    assert a.model.keys() == b.model.keys()
    assert all(torch.equal(tensor, b.model[name]) for name, tensor in a.model.items())


@pytest.fixture(scope="module")
def patched() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
def script(patched: pytest.MonkeyPatch, stopped: object) -> Callable[[], None]:
    """Every probe gives the next of AUCS; calling it starts them again."""
    return scripted(patched)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, patched: pytest.MonkeyPatch) -> tuple[Path, Checkpoint]:
    """Folder and final checkpoint of a run that stopped by its probe."""
    folder = tmp_path_factory.mktemp("stopped")
    scripted(patched)
    return folder, run(folder)


def scripted(patch: pytest.MonkeyPatch) -> Callable[[], None]:
    left: list[Iterator[float]] = [iter(AUCS)]

    def measure(probe: Probe, *_: Any) -> list[float]:
        auc = next(left[0])
        return [auc, auc - 0.1, auc + 0.1]

    def again() -> None:
        left[0] = iter(AUCS)

    patch.setattr(Probe, "_measure", measure)
    patch.setattr("rnnet.training.recorder.draw_progress", lambda *_, **__: None)  # it has tests of its own
    return again


def test_patience_ends_pretraining_and_keeps_the_best_weights(
    tmp_path: Path, script: Callable[[], None], stopped: tuple[Path, Checkpoint]
) -> None:
    folder, kept = stopped
    assert [row["probe_auc"] for row in rows(folder)] == [0.6, 0.8, 0.7, 0.8]
    assert kept.epoch == 2
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, plan=DRAWING, stop_after=4)
    assert_same_weights(kept, read_checkpoint(FoldLayout(tmp_path).checkpoint_latest, made_by="rnnet_pretrain"))


@pytest.mark.parametrize("steps", [4, 7], ids=["at the best", "after it"])
def test_a_resumed_run_keeps_the_same_best_and_stops_at_the_same_epoch(
    steps: int, tmp_path: Path, script: Callable[[], None], stopped: tuple[Path, Checkpoint]
) -> None:
    folder, whole = stopped
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_after=steps)
    cut = run(tmp_path, resume=True)
    assert_same_weights(cut, whole)
    assert cut.epoch == 2
    assert rows(tmp_path) == rows(folder)


def test_continuing_a_stopped_run_trains_no_further_and_says_what_it_keeps(
    tmp_path: Path, script: Callable[[], None], stopped: tuple[Path, Checkpoint], caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(stopped[0], tmp_path, dirs_exist_ok=True)
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert_same_weights(run(tmp_path, resume=True), stopped[1])
    assert len(rows(tmp_path)) == 4
    assert "stops after epoch 4: the last 2 scores are no better than that of epoch 2" in caplog.text
    assert "The weights of epoch 2 of 4 are kept: the best probe AUC, 0.800, of 4 probes" in caplog.text
    FoldLayout(tmp_path).checkpoint_best.unlink()
    with pytest.raises(MissingStageError, match="best weights is not there"):
        run(tmp_path, resume=True)


def test_best_weights_that_an_interrupted_run_left_are_called_by_their_own_epoch(
    tmp_path: Path, stopped: tuple[Path, Checkpoint], caplog: pytest.LogCaptureFixture
) -> None:
    best = FoldLayout(stopped[0]).checkpoint_best
    # Learned again with another result: the run that went on has found no epoch as good as the second was before.
    again = replace(stopped[1].state, epoch=4, history=(
        {"epoch": 1, "probe_auc": 0.6, "is_best": 1.0}, {"epoch": 2, "probe_auc": 0.5, "is_best": 0.0},
    ))
    with caplog.at_level(logging.INFO, logger="rnnet"):
        assert keep_best(again, best, tmp_path / "final.pth")
    first, second = own_messages(caplog)
    assert first.startswith("The weights of epoch 2 of 4 are kept: the best probe AUC, 0.800, of 2 probes.")
    assert second.endswith("learned again, the best was 0.600, of epoch 1.")


def test_a_resumed_run_has_the_same_outcomes_to_stop_by(tmp_path: Path, script: Callable[[], None]) -> None:
    with pytest.raises(TrainingInterruptedError):
        run(tmp_path, stop_after=3)
    turned = lesions([replace(c, outcome=d.outcome) for c, d in zip(CASES, CASES[::-1], strict=True)])
    with pytest.raises(StaleArtefactError, match="the probe lesions changed"):
        run(tmp_path, resume=True, probe=turned)


def test_a_probe_that_only_draws_changes_and_records_nothing(tmp_path: Path, script: Callable[[], None]) -> None:
    drawn = run(tmp_path / "a", plan=DRAWING)
    assert [row["probe_auc"] for row in rows(tmp_path / "a")] == list(AUCS)
    assert not any("is_best" in row for row in rows(tmp_path / "a"))
    assert (drawn.epoch, drawn.steered_by, drawn.steered_scans) == (6, (), ())
    assert not FoldLayout(tmp_path / "a").checkpoint_best.exists()
    assert checkpoint_steering(drawn, "the probe").patients == frozenset()
    none = make_plan(*SETTINGS[:2], "pretrain.probe.every_epochs=0")
    assert_same_weights(run(tmp_path / "b", plan=none), drawn)


def test_the_checkpoint_says_whose_outcomes_chose_it(stopped: tuple[Path, Checkpoint]) -> None:
    steering = checkpoint_steering(stopped[1], "the probe")
    assert steering == Exposure("the probe", EXPOSURE.patients, EXPOSURE.names, EXPOSURE.images)


def finetune(folder: Path, pretrained: Path, validation: Sequence[LesionCase], *, allow: bool = False) -> FoldLayout:
    layout = FoldLayout(folder)
    run_finetuning(
        make_plan("finetune.epochs=0"), config="ssl_vit", fold_name="1", train_cases=make_cases(4, 1, prefix="Q"),
        validation_cases=validation, test_cases=(), read_case=read_case, layout=layout, device="cpu",
        pretrained=pretrained, resume=False, show_progress=False, allow_leakage=allow,
    )
    return layout


def test_a_fold_is_not_validated_on_patients_whose_outcomes_chose_the_encoder(
    tmp_path: Path, stopped: tuple[Path, Checkpoint]
) -> None:
    path = tmp_path / "pretrained.pth"
    write_checkpoint(path, stopped[1])
    with pytest.raises(LeakageError, match=r"probe that chose .* has seen 2 patient.*P002.*probe\.fold=K.*patience=0"):
        finetune(tmp_path / "b", path, CASES[2:])
    layout = finetune(tmp_path / "c", path, CASES[2:], allow=True)
    (leak,) = read_artefact(layout.run_json, RunRecord, made_by="rnnet_train").leaks
    assert "The probe that chose the weights" in leak
    # Patients whom pretraining saw without their outcomes may be validated on.
    write_checkpoint(path, replace(stopped[1], steered_by=(), steered_scans=()))
    assert finetune(tmp_path / "d", path, CASES[2:]).checkpoint_best.is_file()
