"""Fine-tuning of one imaging configuration on one fold: checkpoint, curves and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from rnnet.core.codec import to_plain, write_artefact
from rnnet.core.errors import DatasetError, SettingError
from rnnet.core.files import file_digest
from rnnet.core.layouts import control_config
from rnnet.core.log import get_logger
from rnnet.core.provenance import make_run_record, package_version
from rnnet.core.types import LesionCase, positive_label
from rnnet.core.wording import listed
from rnnet.core.workspace import FoldLayout
from rnnet.dataset.leakage import Exposure, FoldExposures
from rnnet.networks.classifier import Classifier, build_classifier, channels_of
from rnnet.networks.transfer import load_encoder
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import Checkpoint, check_finite, read_checkpoint, write_checkpoint
from rnnet.training.classify_task import ClassifyTask, LabelledCrops
from rnnet.training.controls import (
    CONTROL_INPUT,
    check_control,
    controlled_plan,
    controlled_reader,
    controlled_training_cases,
)
from rnnet.training.exposure import Recall, checkpoint_exposure, checkpoint_steering, stored_exposure
from rnnet.training.fold_record import ENCODER_INPUT, fold_digests
from rnnet.training.interrupt import stop_on_sigterm
from rnnet.training.loader import ReadCase, load_crops
from rnnet.training.loop import fit
from rnnet.training.precision import Precision, choose_precision, open_device, training_numerics
from rnnet.training.predict import validate_fold
from rnnet.training.recorder import Recorder
from rnnet.training.resume import resume_state
from rnnet.training.reuse import check_reusable
from rnnet.training.state import FitState

log = get_logger(__name__)

# They start from a pretrained encoder unless told otherwise; imported weights may start a ResNet50 as well.
PRETRAINED_CONFIGS = ("ssl_vit", "ssl_vit_t1ce")
_MAY_BE_PRETRAINED = (*PRETRAINED_CONFIGS, "resnet50")


def run_finetuning(
    plan: ExperimentPlan, *, config: str, fold_name: str, train_cases: Sequence[LesionCase],
    validation_cases: Sequence[LesionCase], test_cases: Sequence[LesionCase], read_case: ReadCase, layout: FoldLayout,
    device: str, pretrained: Path | None, resume: bool, seed: int | None = None,
    exposures: FoldExposures | None = None, show_progress: bool = True, precision: Precision = "auto",
    inputs: Mapping[str, str] | None = None, stop_requested: Callable[[], bool] | None = None,
    allow_leakage: bool = False, leaks: Sequence[str] = (), recall: Recall | None = None, control: str = "",
) -> None:
    """Train the classifier of `config` and write checkpoint_best, curves and predictions into `layout`.

    With a pretrained encoder, plan.finetune.probe_epochs with a frozen encoder come before plan.finetune.epochs.
    The best epoch by validation loss or AUC is kept; the last one without validation cases, or if the plan says so.

    Args:
        plan: its finetune, network and crop parts are used.
        config: an imaging configuration.
        fold_name: '0' to 'k-1' or 'all'; part of every seed.
        train_cases: labelled cases of both outcomes.
        validation_cases: labelled; empty for the fold 'all'.
        test_cases: predicted at the end, never trained on or selected by; outcomes may be unknown.
        read_case: gives the crop of a lesion.
        layout: where the files go; those of an earlier run of this fold are replaced.
        device: 'cpu', 'cuda', 'cuda:N' or 'mps'.
        pretrained: checkpoint of run_pretraining; None starts from random weights.
        resume: go on from checkpoint_latest.
        seed: of weights, order and augmentation, which the log then names; None takes the plan's.
        exposures: patients, other names and images of the three sides; None takes the cases' patients alone.
        show_progress: bars on standard error.
        precision: of training; predictions are always made in float32.
        inputs: digests of what the run is made from.
        stop_requested: asked after each step, beside SIGTERM.
        allow_leakage: log and record leaks instead of raising them.
        leaks: those that were found before, in the folds.
        recall: asked about the patients of an older pretrained encoder; see checkpoint_exposure.
        control: a negative control; what it changes of the input is recorded in the checkpoint.

    Raises:
        LeakageError: a patient or image stands on two sides, or pretraining saw one of the test split.
        SettingError: the pretrained encoder does not fit the plan, or settings that contradict each other.
        DatasetError: an outcome is unknown, or all training cases have the same one.
        TrainingInterruptedError: stopped on request; the state is saved.
    """
    check_control(control, config)
    plan = controlled_plan(plan if seed is None else replace(plan, seed=seed), control)
    place = open_device(device)
    _check(plan, config, pretrained, train_cases, validation_cases)
    sides = exposures or FoldExposures.of_cases(plan.dataset, train_cases, validation_cases, test_cases)
    classifier, earlier = _initial(plan, config, pretrained, recall)
    found = sides.check(earlier.exposure, steering=earlier.steering, allow_leakage=allow_leakage)
    leaks = tuple(dict.fromkeys((*leaks, *earlier.leaks, *found)))
    digests = {
        **(inputs or {}), **fold_digests(train_cases, validation_cases, plan.positive_outcome),
        **({CONTROL_INPUT: control} if control else {}),
        **({} if pretrained is None else {ENCODER_INPUT: file_digest(pretrained)}),
    }
    probe_epochs = _probe_epochs(plan, pretrained, control)
    name = f"{control_config(config, control)}, fold {fold_name}"
    taught = controlled_training_cases(train_cases, control, seed=plan.seed, name=name)
    reader = controlled_reader(read_case, control)
    labelled = partial(_labelled, read_case=reader, plan=plan, device=place, show_progress=show_progress)
    train = labelled(train_cases, taught)
    validation = labelled(validation_cases, validation_cases) if validation_cases else None
    with training_numerics(place), stop_on_sigterm(stop_requested) as stop:
        task = ClassifyTask(
            plan, classifier, train, validation=validation, channels=channels_of(config), probe_epochs=probe_epochs,
            name=name, title=_title(name, seed), precision=choose_precision(precision, place),
        )
        seen = sides.seen | earlier.exposure
        store = _Store(plan, config, task, seen, digests, layout, leaks, earlier.origin)
        state = fit(
            task, epochs=probe_epochs + plan.finetune.epochs, state=store.begin(resume=resume, device=device),
            seed=plan.seed, recorder=store.recorder(len(train_cases), len(validation_cases)), stop_requested=stop,
            show_progress=show_progress,
        )
        if validation is None or plan.finetune.select_best_by == "last":
            store.save_best(state)
    validate_fold(
        layout, validation_cases=validation_cases, test_cases=test_cases, read_case=read_case, device=device,
        show_progress=show_progress,
    )


def _title(name: str, seed: int | None) -> str:
    """What the log calls the run: a further one by its seed."""
    return name if seed is None else f"{name}, seed {seed}"


def _probe_epochs(plan: ExperimentPlan, pretrained: Path | None, control: str) -> int:
    """Epochs with a frozen encoder. Raises SettingError where there would be no epoch at all."""
    is_frozen = pretrained is not None or control == "random_encoder"
    epochs = plan.finetune.probe_epochs if is_frozen else 0
    if epochs + plan.finetune.epochs < 1:
        raise SettingError("The field 'finetune.epochs' must be at least 1 without a linear probe. Got 0 instead.")
    return epochs


@dataclass(frozen=True, slots=True)
class _Store:
    """Writes the checkpoints of one fold."""

    plan: ExperimentPlan
    config: str
    task: ClassifyTask
    seen: Exposure
    inputs: Mapping[str, str]
    layout: FoldLayout
    leaks: tuple[str, ...]
    origin: str

    def begin(self, *, resume: bool, device: str) -> FitState:
        """The state to start from. A new run first takes away what an earlier one left in the folder."""
        record = make_run_record(
            "rnnet_train", seed=self.plan.seed, device=device, inputs=self.inputs, leaks=self.leaks,
            origin=self.origin,
        )
        state, is_new = FitState(), not resume or not self.layout.checkpoint_latest.is_file()
        if resume:
            state = resume_state(
                self.task, self.layout.checkpoint_latest, self.plan, best=self.layout.checkpoint_best,
                part="finetune", config=self.config, inputs=self.inputs, made_by="rnnet_train",
            )
        if is_new:
            former = (self.layout.checkpoint_latest, self.layout.checkpoint_best)
            for path in (*former, self.layout.predictions("validation"), self.layout.predictions("test")):
                path.unlink(missing_ok=True)
        # Last: the record of a run that is refused must not stand beside the former one's model.
        write_artefact(self.layout.run_json, record)
        return state

    def recorder(self, n_training: int, n_validation: int) -> Recorder:
        """Writes checkpoints and curves while the fold is trained."""
        return Recorder(
            self.layout, title=f"{self.task.title}: {n_training} training, {n_validation} validation lesions",
            save_latest=self.save_latest, save_best=self.save_best,
            checkpoint_minutes=self.plan.pretrain.checkpoint_minutes,
        )

    def save_latest(self, state: FitState) -> None:
        """What resuming needs: the weights that are trained, and the optimiser."""
        checkpoint = self._checkpoint(state, self.task.model.state_dict())
        write_checkpoint(self.layout.checkpoint_latest, replace(checkpoint, training=self.task.training_state()))

    def save_best(self, state: FitState) -> None:
        """What prediction needs: the weights that were evaluated."""
        checkpoint = self._checkpoint(state, self.task.kept.state_dict())
        write_checkpoint(self.layout.checkpoint_best, check_finite(checkpoint))

    def _checkpoint(self, state: FitState, model: Mapping[str, Tensor]) -> Checkpoint:
        channels = channels_of(self.config)
        return Checkpoint(
            kind="classifier", plan=to_plain(self.plan), config=self.config, in_channels=len(channels),
            channel_names=tuple(self.plan.channels[i] for i in channels),
            positive_outcome=self.plan.positive_outcome, state=state, model=model,
            patients_seen=tuple(sorted(self.seen.patients)), rnnet_version=package_version("rnnet"),
            inputs=self.inputs, leaks=self.leaks, origin=self.origin, **stored_exposure(self.seen),
        )


@dataclass(frozen=True, slots=True)
class _Earlier:
    """What the encoder has seen before, and what was allowed to leak then."""

    exposure: Exposure = field(default_factory=lambda: Exposure("random weights"))
    leaks: tuple[str, ...] = ()
    # Whose outcomes chose the encoder's weights.
    steering: Exposure | None = None
    # What is not known about imported weights.
    origin: str = ""


def _initial(
    plan: ExperimentPlan, config: str, pretrained: Path | None, recall: Recall | None
) -> tuple[Classifier, _Earlier]:
    """The classifier before training, and what its encoder has seen already."""
    classifier = build_classifier(plan, config=config)
    if pretrained is None:
        if config in PRETRAINED_CONFIGS:
            log.warning("%s starts from random weights: no pretrained encoder was given.", config)
        return classifier, _Earlier()
    checkpoint = read_checkpoint(pretrained, made_by="rnnet_pretrain")
    check_reusable(checkpoint, plan, config=config)
    report = load_encoder(classifier.encoder, checkpoint.model, in_channels=len(channels_of(config)))
    log.info("Pretrained encoder: %s", report)
    seen = checkpoint_exposure(checkpoint, f"pretraining ({pretrained})", recall)
    steering = checkpoint_steering(
        checkpoint, f"the probe that chose the weights, or the classifier that they were taken from, ({pretrained})"
    )
    if checkpoint.origin:
        log.warning("%s", checkpoint.origin)
    return classifier, _Earlier(seen, checkpoint.leaks, steering, checkpoint.origin)


def _check(
    plan: ExperimentPlan, config: str, pretrained: Path | None, train_cases: Sequence[LesionCase],
    validation_cases: Sequence[LesionCase],
) -> None:
    if pretrained is not None and config not in _MAY_BE_PRETRAINED:
        raise SettingError(
            f"'{config}' is trained from random weights and takes no pretrained encoder.", where=pretrained,
            fix=f"Use -pretrained none, or one of {', '.join(_MAY_BE_PRETRAINED)}.",
        )
    unknown = [c.case_id for c in (*train_cases, *validation_cases) if c.outcome is None]
    if unknown:
        raise DatasetError(
            f"{len(unknown)} case(s) to train on have no outcome: {listed(unknown)}.",
            fix="Fill in the column 'outcome' of cases.csv, or take them out of splits_final.json.",
        )
    for cases, name in ((train_cases, "training"), (validation_cases, "validation")):
        outcomes = {c.outcome for c in cases}
        needs_both = name == "training" or (cases and plan.finetune.select_best_by == "auc")
        if needs_both and outcomes != {plan.positive_outcome, plan.negative_outcome}:
            raise DatasetError(
                f"The {name} cases must have both outcomes, '{plan.positive_outcome}' and '{plan.negative_outcome}'. "
                f"Got {', '.join(sorted(map(str, outcomes))) or 'no case'}.",
                fix="Correct splits_final.json, or use fewer folds.",
            )


def _labelled(
    cases: Sequence[LesionCase], taught: Sequence[LesionCase], read_case: ReadCase, plan: ExperimentPlan,
    device: torch.device, show_progress: bool,
) -> LabelledCrops:
    """Crops of the cases, with the outcomes of `taught`, which are the same cases."""
    crops = load_crops(cases, read_case, device=device, dtype=torch.float32, show_progress=show_progress)
    labels = [positive_label(case, plan.positive_outcome) for case in taught]
    return LabelledCrops(crops, torch.tensor(labels))
