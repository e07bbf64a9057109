"""The figures are of real work: steps, formats, motions and a peer that is asked for and not there."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from rnnet.benchmark.cost import ScanFiles, measure_cost
from rnnet.benchmark.formats import measure_formats
from rnnet.benchmark.peer import brain_agreement, run_peer
from rnnet.benchmark.phantom import Motion, move_head
from rnnet.benchmark.registration import TRIAL_HEADER, Trial, run_trials, trial_rows
from rnnet.core.errors import MissingDependencyError, RnnetError
from rnnet.core.volume import write_volume
from rnnet.planning.plan import BiasFieldPlan, PreprocessingPlan
from tests.factories import make_atlas
from tests.preprocessing.scans import SMALL_HEAD

ATLAS = make_atlas()
PLAN = PreprocessingPlan(registration=SMALL_HEAD, bias_field=BiasFieldPlan(iterations=(2,)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ScanFiles:
    folder = tmp_path_factory.mktemp("scan")
    moved = move_head(ATLAS, Motion(5.0, (1.0, 0.0, 0.0), (3.0, 0.0, 0.0), (1.5, 1.0, 1.0), 0.02, 0.1), seed=0)
    found = ScanFiles(folder / "image.nii.gz", None, folder / "brain.nii.gz")
    write_volume(found.image, moved.image)
    write_volume(folder / "brain.nii.gz", moved.brain)
    return found


def test_every_step_of_a_scan_is_timed_and_they_add_up_to_the_whole(files: ScanFiles) -> None:
    report = measure_cost(files, PLAN, ATLAS, n_processes=1, repeats=2)
    steps = report.step_seconds()
    expected = {"reading", "bias_field", "registration", "resampling", "quality", "normalize", "picture", "storing"}
    assert expected <= set(steps)
    assert 0.8 * report.seconds_per_scan < sum(steps.values()) <= report.seconds_per_scan
    assert report.common_seconds() == pytest.approx(steps["bias_field"] + steps["registration"] + steps["resampling"])
    assert report.cores_used > 0.2
    assert report.peak_bytes > 2**26


def test_a_scan_that_fails_ends_the_benchmark_with_its_reason(files: ScanFiles, tmp_path: Path) -> None:
    with pytest.raises(RnnetError, match="does not exist"):
        measure_cost(ScanFiles(tmp_path / "none.nii.gz"), PLAN, ATLAS, n_processes=1, repeats=1)


def test_known_motions_are_found_and_shown_in_a_row_each() -> None:
    trials = run_trials(ATLAS, PLAN, count=2, seed=1, n_processes=1, true_brain=True)
    rows = trial_rows(trials)
    assert len(rows) == 2
    assert all(len(row) == len(TRIAL_HEADER) for row in rows)
    assert all(t.problem or t.brain_dice > 0.6 for t in trials)
    assert any(t.good for t in trials)
    assert [t.good for t in (Trial(trials[0].motion, 0.4), Trial(trials[0].motion, 1.4), Trial(trials[0].motion))] == [
        True, False, False,
    ]


def test_every_format_gives_the_same_kind_of_figures(tmp_path: Path) -> None:
    image = np.random.default_rng(0).standard_normal((40, 50, 60)).astype(np.float32)
    labels = np.zeros(image.shape, np.uint16)
    found = {f.name: f for f in measure_formats(image, labels, tmp_path, edge_vox=16, seconds=0.02)}
    assert len(found) == 6
    assert all(f.crops_per_second > 0 and f.mb_per_scan > 0.1 for f in found.values())
    assert found["npy, memory-mapped"].mb_per_scan == pytest.approx(image.size * 6 / 1e6, rel=0.01)
    assert found["b2nd, LZ4, float16"].mb_per_scan < found["b2nd, LZ4, small blocks (rnnet)"].mb_per_scan


def test_a_python_without_the_peer_says_how_to_make_one(files: ScanFiles) -> None:
    with pytest.raises(MissingDependencyError, match="brainles") as caught:
        run_peer(Path(sys.executable), files.image, ATLAS, brain=None, registrator="ants")
    assert "pip install brainles-preprocessing" in caught.value.fix


def test_the_same_transform_agrees_with_itself_and_not_with_another(files: ScanFiles) -> None:
    moved = move_head(ATLAS, Motion(5.0, (1.0, 0.0, 0.0), (3.0, 0.0, 0.0), (1.5, 1.0, 1.0), 0.02, 0.1), seed=0)
    assert files.brain is not None
    same = brain_agreement(files.brain, moved.to_atlas, ATLAS, ATLAS.brain)
    shifted = moved.to_atlas.copy()
    shifted[0, 3] += 15
    assert same > 0.97
    assert brain_agreement(files.brain, shifted, ATLAS, ATLAS.brain) < 0.85
