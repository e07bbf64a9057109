"""Pretraining: from unlabelled lesions to an encoder that carries the conditions of its reuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from rnnet.core.codec import digest_of, to_plain, write_artefact
from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.provenance import make_run_record, package_version
from rnnet.core.types import LesionCase
from rnnet.core.wording import listed
from rnnet.core.workspace import FoldLayout
from rnnet.dataset.leakage import Exposure
from rnnet.experiment.probe_lesions import ProbeLesions
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import Checkpoint, check_finite, write_checkpoint
from rnnet.training.distributed import ProcessGroup, joined
from rnnet.training.exposure import stored_exposure
from rnnet.training.interrupt import stop_on_sigterm
from rnnet.training.launcher import check_batch_size
from rnnet.training.loader import CropTable, ReadCase, load_crops
from rnnet.training.loop import fit
from rnnet.training.order import fixed_shuffle
from rnnet.training.precision import Precision, choose_precision, open_device, training_numerics
from rnnet.training.pretrain_task import PretrainTask
from rnnet.training.probe import Probe, open_probe
from rnnet.training.probe_choice import Steering, keep_best, probe_digest, steering_of
from rnnet.training.recorder import Recorder
from rnnet.training.resume import resume_state
from rnnet.training.state import FitState


def run_pretraining(
    plan: ExperimentPlan, cases: Sequence[LesionCase], read_case: ReadCase, *, layout: FoldLayout,
    final_checkpoint: Path, device: str, resume: bool, show_progress: bool = True,
    group: ProcessGroup | None = None, precision: Precision = "auto", inputs: Mapping[str, str] | None = None,
    stop_requested: Callable[[], bool] | None = None, exposure: Exposure | None = None, leaks: Sequence[str] = (),
    probe: ProbeLesions | None = None, people: Mapping[str, str] | None = None,
) -> Path:
    """Train encoder and pretext heads on every case and return the path of the final checkpoint.

    Always on all the plan's channels; an encoder for the image alone takes the image's weights from it.
    The same seed gives the same weights on a CPU, and an interrupted run that is resumed ends with the weights of
    an uninterrupted one.

    Args:
        plan: its pretrain, network and crop parts and its seed are used.
        cases: lesions with or without outcome. Patient ids must be unique over all data sets together.
        read_case: gives the crop of a lesion; lesions without a crop are left out and logged.
        layout: where checkpoint_latest, metrics.jsonl, progress.png and run.json go.
        final_checkpoint: where the result goes.
        device: 'cpu', 'cuda', 'cuda:N' or 'mps'.
        resume: go on from checkpoint_latest.
        show_progress: bars on standard error.
        group: the processes that torchrun started; only the first writes files. None is one process.
        precision: 'auto' takes bfloat16 where the device is fast at it.
        inputs: digests of what the run is made from.
        stop_requested: asked after each step, beside SIGTERM.
        exposure: names and images of the cases' patients, for the checkpoint.
        leaks: what --allow_leakage let through already; with any, cases of the test split are trained on.
        probe: labelled lesions on which the encoder is looked at now and then; None takes no look.
        people: patient ids to the one that stands for the same person: lesions of a person are no negatives.

    Raises:
        LeakageError: a case of the test split, and no leak was allowed.
        SettingError: settings that pretraining cannot work with.
        TrainingInterruptedError: stopped on request; the state is saved.
    """
    group = group or ProcessGroup()
    _check(plan, cases, group, leaks_allowed=bool(leaks))
    with joined(group, device) as own_device, stop_on_sigterm(stop_requested) as stop:
        place = open_device(own_device)
        crops = load_crops(
            [cases[i] for i in fixed_shuffle(len(cases), plan.seed)], read_case, device=place, dtype=torch.float16,
            skip_failed=True, show_progress=show_progress and group.is_main, group=group, people=people,
        )
        if len(crops) < max(2, group.count):
            raise DatasetError(f"Pretraining needs more than {len(crops)} lesion(s).", fix="Add data sets with -d.")
        with training_numerics(place):
            look = None if probe is None else open_probe(
                plan, probe, read_case, device=place, group=group, show_progress=show_progress and group.is_main
            )
            task = PretrainTask(plan, crops, precision=choose_precision(precision, place), group=group, probe=look)
            digests = {**(inputs or {}), "cases": digest_of(crops.case_ids), **probe_digest(look, probe)}
            store = _Store(
                plan, task, crops, digests, layout, final_checkpoint, exposure or Exposure("pretraining"), tuple(leaks),
                look, steering_of(look, probe),
            )
            state = fit(
                task, epochs=plan.pretrain.epochs, state=store.begin(group, resume=resume), seed=plan.seed,
                recorder=store.recorder(device) if group.is_main else None, stop_requested=stop, group=group,
                show_progress=show_progress, patience=plan.pretrain.probe.patience,
            )
            if group.is_main:
                store.save_final(state)
    return final_checkpoint


@dataclass(frozen=True, slots=True)
class _Store:
    """Writes the checkpoints of pretraining."""

    plan: ExperimentPlan
    task: PretrainTask
    crops: CropTable
    inputs: Mapping[str, str]
    layout: FoldLayout
    final_checkpoint: Path
    exposure: Exposure
    leaks: tuple[str, ...]
    probe: Probe | None
    steering: Steering

    def begin(self, group: ProcessGroup, *, resume: bool) -> FitState:
        """The state to start from. A new run first takes away what a former one left in the folder.

        A restart after a failure then goes on from this run's checkpoint or from the beginning, and nobody takes the
        former run's encoder for this one's.
        """
        state, latest, best = FitState(), self.layout.checkpoint_latest, self.layout.checkpoint_best
        is_new = not resume or not latest.is_file()
        if resume:
            state = resume_state(
                self.task, latest, self.plan, best=best, part="pretrain", config="pretrain", inputs=self.inputs,
                made_by="rnnet_pretrain",
            )
        if is_new and group.is_main:
            for path in (latest, best, self.final_checkpoint):
                path.unlink(missing_ok=True)
        group.wait()
        return state

    def recorder(self, device: str) -> Recorder:
        """The recorder of a run that starts now; also writes run.json."""
        record = make_run_record(
            "rnnet_pretrain", seed=self.plan.seed, device=device, inputs=self.inputs, leaks=self.leaks
        )
        write_artefact(self.layout.run_json, record)
        n_patients = len(set(self.crops.patient_ids))
        return Recorder(
            self.layout, title=f"Pretraining on {len(self.crops)} lesions of {n_patients} patients",
            save_latest=self.save_latest, checkpoint_minutes=self.plan.pretrain.checkpoint_minutes,
            save_best=self.save_best, probe_label=self.probe.label if self.probe is not None else "",
        )

    def save_latest(self, state: FitState) -> None:
        """With what resuming needs."""
        write_checkpoint(self.layout.checkpoint_latest, self._checkpoint(state, resumable=True))

    def save_best(self, state: FitState) -> None:
        """Encoder and heads at the best probe so far, where it may stop pretraining."""
        write_checkpoint(self.layout.checkpoint_best, check_finite(self._checkpoint(state, resumable=False)))

    def save_final(self, state: FitState) -> None:
        """Encoder and heads: of the best probe where it may stop pretraining, else of the last epoch."""
        if not keep_best(state, self.layout.checkpoint_best, self.final_checkpoint):
            write_checkpoint(self.final_checkpoint, check_finite(self._checkpoint(state, resumable=False)))

    def _checkpoint(self, state: FitState, *, resumable: bool) -> Checkpoint:
        return Checkpoint(
            kind="pretrain", plan=to_plain(self.plan), config="pretrain", in_channels=len(self.plan.channels),
            channel_names=self.plan.channels, positive_outcome="", state=state, model=self.task.model.state_dict(),
            patients_seen=tuple(sorted(set(self.crops.patient_ids))), rnnet_version=package_version("rnnet"),
            training=self.task.training_state() if resumable else {}, inputs=self.inputs,
            leaks=self.leaks, **stored_exposure(self.exposure), **self.steering,
        )


def _check(
    plan: ExperimentPlan, cases: Sequence[LesionCase], group: ProcessGroup, *, leaks_allowed: bool
) -> None:
    held_out = sorted({case.patient_id for case in cases if case.split == "test"})
    if held_out and not leaks_allowed:
        raise LeakageError(
            f"Pretraining would see {len(held_out)} held-out test patient(s): {listed(held_out)}.",
            fix="Leave the test split out of pretraining.",
        )
    check_batch_size(plan, group.count)
