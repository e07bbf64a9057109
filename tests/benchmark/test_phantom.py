from __future__ import annotations

import numpy as np
import pytest

from rnnet.benchmark.phantom import Motion, draw_motion, move_head
from tests.factories import make_atlas, mapped

ATLAS = make_atlas()
STILL = Motion(0.0, (1.0, 0.0, 0.0), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), noise=0.0, bias=0.0)
MOVED = Motion(20.0, (0.6, 0.0, 0.8), (12.0, -30.0, 5.0), (2.0, 0.9, 0.9))


def test_the_moved_brain_goes_back_onto_the_atlass_brain() -> None:
    moved = move_head(ATLAS, MOVED, seed=0)
    brain = moved.brain.world_xyz_mm(np.argwhere(moved.brain.array > 0))
    index = ATLAS.brain.index_zyx(mapped(brain, moved.to_atlas)).round().astype(int)
    inside = ((index >= 0) & (index < np.array(ATLAS.brain.array.shape))).all(axis=1)
    assert inside.mean() > 0.99
    assert (ATLAS.brain.array[tuple(index[inside].T)] > 0).mean() > 0.95
    volumes = [float((v.array > 0).sum() * np.prod(v.spacing_zyx_mm)) for v in (moved.brain, ATLAS.brain)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.02)


def test_the_whole_head_is_in_the_field_of_view_unless_a_shape_is_given() -> None:
    moved = move_head(ATLAS, MOVED, seed=0)
    assert not any(moved.brain.array[edge].any() for edge in (0, -1))
    assert move_head(ATLAS, STILL, seed=0, shape_zyx=(40, 50, 60)).image.array.shape == (40, 50, 60)


def test_motions_differ_in_everything_and_stay_in_their_bounds() -> None:
    motions = [draw_motion(np.random.default_rng(i)) for i in range(50)]
    angles, shifts = ([m.angle_degrees for m in motions], [np.linalg.norm(m.shift_xyz_mm) for m in motions])
    assert 20 < max(angles) <= 30
    assert 25 < max(shifts) <= 40
    assert len({m.spacing_zyx_mm for m in motions}) == 50
    assert draw_motion(np.random.default_rng(3)) == motions[3]
