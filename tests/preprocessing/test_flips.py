from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnet.core.errors import CaseFailedError
from rnnet.core.volume import Volume
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.registration.flips import FlipFinding, suspect_flip
from tests.factories import make_head_scan, rigid_matrix


@pytest.fixture(scope="module")
def scan(atlas: Atlas) -> Volume:
    """The made-up head, which looks quite another from its other side, turned a little and elsewhere in the world."""
    middle = atlas.head.world_xyz_mm((np.array(atlas.head.array.shape) - 1) / 2)
    image, _ = make_head_scan(atlas, rigid_matrix((8, -6, 10), (40, -14, 11), middle))
    return image


def found(scan: Volume, atlas: Atlas, *axes: int) -> FlipFinding | None:
    """Of the scan with these array axes (0 z, 1 y, 2 x) the other way round."""
    return suspect_flip(scan.with_array(np.ascontiguousarray(np.flip(scan.array, axes))), atlas)


def test_a_true_scan_is_not_suspected(scan: Volume, atlas: Atlas) -> None:
    assert suspect_flip(scan, atlas) is None


def test_a_head_turned_by_less_than_a_right_angle_is_not_suspected(atlas: Atlas) -> None:
    middle = atlas.head.world_xyz_mm((np.array(atlas.head.array.shape) - 1) / 2)
    image, _ = make_head_scan(atlas, rigid_matrix((25, 10, 60), (10, 20, -10), middle))
    assert suspect_flip(image, atlas) is None


@pytest.mark.parametrize(
    ("axes", "kind"),
    [((2,), "left-right"), ((1,), "front-back"), ((0,), "up-down"), ((1, 2), "front-back"), ((0, 2), "up-down"),
     ((0, 1), "front-back and up-down"), ((0, 1, 2), "front-back and up-down")],
    ids=["left-right", "front-back", "up-down", "turned about z", "turned about y", "turned about x", "inverted"],
)
def test_a_scan_the_wrong_way_round_is_suspected(
    axes: tuple[int, ...], kind: str, scan: Volume, atlas: Atlas
) -> None:
    finding = found(scan, atlas, *axes)
    assert finding is not None
    assert finding.kind == kind
    assert finding.likeness_best > 1.15 * finding.likeness_as_is > 0
    assert kind in finding.message


def test_a_symmetric_brain_is_not_suspected(atlas: Atlas) -> None:
    both = atlas.brain.array + atlas.brain.array[:, :, ::-1]
    assert suspect_flip(replace(atlas.brain, array=both), atlas) is None


def test_the_same_scan_gives_the_same_finding(scan: Volume, atlas: Atlas) -> None:
    assert found(scan, atlas, 2) == found(scan, atlas, 2)


def test_a_scan_without_a_brain_fails(atlas: Atlas) -> None:
    with pytest.raises(CaseFailedError, match="no foreground"):
        suspect_flip(atlas.brain.with_array(np.zeros_like(atlas.brain.array)), atlas)
