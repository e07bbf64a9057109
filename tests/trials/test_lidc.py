import numpy as np
import pytest

from tests.trials.database import Reader, write_database
from trials.lidc import BORDER_VOX, EDGE_VOX, Outline, group_outlines, read_nodules

A, B = Reader((5, 20, 20), (6, 8, 8), margin=2), Reader((5, 20, 22), (6, 8, 8), margin=5)


def _nodules(tmp_path, *readers, thickness=1.0):
    return list(read_nodules(write_database(tmp_path / "db.sqlite", [("P1", thickness, readers)])))


def _outline(x, edge=4):
    return Outline((0, 0, x), np.ones((2, edge, edge), bool), (1,) * 7)


def test_the_inside_of_an_outline_leaves_its_own_pixels_out(tmp_path):
    (nodule,) = _nodules(tmp_path, A)
    assert nodule.share.shape == (6, 10, 10)  # with the outline
    assert nodule.share.sum() == 6 * 8 * 8


def test_a_hole_is_cut_out_without_its_outline(tmp_path):
    (nodule,) = _nodules(tmp_path, Reader((5, 20, 20), (1, 8, 8), hole=True))
    assert nodule.share.sum() == 64 - 4 * 4


def test_overlapping_outlines_are_one_nodule_with_median_ratings(tmp_path):
    (nodule,) = _nodules(tmp_path, A, B)
    assert nodule.n_readers == 2
    assert nodule.ratings["margin"] == 3.5
    assert sorted(np.unique(nodule.share)) == [0, 0.5, 1]


def test_outlines_that_do_not_touch_are_two_nodules(tmp_path):
    nodules = _nodules(tmp_path, A, Reader((25, 20, 20), (6, 8, 8)))
    assert [n.n_readers for n in nodules] == [1, 1]
    assert len({n.nodule_id for n in nodules}) == 2


def test_more_than_four_outlines_are_divided_where_they_overlap_less():
    near, far = [_outline(0) for _ in range(4)], [_outline(3) for _ in range(2)]
    assert sorted(len(g) for g in group_outlines([*near, *far])) == [2, 4]


def test_five_outlines_of_the_same_voxels_are_no_nodule():
    assert group_outlines([_outline(0) for _ in range(5)]) == []


def test_the_cube_shows_the_nodule_in_its_middle_at_its_size(tmp_path):
    (nodule,) = _nodules(tmp_path, A)
    assert nodule.fits
    assert nodule.volume_mm3 == pytest.approx(6 * 8 * 8 * 0.75**2, rel=0.35)
    places = np.argwhere(nodule.mask())
    assert (places.min(axis=0) + places.max(axis=0)).tolist() == pytest.approx([EDGE_VOX - 1] * 3, abs=1)


def test_a_nodule_that_reaches_into_the_border_does_not_fit(tmp_path):
    wide = Reader((5, 20, 20), (3, 4, EDGE_VOX - 2 * BORDER_VOX + 2))
    (nodule,) = _nodules(tmp_path, wide)
    assert not nodule.fits
