"""One fold of an imaging configuration of an opened data set."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from rnnet.core.errors import MissingStageError, SettingError, StaleArtefactError
from rnnet.core.layouts import control_config, plan_option
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase
from rnnet.experiment.data import ExperimentData
from rnnet.experiment.label_share import LabelShare
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.confirm import confirm_batch_size
from rnnet.training.controls import check_control
from rnnet.training.finetune import PRETRAINED_CONFIGS, run_finetuning
from rnnet.training.fold_record import check_trained_fold, recorded_inputs, training_command
from rnnet.training.predict import validate_fold
from rnnet.training.reuse import check_reusable

log = get_logger(__name__)


def train_imaging_fold(
    data: ExperimentData, fold: int | str, *, config: str, pretrained: str, device: str, resume: bool,
    validate_only: bool, allow_leakage: bool = False, control: str = "", seed: int | None = None,
    seeds: int = 1, left_out: Sequence[LesionCase] = (),
) -> None:
    """Fine-tune `config` on a fold and write its checkpoint and predictions.

    pretrained: 'auto' takes rnnet_pretrain's result of the same data set and plan, 'none' starts from scratch,
    anything else is the path of a checkpoint. validate_only: predict again with the trained fold.

    allow_leakage: log and record leaks instead of raising them. control: train this negative control, in a folder of
    its own. seed: of a further run of the fold, in a folder below that of the first; None takes the plan's.
    seeds: how many runs of the fold were asked for in all, for messages. left_out: cases on neither side of the fold
    that will be predicted as unseen.

    Raises:
        LeakageError: the fold's sides or the pretrained encoder have seen what they must not see.
        SettingError: the configuration does not have the control, or the pretrained encoder does not fit.
        MissingStageError: the pretrained checkpoint is not there; the message names the command.
        StaleArtefactError: validate_only, and the fold was trained on other cases than it has now.
    """
    check_control(control, config)
    name = control_config(config, control)
    layout = data.results.fold(name, fold)
    layout = layout if seed is None else layout.seed(seed)
    training, validation = data.sides(fold)
    if validate_only:
        if not layout.checkpoint_best.is_file():
            which = "" if seed is None else f" with seed {seed}"
            command = training_command(data.results, name, fold) + (f" --seeds {seeds}" if seeds > 1 else "")
            # The runs that are there are kept.
            command += "" if seed is None else " --continue"
            raise MissingStageError(f"Fold {fold} of '{name}' is not trained{which}.", where=layout.folder,
                                    fix=f"Run {command} without --val.")
        check_fold_of(data, name, fold, seed=seed)
        validate_fold(
            layout, validation_cases=validation, test_cases=data.test_cases, read_case=data.corpus.read, device=device
        )
        return
    encoder = _pretrained_path(data, config, pretrained, control)
    if encoder is not None:  # cheap, and asked before a step is tried out
        check_reusable(read_checkpoint(encoder, made_by="rnnet_pretrain", lazy=True), data.plan, config=config)
    # A further run takes as much memory as the first, and a run that has left a checkpoint has made its steps.
    if seed is None and not (resume and layout.checkpoint_latest.is_file()):
        confirm_batch_size(data.plan, stage="finetune", device=device, config=config)
    run_finetuning(
        data.plan, config=config, fold_name=str(fold), train_cases=training, validation_cases=validation,
        test_cases=data.test_cases, read_case=data.corpus.read, layout=layout, device=device,
        pretrained=encoder, resume=resume, inputs=data.training_inputs(fold), allow_leakage=allow_leakage,
        exposures=replace(data.fold_exposures(fold), left_out=data.exposure("the folds left out", left_out)),
        leaks=data.leaks, recall=data.recall, control=control, seed=seed,
    )


def check_fold_of(
    data: ExperimentData, config: str, fold: int | str, trained_patients: Collection[str] = (), *,
    seed: int | None = None,
) -> None:
    """Return if a trained fold was trained on the fold as it is now, or on the share of its labels that it recorded.

    config: of a model, or of a negative control. seed: of a further run of the fold. See check_trained_fold.

    Raises:
        StaleArtefactError: it was trained on other cases.
    """
    sides = None
    if str(fold) in {"all", *(str(f.index) for f in data.folds)}:
        layout = data.results.fold(config, fold)
        recorded = recorded_inputs(layout if seed is None else layout.seed(seed))
        sides = data.sides(fold, labels=LabelShare.recorded_in(recorded))
    check_trained_fold(
        data.results, config, fold, sides, positive_outcome=data.plan.positive_outcome,
        trained_patients=trained_patients, seed=seed,
    )


def check_label_share(data: ExperimentData, config: str, fold: int | str) -> None:
    """Return if a trained fold was trained on the share of the labels that the plan asks for now.

    Raises:
        StaleArtefactError: on another share; the message names both commands that make them agree.
    """
    layout = data.results.fold(config, fold)
    recorded = LabelShare.recorded_in(recorded_inputs(layout))
    if recorded.as_inputs() == data.labels.as_inputs():
        return
    raise StaleArtefactError(
        f"Fold {fold} of {config} was trained with {recorded.text}, and here finetune.label_share asks for "
        f"{data.labels.text}.", where=layout.folder,
        fix=f"Run {training_command(data.results, config, fold)} --set finetune.label_share={data.labels.share:g}, or "
            f"use --set finetune.label_share={recorded.share:g} here.",
    )


def _pretrained_path(data: ExperimentData, config: str, pretrained: str, control: str) -> Path | None:
    if control == "random_encoder":
        if pretrained not in ("auto", "none"):
            raise SettingError(f"The control '{control}' keeps random weights and takes no pretrained encoder.",
                               where=pretrained, fix="Leave out -pretrained or --control.")
        return None
    if pretrained == "none" or (pretrained == "auto" and config not in PRETRAINED_CONFIGS):
        return None
    path = data.results.pretrained_checkpoint if pretrained == "auto" else Path(pretrained)
    if not path.is_file():
        raise MissingStageError(
            f"'{config}' is to start from a pretrained encoder, and there is none.", where=path,
            fix=f"Run rnnet_pretrain -d {data.name}{plan_option(data.results.plan_name)}, or give -pretrained FILE, or "
                "train -c vit_scratch.",
        )
    return path
