"""The files of a running training: checkpoints, metrics.jsonl, progress.png."""

from __future__ import annotations

from collections.abc import Callable

from rnnet.core.log import get_logger
from rnnet.core.workspace import FoldLayout
from rnnet.training.history import append_row, draw_progress, start_history
from rnnet.training.pace import Pace
from rnnet.training.state import FitState

log = get_logger(__name__)

# Files that only inform or only help to resume may take this share of the time.
_SHARE = 0.05


class Recorder:
    """Writes what `fit` reports into the files of `layout`.

    save_latest and save_best write a checkpoint of the current weights; save_best is None where no validation data
    selects. A checkpoint to resume from is due every `checkpoint_minutes`, and at the end of an epoch unless writing
    it would take more than a twentieth of the time. probe_label: name of the probe's curve.
    """

    def __init__(
        self, layout: FoldLayout, *, title: str, save_latest: Callable[[FitState], None],
        save_best: Callable[[FitState], None] | None = None, checkpoint_minutes: float = 5.0,
        probe_label: str = "probe AUC",
    ) -> None:
        self._layout = layout
        self._title = title
        self._save_latest = save_latest
        self._save_best = save_best
        self._probe_label = probe_label
        self._checkpoint = Pace(share=_SHARE, most_s=60.0 * checkpoint_minutes)
        self._picture = Pace(share=_SHARE, most_s=60.0, cost_s=0.5)
        self._best_epoch: int | None = None
        self._saved: FitState | None = None

    def start(self, state: FitState) -> None:
        """Before the first step: metrics.jsonl holds the rows up to `state`."""
        start_history(self._layout.metrics_jsonl, state.history)
        self._saved = state if state.epoch or state.step else None
        best = [row for row in state.history if row.get("is_best")]
        self._best_epoch = int(best[-1]["epoch"]) if best else None

    def after_step(self, state: FitState) -> None:
        """After each step."""
        if self._checkpoint.overdue():
            self.save(state)

    def after_epoch(self, state: FitState, *, improved: bool) -> None:
        """After each epoch, the last row of the history being its own."""
        row = state.history[-1]
        if improved and self._save_best is not None:
            self._best_epoch = int(row["epoch"])
            self._save_best(state)
        append_row(self._layout.metrics_jsonl, row)
        if self._checkpoint.affordable():
            self.save(state)
        if self._picture.affordable():
            self._picture.run(lambda: self._draw(state))

    def save(self, state: FitState) -> None:
        """Write the checkpoint to resume from; after a skipped step, keep the one before."""
        # Weights in the middle of trouble are not worth keeping: going on from them would only repeat it.
        if state.skipped_in_a_row == 0:
            self._checkpoint.run(lambda: self._save_latest(state))
            self._saved = state

    def what_is_kept(self, state: FitState) -> str:
        """What --continue goes on from if training stops at `state`, as the end of a sentence."""
        if self._saved is state:
            return "its state is saved"
        if self._saved is None:
            return "the last steps were skipped and there is no checkpoint yet, so --continue begins at epoch 1"
        return f"the last steps were skipped, and the checkpoint of epoch {self._saved.epoch + 1} after step " \
               f"{self._saved.step} is kept"

    def finish(self, state: FitState) -> None:
        """After the last epoch."""
        self.save(state)
        self._draw(state)

    def _draw(self, state: FitState) -> None:
        draw_progress(
            self._layout.progress_png, state.history, title=self._title, best_epoch=self._best_epoch,
            probe_label=self._probe_label,
        )
