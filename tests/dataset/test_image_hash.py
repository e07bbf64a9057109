from __future__ import annotations

import numpy as np
import pytest

from rnnet.benchmark.copies import COPIES, moved
from rnnet.benchmark.duplicates import made_up_heads
from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Volume
from rnnet.dataset.image_hash import SAME_IMAGE_LIMIT, SAME_VOXELS_LIMIT, atlas_hash, hash_distance, head_hash, matches


def coarse(head: Volume) -> Volume:
    return Volume(head.array[::2, ::2, ::2], (4.0, 4.0, 4.0))


HEADS = [coarse(head) for head in made_up_heads(3).values()]
HASHES = [head_hash(head) for head in HEADS]


def brain(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(image, mask) on a 1 mm grid."""
    from scipy.ndimage import gaussian_filter

    image = gaussian_filter(np.random.default_rng(seed).standard_normal((88, 104, 96)).astype(np.float32), 3)
    mask = np.zeros(image.shape, bool)
    mask[4:84, 6:100, 5:92] = True
    return np.where(mask, image / image.std(), 0), mask


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_of_a_raw_image_is_recognised_and_other_heads_are_not(kind: str) -> None:
    found = matches(HASHES, [head_hash(COPIES[kind](HEADS[1]))])
    assert [(i, j) for i, j, _ in found] == [(1, 0)]


def test_values_in_proportion_and_a_change_of_type_leave_the_hash_as_it_is() -> None:
    head = HEADS[0].with_array(np.rint(HEADS[0].array).astype(np.int16))
    other = head.with_array((head.array * 3.0 + 100).astype(np.float64))
    assert hash_distance(head_hash(head), head_hash(other)) <= SAME_VOXELS_LIMIT


def test_a_stripped_or_much_turned_copy_of_a_raw_head_is_not_recognised() -> None:
    """What raw images cannot show; the command says so."""
    head = HEADS[0]
    z, y, x = (slice(n // 2 - n // 4, n // 2 + n // 8) for n in head.array.shape)
    part = np.zeros_like(head.array)
    part[z, y, x] = head.array[z, y, x]
    assert hash_distance(head_hash(head), head_hash(head.with_array(part))) > SAME_IMAGE_LIMIT
    assert hash_distance(head_hash(head), head_hash(moved(head, degrees=20, shift_mm=0))) > SAME_IMAGE_LIMIT


def test_on_the_atlas_a_copy_elsewhere_with_another_mask_is_recognised_and_other_brains_are_not() -> None:
    image, mask = brain(0)
    original = atlas_hash(image, mask)
    smaller = np.zeros_like(mask)
    smaller[7:80, 9:97, 8:90] = True
    near = atlas_hash(np.where(smaller, 2 * np.roll(image, 2, axis=1) + 5, 0), smaller)
    others = [atlas_hash(*brain(seed)) for seed in (1, 2)]
    assert 0 < hash_distance(original, near) < SAME_IMAGE_LIMIT
    assert min(hash_distance(original, other) for other in others) > 0.8
    assert [(i, j) for i, j, _ in matches([original], [*others, near])] == [(0, 2)]


def test_on_the_atlas_only_a_left_right_mirror_counts() -> None:
    image, mask = brain(0)
    original = atlas_hash(image, mask)
    sideways, upside_down = (atlas_hash(np.flip(image, axis), np.flip(mask, axis)) for axis in (2, 0))
    assert hash_distance(original, sideways) > SAME_IMAGE_LIMIT
    assert hash_distance(original, sideways, mirrored=True) < SAME_VOXELS_LIMIT
    assert [(i, j) for i, j, _ in matches([original], [upside_down, sideways])] == [(0, 1)]


def test_many_hashes_are_matched_as_pairs_one_by_one_would_be() -> None:
    texts = [atlas_hash(*brain(seed)) for seed in range(6)]
    found = matches(texts, ["", texts[4], texts[2], "", texts[4]])
    assert sorted((i, j) for i, j, _ in found) == [(2, 2), (4, 1), (4, 4)]
    assert all(distance == pytest.approx(0, abs=1e-5) for _, _, distance in found)
    everything = matches(texts, texts, limit=2.0)
    for i, j, distance in everything:
        nearest = min(hash_distance(texts[i], texts[j]), hash_distance(texts[i], texts[j], mirrored=True))
        assert distance == pytest.approx(nearest, abs=1e-5)
    assert len(everything) == 36
    assert [d for _, _, d in everything] == sorted(d for _, _, d in everything)


def test_images_without_a_head_or_with_too_little_of_one_have_no_hash_and_match_nothing() -> None:
    assert head_hash(Volume(np.zeros((20, 20, 20), np.float32), (2.0, 2.0, 2.0))) == ""
    image, mask = brain(0)
    assert atlas_hash(image[:24, :28, :26], mask[:24, :28, :26]) == ""
    assert atlas_hash(image, np.zeros_like(mask)) == ""
    assert atlas_hash(np.zeros_like(image), mask) == ""
    assert matches(["", ""], ["", ""]) == []


def test_hashes_of_different_frames_do_not_match() -> None:
    one, other = atlas_hash(*brain(0)), head_hash(HEADS[0])
    assert matches([one], [other], limit=2.0) == []
    assert hash_distance(one, other) == 2.0


@pytest.mark.parametrize("text", ["atlas1", "atlas0:AAAA", "atlas1:!!", "atlas1:AAAA", "d1:e2:f3"])
def test_a_text_that_is_no_hash_is_an_error(text: str) -> None:
    with pytest.raises(FileFormatError, match="not an image hash"):
        matches([text], [text])
