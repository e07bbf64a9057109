from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from rnnet.training.history import append_row, draw_progress, row_text, start_history
from rnnet.training.pace import Pace
from tests.training.histories import read_history

ROWS = [
    {"epoch": float(e), "train_loss": 1.0 / e, "validation_loss": 1.2 / e, "validation_auc": 0.5 + 0.01 * e,
     "learning_rate": 1e-3 / e} for e in range(1, 13)
]


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "metrics.jsonl"
    start_history(path, [])
    for row in ROWS[:3]:
        append_row(path, row)
    assert read_history(path) == ROWS[:3]
    assert path.read_text().startswith('{"epoch": 1, ')


def test_starting_again_from_a_checkpoint_drops_later_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    start_history(path, ROWS)
    start_history(path, ROWS[:5])
    append_row(path, ROWS[5])
    assert read_history(path) == ROWS[:6]


def test_a_number_that_is_not_finite_is_never_written(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    start_history(path, [])
    with pytest.raises(ValueError, match="JSON"):
        append_row(path, {"epoch": 1, "train_loss": float("nan")})


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS], ids=["none", "one", "many"])
def test_the_picture_shows_what_there_is(tmp_path: Path, rows: list[dict[str, float]]) -> None:
    path = tmp_path / "progress.png"
    draw_progress(path, rows, title="ssl_vit, fold 0", best_epoch=7 if len(rows) > 7 else None)
    picture = matplotlib.image.imread(path)
    assert picture.shape[0] > 500
    coloured = np.ptp(picture[..., :3], axis=-1).max() > 0.2
    assert coloured == bool(rows)


def test_the_probe_has_a_curve_of_its_own_with_its_interval(tmp_path: Path) -> None:
    path, purple = tmp_path / "progress.png", np.array([0x6A, 0x4C, 0x93]) / 255
    rows = [{k: v for k, v in row.items() if k != "validation_auc"} for row in ROWS]
    for row in rows[2::3]:
        row |= {"probe_auc": 0.7, "probe_auc_low": 0.6, "probe_auc_high": 0.8}
    draw_progress(path, rows, title="Pretraining", probe_label="probe AUC (radiation necrosis, 87 lesions)")
    picture = matplotlib.image.imread(path)[..., :3]
    assert (np.abs(picture - purple).max(axis=-1) < 0.02).sum() > 300
    assert (np.abs(picture - (0.12 * purple + 0.88)).max(axis=-1) < 0.02).sum() > 10_000


def test_the_probe_of_one_epoch_shows_its_interval_as_a_line(tmp_path: Path) -> None:
    path, line = tmp_path / "progress.png", 0.5 * np.array([0x6A, 0x4C, 0x93]) / 255 + 0.5
    row = {"epoch": 1.0, "train_loss": 1.0, "probe_auc": 0.5, "probe_auc_low": 0.1, "probe_auc_high": 0.9}
    draw_progress(path, [row], title="Pretraining")
    picture = matplotlib.image.imread(path)[..., :3]
    assert (np.abs(picture - line).max(axis=-1) < 0.03).sum() > 50


def test_an_epochs_figures_are_words_in_the_log() -> None:
    row = {"epoch": 4, "train_loss": 3.3201, "masked_token": 0.5, "probe_auc": 0.25, "probe_auc_low": 0.0,
           "probe_auc_high": 0.5714, "learning_rate": 3.41e-06, "seconds": 0.3533, "is_best": 1.0}
    assert row_text(row) == (
        "training loss 3.32, masked token 0.5, probe AUC 0.250 [0.000, 0.571], learning rate 3.41e-06, 0.353 s"
    )
    assert row_text({"epoch": 1, "validation_auc": 0.5}) == "validation AUC 0.500"


def test_a_costly_action_waits_until_it_is_worth_its_time() -> None:
    now = [0.0]
    pace = Pace(share=0.1, most_s=100.0, clock=lambda: now[0])

    def action() -> None:
        now[0] += 2.0

    assert pace.affordable()
    pace.run(action)
    now[0] += 19.0
    assert not pace.affordable()
    now[0] += 2.0
    assert pace.affordable()
    assert not pace.overdue()
    now[0] += 80.0
    assert pace.overdue()
