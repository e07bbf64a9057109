"""Go on where an interrupted run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from rnnet.core.errors import MissingStageError
from rnnet.core.log import get_logger
from rnnet.planning.plan import ExperimentPlan
from rnnet.training.checkpoint import read_checkpoint
from rnnet.training.reuse import check_resumable
from rnnet.training.state import FitState

log = get_logger(__name__)


class Resumable(Protocol):
    """A task that can take over stored weights."""

    def load(self, model: Mapping[str, Tensor], training: Mapping[str, Any]) -> None:
        """Weights of the network, and the other state dicts of the checkpoint."""
        ...


def resume_state(
    task: Resumable, path: Path, plan: ExperimentPlan, *, best: Path, part: str, config: str,
    inputs: Mapping[str, str], made_by: str,
) -> FitState:
    """State of the checkpoint at `path`, after loading its weights into the task.

    Without a checkpoint the run starts at the beginning, and the log says so: a job that a batch system restarts
    may have been stopped before its first checkpoint. best: where the run keeps its best weights.

    Raises:
        FileFormatError: the checkpoint is damaged.
        StaleArtefactError: plan, configuration or cases are not those of the interrupted run.
        MissingStageError: it has best weights, and their checkpoint is gone.
    """
    if not path.is_file():
        log.warning("There is no checkpoint to continue from in %s: training starts at epoch 1.", path.parent)
        return FitState()
    checkpoint = read_checkpoint(path, made_by=made_by)
    check_resumable(checkpoint, plan, part=part, config=config, inputs=inputs, where=path.parent)
    if checkpoint.state.best is not None and not best.is_file():
        raise MissingStageError(
            "The interrupted run cannot go on: the checkpoint with its best weights is not there.", where=best,
            fix="Put it back, or start again without --continue.",
        )
    task.load(checkpoint.model, checkpoint.training)
    log.info("Continuing after epoch %d, step %d.", checkpoint.state.epoch, checkpoint.state.step)
    return checkpoint.state
