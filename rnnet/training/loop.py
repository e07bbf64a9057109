"""The one training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor
from tqdm import tqdm

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.seeding import seed_for
from rnnet.training.distributed import ProcessGroup
from rnnet.training.history import row_text
from rnnet.training.interrupt import TrainingInterruptedError
from rnnet.training.out_of_memory import memory_advice
from rnnet.training.recorder import Recorder
from rnnet.training.state import FitState
from rnnet.training.step import Ahead, learn
from rnnet.training.task import Task

log = get_logger(__name__)

MOST_SKIPPED_IN_A_ROW = 5


def fit(
    task: Task, *, epochs: int, state: FitState, seed: int, recorder: Recorder | None,
    stop_requested: Callable[[], bool], group: ProcessGroup | None = None, show_progress: bool = True,
    patience: int = 0,
) -> FitState:
    """Train from `state` to the end of `epochs` epochs and return the final state.

    Args:
        task: what to learn; its weights and optimiser are those of `state`.
        epochs: number of epochs in all, those before `state` included.
        state: where to start.
        seed: of dropout and drop-path; with epoch and step it fixes every draw.
        recorder: writes the files; None in all processes but the first.
        stop_requested: asked in each step; after it, all processes stop if one was asked to.
        group: the processes that share the batches.
        show_progress: a bar for each epoch on standard error.
        patience: stop after so many scored epochs in a row without a better score; 0 does not.

    Raises:
        TrainingInterruptedError: stopped on request, after saving.
        RnnetError: loss or gradients were not finite in five steps in a row, or the memory was not enough.
    """
    group = group or ProcessGroup()
    if recorder is not None:
        recorder.start(state)
    ahead = Ahead(task)
    for epoch in range(state.epoch, epochs):
        if _is_exhausted(state, patience, task.title):
            break
        begin_s = time.monotonic()
        task.begin_epoch(epoch)
        batches = task.batches(epoch)
        ahead.begin_epoch(epoch, batches)
        with tqdm(
            total=len(batches), initial=state.step, desc=f"{task.title} {epoch + 1}/{epochs}", leave=False,
            disable=not show_progress or not group.is_main,
        ) as bar:
            for step in range(state.step, len(batches)):
                torch.manual_seed(seed_for(seed, "network", epoch, step, group.rank))
                with memory_advice(task.part):
                    outcome = learn(
                        task, ahead.take(step), epoch, step, group, stop=stop_requested,
                        meanwhile=partial(ahead.prefetch, step + 1),
                    )
                state = _after_step(state, outcome.losses, task, epoch, step)
                bar.set_postfix(_means(state), refresh=False)
                bar.update()
                if recorder is not None:
                    recorder.after_step(state)
                if outcome.stop:
                    raise _interrupted(state, recorder, group)
        state, improved = _after_epoch(state, task, epoch, epochs, batches, begin_s)
        if recorder is not None:
            recorder.after_epoch(state, improved=improved)
    if recorder is not None:
        recorder.finish(state)
    return state


def _after_step(state: FitState, losses: dict[str, float] | None, task: Task, epoch: int, step: int) -> FitState:
    if losses is not None:
        sums = {name: state.sums.get(name, 0.0) + value for name, value in losses.items()}
        return replace(state, step=step + 1, sums=sums, counted=state.counted + 1, skipped_in_a_row=0)
    skipped = state.skipped_in_a_row + 1
    log.warning("Epoch %d, step %d: the loss or its gradient is not finite; the step is skipped.", epoch + 1, step + 1)
    if skipped >= MOST_SKIPPED_IN_A_ROW:
        raise RnnetError(
            f"The loss or its gradient was not finite in {skipped} steps in a row, last in step {step + 1} of epoch "
            f"{epoch + 1}.",
            fix=f"Lower {task.part}.learning_rate, and look for scans with extreme values in the integrity check.",
        )
    return replace(state, step=step + 1, skipped_in_a_row=skipped)


def _after_epoch(
    state: FitState, task: Task, epoch: int, epochs: int, batches: Sequence[Tensor], begin_s: float
) -> tuple[FitState, bool]:
    """The state at the start of the next epoch, and whether this epoch is the best so far."""
    with memory_advice(task.part):
        figures = task.evaluate()
    score = task.score(figures)
    improved = score is not None and math.isfinite(score) and (state.best is None or score < state.best)
    row: dict[str, float] = {"epoch": epoch + 1}
    means = _means(state)
    row |= {"train_loss" if name == "loss" else name: value for name, value in means.items()}
    row |= {name: value for name, value in figures.items() if math.isfinite(value)}
    row |= {"learning_rate": task.learning_rate(epoch, len(batches) - 1), "seconds": time.monotonic() - begin_s}
    if score is not None:
        row["is_best"] = float(improved)
    log.info("%s, epoch %d of %d: %s%s", task.title, epoch + 1, epochs, row_text(row),
             " (best so far)" if improved else "")
    history = (*state.history, row)
    best = score if improved else state.best
    skipped = state.skipped_in_a_row
    return FitState(epoch=epoch + 1, best=best, history=history, skipped_in_a_row=skipped), improved


def _is_exhausted(state: FitState, patience: int, title: str) -> bool:
    """Whether `patience` scores followed the best one. The history decides, so that a resumed run stops as well."""
    scored = [row for row in state.history if "is_best" in row]
    best = [number for number, row in enumerate(scored) if row["is_best"]]
    if not patience or not best or len(scored) - 1 - best[-1] < patience:
        return False
    log.info("%s stops after epoch %d: the last %d scores are no better than that of epoch %d.",
             title, state.epoch, patience, scored[best[-1]]["epoch"])
    return True


def _means(state: FitState) -> dict[str, float]:
    return {name: total / state.counted for name, total in state.sums.items()}


def _interrupted(state: FitState, recorder: Recorder | None, group: ProcessGroup) -> TrainingInterruptedError:
    if recorder is not None:
        recorder.save(state)
    # torchrun ends all processes soon after the first has ended: none may before the state is saved.
    group.wait()
    kept = "its state is saved" if recorder is None else recorder.what_is_kept(state)
    return TrainingInterruptedError(
        f"Training was stopped in epoch {state.epoch + 1} after step {state.step}; {kept}.",
        fix="Run the same command with --continue to go on.",
    )
