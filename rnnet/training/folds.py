"""One fold of an imaging configuration of an opened data set."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rnnet.core.errors import MissingStageError
from rnnet.core.log import get_logger
from rnnet.experiment.data import ExperimentData
from rnnet.training.confirm import confirm_batch_size
from rnnet.training.finetune import PRETRAINED_CONFIGS, run_finetuning
from rnnet.training.fold_record import check_trained_fold
from rnnet.training.predict import validate_fold

log = get_logger(__name__)


def train_imaging_fold(
    data: ExperimentData, fold: int | str, *, config: str, pretrained: str, device: str, resume: bool,
    validate_only: bool, allow_leakage: bool = False,
) -> None:
    """Fine-tune `config` on a fold and write its checkpoint and predictions.

    pretrained: 'auto' takes rnnet_pretrain's result of the same data set and plan, 'none' starts from scratch,
    anything else is the path of a checkpoint. validate_only: predict again with the trained fold.

    allow_leakage: log and record leaks instead of raising them.

    Raises:
        LeakageError: the fold's sides or the pretrained encoder have seen what they must not see.
        MissingStageError: the pretrained checkpoint is not there; the message names the command.
        StaleArtefactError: validate_only, and the fold was trained on other cases than it has now.
    """
    layout = data.results.fold(config, fold)
    training, validation = data.sides(fold)
    if validate_only:
        if not layout.checkpoint_best.is_file():
            raise MissingStageError(f"Fold {fold} of '{config}' is not trained.", where=layout.folder,
                                    fix=f"Run rnnet_train {data.name} {fold} -c {config} without --val.")
        check_fold_of(data, config, fold)
        validate_fold(
            layout, validation_cases=validation, test_cases=data.test_cases, read_case=data.corpus.read, device=device
        )
        return
    confirm_batch_size(data.plan, stage="finetune", device=device, config=config)
    run_finetuning(
        data.plan, config=config, fold_name=str(fold), train_cases=training, validation_cases=validation,
        test_cases=data.test_cases, read_case=data.corpus.read, layout=layout, device=device,
        pretrained=_pretrained_path(data, config, pretrained), resume=resume,
        exposures=data.fold_exposures(fold), inputs=data.skull_strippers(), allow_leakage=allow_leakage,
        leaks=data.leaks, recall=data.recall,
    )


def check_fold_of(data: ExperimentData, config: str, fold: int | str, trained_patients: Collection[str] = ()) -> None:
    """Return if a trained fold was trained on the fold as it is now; see check_trained_fold.

    Raises:
        StaleArtefactError: it was trained on other cases.
    """
    sides = data.sides(fold) if str(fold) in {"all", *(str(f.index) for f in data.folds)} else None
    check_trained_fold(
        data.results, config, fold, sides, positive_outcome=data.plan.positive_outcome,
        trained_patients=trained_patients,
    )


def _pretrained_path(data: ExperimentData, config: str, pretrained: str) -> Path | None:
    if config not in PRETRAINED_CONFIGS or pretrained == "none":
        return None
    path = data.results.pretrained_checkpoint if pretrained == "auto" else Path(pretrained)
    if not path.is_file():
        raise MissingStageError(
            f"'{config}' starts from a pretrained encoder, and there is none.", where=path,
            fix=f"Run rnnet_pretrain -d {data.name}, or give -pretrained FILE, or train -c vit_scratch.",
        )
    return path
