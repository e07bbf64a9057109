from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.core.workspace import FoldLayout
from rnnet.training.recorder import Recorder
from rnnet.training.state import FitState


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Recorder, list[FitState]]:
    monkeypatch.setattr("rnnet.training.recorder.draw_progress", lambda *_, **__: None)
    saved: list[FitState] = []
    recorder = Recorder(FoldLayout(tmp_path), title="", save_latest=saved.append, checkpoint_minutes=0.0)
    recorder.start(FitState())
    return recorder, saved


def tell(recorder: Recorder, state: FitState) -> None:
    recorder.after_step(state)
    recorder.after_epoch(state, improved=False)
    recorder.save(state)
    recorder.finish(state)


def test_no_checkpoint_is_written_while_the_last_step_was_skipped(
    recorder: tuple[Recorder, list[FitState]]
) -> None:
    tell(recorder[0], FitState(epoch=1, skipped_in_a_row=1, history=({"epoch": 1},)))
    assert recorder[1] == []


def test_a_checkpoint_is_written_when_a_step_has_succeeded(recorder: tuple[Recorder, list[FitState]]) -> None:
    tell(recorder[0], FitState(epoch=1, history=({"epoch": 1},)))
    assert len(recorder[1]) >= 3


def test_what_a_stopped_training_says_that_it_keeps_is_there(recorder: tuple[Recorder, list[FitState]]) -> None:
    skipped = FitState(epoch=1, step=5, skipped_in_a_row=1, history=({"epoch": 1},))
    recorder[0].save(skipped)
    assert "no checkpoint yet, so --continue begins at epoch 1" in recorder[0].what_is_kept(skipped)
    good = FitState(epoch=1, step=3, history=({"epoch": 1},))
    recorder[0].save(good)
    assert recorder[0].what_is_kept(good) == "its state is saved"
    assert "the checkpoint of epoch 2 after step 3 is kept" in recorder[0].what_is_kept(skipped)
    recorder[0].start(good)  # a resumed run
    assert "epoch 2 after step 3" in recorder[0].what_is_kept(skipped)
