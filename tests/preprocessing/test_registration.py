from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.planning.plan import RegistrationPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration import rigid
from rnnet.preprocessing.registration.quality import correlation, landmark_distance_mm, mutual_information, overlap
from rnnet.preprocessing.registration.rigid import register_rigid
from tests.factories import make_atlas, make_head_scan, mapped, rigid_matrix
from tests.preprocessing.scans import SMALL_HEAD

Triple = tuple[float, float, float]


def truth(atlas: Atlas, angles_degrees: Triple, shift_xyz_mm: Triple) -> np.ndarray:
    middle = atlas.head.world_xyz_mm((np.array(atlas.head.array.shape) - 1) / 2)
    return rigid_matrix(angles_degrees, shift_xyz_mm, middle)


def mean_error_mm(found: np.ndarray, true: np.ndarray, atlas: Atlas) -> float:
    """Mean distance over landmarks throughout the brain between where they should and where they do lie."""
    landmarks = atlas.brain.world_xyz_mm(np.argwhere(atlas.brain.array > 0)[::200])
    moved = mapped(mapped(landmarks, np.linalg.inv(true)), found)
    return float(np.linalg.norm(moved - landmarks, axis=1).mean())


@pytest.mark.parametrize(
    ("angles", "shift", "spacing"),
    [
        ((0, -15, 0), (20, 0, 0), (1.2, 1.0, 1.1)),
        ((-6, 5, 15), (-10, 14, -8), (1.2, 1.0, 1.1)),
        ((9, -9, -6), (300, -200, 100), (1.2, 1.0, 1.1)),
        ((-8, 6, 7), (12, -9, 5), (5.5, 0.9, 0.9)),
        ((20, -10, 60), (5, 10, -5), (1.2, 1.0, 1.1)),
        ((10, 5, 175), (5, 10, -5), (1.2, 1.0, 1.1)),
    ],
    ids=["tilt", "turn", "boxes do not touch", "thick slices", "far turned", "turned round"],
)
def test_a_known_rigid_move_is_recovered(angles: Triple, shift: Triple, spacing: Triple, atlas: Atlas) -> None:
    true = truth(atlas, angles, shift)
    scan, _ = make_head_scan(atlas, true, spacing_zyx_mm=spacing)
    # Air on one side only: the middle of the grid is not the middle of the head.
    scan = replace(scan, array=np.pad(scan.array, ((0, 0), (0, 30), (0, 50))))
    found = register_rigid(scan, atlas, SMALL_HEAD, seed=0)
    assert mean_error_mm(np.eye(4), true, atlas) > 10
    assert mean_error_mm(found.to_atlas, true, atlas) < 1
    assert found.likeness_after > found.likeness_before > 0
    turn = found.to_atlas[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    angle = np.degrees(np.arccos((np.trace(true[:3, :3]) - 1) / 2))
    assert found.angle_degrees == pytest.approx(angle, abs=1)


def test_the_same_seed_gives_the_same_matrix_and_another_seed_nearly_the_same(atlas: Atlas) -> None:
    scan, _ = make_head_scan(atlas, truth(atlas, (5, -4, 3), (8, -6, 4)))
    plan = RegistrationPlan(working_spacing_mm=(4.0, 2.0), sampling_fraction=(1.0, 0.25))
    first, second, other = (register_rigid(scan, atlas, plan, seed=seed).to_atlas for seed in (3, 3, 4))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != other.tobytes()
    assert mean_error_mm(other, first, atlas) < 1


@pytest.mark.parametrize("array", [np.zeros((40, 40, 40)), np.pad(np.ones((1, 1, 1)), 4)], ids=["empty", "a speck"])
def test_a_scan_without_a_brain_fails(array: np.ndarray, atlas: Atlas) -> None:
    with pytest.raises(CaseFailedError) as caught:
        register_rigid(Volume(array.astype(np.float32), (1.0, 1.0, 1.0)), atlas, SMALL_HEAD, seed=0)
    assert caught.value.fix.startswith("Look at the image")


def test_overlap_counts_only_what_the_scan_shows() -> None:
    ours, theirs, seen = np.zeros((3, 4, 4, 4), bool)
    ours[:2], theirs[:3] = True, True
    assert overlap(ours, theirs, np.ones_like(seen)) == pytest.approx(2 * 32 / (32 + 48))
    seen[:2] = True
    assert overlap(ours, theirs, seen) == 1
    assert overlap(ours, theirs, ~seen) == 0
    assert overlap(~ours, theirs, ours) == 0


def test_the_correlation_is_pearsons_inside_the_region() -> None:
    rng = np.random.default_rng(0)
    image, noise = rng.standard_normal((2, 6, 6, 6))
    region = rng.random((6, 6, 6)) > 0.4
    assert correlation(image, 3 - 2 * image, region) == pytest.approx(-1)
    expected = np.corrcoef(image[region], noise[region])[0, 1]
    assert correlation(image, noise, region) == pytest.approx(expected)
    assert correlation(image, np.ones_like(image), region) == 0
    assert correlation(image, noise, np.zeros_like(region)) == 0


def test_mutual_information_sees_what_a_correlation_does_not() -> None:
    values = np.random.default_rng(0).uniform(-1, 1, 20000)
    shuffled = np.random.default_rng(1).permutation(values)
    same = mutual_information(values, values)
    assert same == pytest.approx(np.log(32), rel=0.01)
    assert mutual_information(values, values**2) > 0.5 * same
    assert mutual_information(values, shuffled) < 0.05
    assert mutual_information(values, np.ones_like(values)) == 0
    assert mutual_information(values[:0], values[:0]) == 0


@pytest.mark.parametrize("lost", [1, 99])
def test_a_start_that_loses_the_overlap_drops_out_and_only_all_of_them_are_a_failure(
    lost: int, atlas: Atlas, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    whole = rigid.descend

    def descend(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) <= lost:
            raise CaseFailedError("Registration to the atlas failed.")
        return whole(*arguments)

    monkeypatch.setattr(rigid, "descend", descend)
    true = truth(atlas, (5, 3, -4), (6, -5, 4))
    scan, _ = make_head_scan(atlas, true)
    if lost > 3:
        with pytest.raises(CaseFailedError, match="failed"):
            register_rigid(scan, atlas, SMALL_HEAD, seed=0)
    else:
        assert mean_error_mm(register_rigid(scan, atlas, SMALL_HEAD, seed=0).to_atlas, true, atlas) < 1


def test_the_distance_of_two_transforms_is_that_of_their_landmarks() -> None:
    atlas = make_atlas()
    true, wrong = truth(atlas, (5, 3, -4), (6, -5, 4)), truth(atlas, (5, 3, -4), (6, -5, 4))
    wrong[:3, 3] += (3.0, 4.0, 0.0)
    assert landmark_distance_mm(atlas, true, true) == pytest.approx(0, abs=1e-9)
    assert landmark_distance_mm(atlas, wrong, true) == pytest.approx(5)
