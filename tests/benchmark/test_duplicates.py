from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rnnet.benchmark.copies import COPIES, cropped, moved, resampled, rescaled
from rnnet.benchmark.duplicates import AtlasHasher, DuplicateMeasures, copy_rows, made_up_heads, measure_duplicates
from rnnet.core.errors import RnnetError
from rnnet.core.volume import Volume
from tests.factories import make_atlas, make_head_scan, make_volume


def small_heads(count: int) -> dict[str, Volume]:
    return {k: Volume(h.array[::2, ::2, ::2], (4.0, 4.0, 4.0)) for k, h in made_up_heads(count).items()}


def test_made_up_heads_are_told_apart_and_their_copies_recognised() -> None:
    measured = measure_duplicates(small_heads(2), n_processes=1, copies={"twice": rescaled, "air": cropped})
    assert [(c.kind, c.found, len(c.distances)) for c in measured.copies] == [("twice", 2, 2), ("air", 2, 2)]
    assert [(one, other) for one, other, _ in measured.others] == [("made-up head 1", "made-up head 2")]
    assert measured.others[0][2] > 0.45 > max(d for c in measured.copies for d in c.distances)
    assert copy_rows(measured)[0][:2] == ("twice", "2 of 2")


def test_a_copy_that_cannot_be_hashed_counts_as_missed() -> None:
    def broken(image: Volume) -> Volume:
        raise ValueError("no copy")

    def empty(image: Volume) -> Volume:
        return image.with_array(np.zeros_like(image.array))

    measured = measure_duplicates(small_heads(1), n_processes=1, copies={"broken": broken, "empty": empty})
    assert [c.found for c in measured.copies] == [0, 0]
    assert all(np.isnan(c.distances).all() for c in measured.copies)
    assert isinstance(measured, DuplicateMeasures)


def test_a_scan_that_has_no_hash_itself_is_named() -> None:
    mask = Volume(np.zeros((20, 20, 20), np.float32), (4.0, 4.0, 4.0))
    with pytest.raises(RnnetError, match=r"1 image.* do not show enough of a head to be compared: a mask"):
        measure_duplicates({**small_heads(1), "a mask": mask}, n_processes=1, copies={"twice": rescaled})


def test_after_preprocessing_a_registered_copy_lies_on_the_atlas_grid_a_little_elsewhere() -> None:
    atlas = make_atlas()
    image, _ = make_head_scan(atlas)
    copy = AtlasHasher(atlas).registered_copies()["stripped, registered 3 mm, 2 deg elsewhere"](image)
    assert copy.same_grid(atlas.head)
    inside = atlas.brain.array > 0
    assert (copy.array[inside] > 0).mean() > 0.8
    assert 0.01 < (copy.array[~inside] > 0).mean() < 0.5


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_has_other_voxels_than_the_original(kind: str) -> None:
    image = make_volume((26, 28, 30), (2.5, 1.2, 1.0), stripped=True)
    image = replace(image, array=np.pad(image.array, 5))
    copy = COPIES[kind](image)
    assert copy.array.shape != image.array.shape or not np.array_equal(copy.array, image.array)


def test_a_resampled_and_a_moved_copy_show_the_same_places() -> None:
    image = make_volume((20, 24, 22), (2.0, 1.0, 1.0), stripped=True)
    finer = resampled(image, spacing_zyx_mm=(1.0, None, None))
    assert finer.spacing_zyx_mm == (1.0, 1.0, 1.0)
    assert finer.array.shape == (40, 24, 22)
    assert moved(image, degrees=0, shift_mm=0).array == pytest.approx(image.array, abs=1e-3)
