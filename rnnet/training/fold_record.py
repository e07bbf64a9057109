"""Was a stored model trained on its fold as the fold is now? Otherwise it may have seen what it is validated on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rnnet.core.codec import artefact_inputs, digest_of
from rnnet.core.errors import StaleArtefactError
from rnnet.core.layouts import plan_option, split_control
from rnnet.core.log import get_logger
from rnnet.core.types import LesionCase, positive_label
from rnnet.core.workspace import FoldLayout, ResultsLayout
from rnnet.training.checkpoint import read_checkpoint

log = get_logger(__name__)

# Under which a fine-tuned model records the digest of the encoder that it started from.
ENCODER_INPUT = "pretrained encoder"
_PARTS = ("training cases", "validation cases")


def fold_digests(
    training: Sequence[LesionCase], validation: Sequence[LesionCase], positive_outcome: str
) -> dict[str, str]:
    """Digests of the cases and labels of both sides, as a trained fold records them."""
    return {
        part: digest_of([(c.case_id, positive_label(c, positive_outcome)) for c in cases])
        for part, cases in zip(_PARTS, (training, validation), strict=True)
    }


def recorded_inputs(layout: FoldLayout) -> Mapping[str, str]:
    """What the model of a fold recorded that it was made from; empty where it recorded nothing or is not there."""
    if layout.checkpoint_best.is_file():
        return read_checkpoint(layout.checkpoint_best, made_by="rnnet_train", lazy=True).inputs
    return artefact_inputs(layout.run_json, made_by="rnnet_train") if layout.run_json.is_file() else {}


def check_trained_fold(
    results: ResultsLayout, config: str, fold: int | str,
    sides: tuple[Sequence[LesionCase], Sequence[LesionCase]] | None, *, positive_outcome: str,
    trained_patients: Collection[str] = (), seed: int | None = None,
) -> None:
    """Return if the stored model of a fold was trained on the cases of `sides`: (training, validation), None if the
    splits do not have the fold any more.

    Without a record, as of older versions, no patient of validation may be among `trained_patients`; where those are
    not known either, the log says that nothing could be compared. seed: of a further run of the fold.

    Raises:
        StaleArtefactError: it was trained on other cases, or other outcomes of them.
    """
    layout = results.fold(config, fold) if seed is None else results.fold(config, fold).seed(seed)
    if sides is None:
        raise StaleArtefactError(
            f"Fold {fold} of {config} is of older splits: there is no such fold now.", where=layout.folder,
            fix=f"Delete the folder, and run {training_command(results, config, 0)} and so on if need be.",
        )
    training, validation = sides
    recorded = recorded_inputs(layout)
    if any(part in recorded for part in _PARTS):
        now = fold_digests(training, validation, positive_outcome)
        is_current = all(recorded.get(part) == digest for part, digest in now.items())
    else:
        is_current = not {c.patient_id for c in validation} & set(trained_patients)
        if not trained_patients:
            log.warning("Nothing tells which cases fold %s of %s was trained on.", fold, config)
    if not is_current:
        command = training_command(results, config, fold)
        raise StaleArtefactError(
            f"Fold {fold} of {config} was trained on other cases, or other outcomes, than the fold has now.",
            where=layout.folder,
            fix=f"Run {command} again." if seed is None else f"Run {command} --seeds N again, or delete the folder.",
        )


def training_command(results: ResultsLayout, config: str, fold: int | str) -> str:
    """The command that trains a fold of a model or of a negative control."""
    plan = plan_option(results.plan_name)
    name, control = split_control(config)
    of_control = f" --control {control}" if control else ""
    return f"rnnet_train {results.folder.name} {fold} -c {name}{plan}{of_control}"
