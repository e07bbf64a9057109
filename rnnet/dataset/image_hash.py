"""What an image shows in a short text: the same for copies that were resaved, rescaled, resampled or mirrored.

A perceptual hash. The image is cut to a band of sizes (difference of two Gaussian means, both taken inside the brain or
head alone) and sampled every 8 mm; of each sample only the sign is kept, and nothing where the image is flat. Grey
values, resolution and file format therefore hardly count. The distance of two hashes is 1 - the cosine between them.

What is recognised is the head: a follow-up scan of the same patient may look like a copy. Two frames say where the
samples lie:

- 'atlas': on the atlas grid, of a preprocessed scan. Finds native, skull-stripped and registered copies alike.
- 'head': around the centre of the head or brain, in the file's own axes. Needs no preprocessing, but a copy that was
  skull-stripped, cut through the head, or turned by a registration has another centre or other axes: it is not found.

Hashes of different frames never match.
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from rnnet.core.errors import FileFormatError
from rnnet.core.volume import Array, Volume
from rnnet.dataset.head import find_head

Match = tuple[int, int, float]
Signs = npt.NDArray[np.int8]

# Two hashes at most this far apart show the same image; 0 is equal, about 1 has nothing in common, 2 is the negative.
# rnnet_benchmark duplicates measures both sides: copies, also those registered 2 mm elsewhere, and different heads.
SAME_IMAGE_LIMIT = 0.45
# So near are only copies with the same voxels, or with others of them in proportion.
SAME_VOXELS_LIMIT = 0.01
ATLAS_FRAME = "atlas1"
HEAD_FRAME = "head1"
# Axes (z, y, x) by which copies are mirrored in practice. A brain on the atlas stands upright, whatever its file said.
_MIRRORS: dict[str, tuple[tuple[int, ...], ...]] = {
    ATLAS_FRAME: ((2,),),
    HEAD_FRAME: tuple(axes for count in (1, 2, 3) for axes in combinations((0, 1, 2), count)),
}

# Larger than the usual difference between two registrations, smaller than what all heads have in common.
_FINE_SIGMA_MM = 2.0
_COARSE_SIGMA_MM = 5.0
_BLOCK_MM = 2.0
_CELL_MM = 4.0
# Odd numbers of cells: a mirrored grid falls on itself. Every second cell is a sample.
_GRID_ZYX = (49, 57, 49)
_SAMPLE_EVERY = 2
_LEAST_FILLED = 0.5
# The flattest samples have a sign by chance.
_FLAT_SHARE = 0.3
# Fewer samples are no head; a human's brain has about 1,500.
_LEAST_SAMPLES = 400
# So many samples tell most pairs apart already; what may still be nearer than the limit is looked at in full.
_SCREEN_SAMPLES = 1500
_SCREEN_SLACK = 0.12
_ROWS_AT_ONCE = 2048
_PAIRS_AT_ONCE = 1024


def atlas_hash(image: Array, brain: Array) -> str:
    """Hash of a preprocessed scan: image (z, y, x) on the 1 mm atlas grid, brain bool; '' if it shows too little."""
    middle = (np.array(image.shape) - 1) / 2
    return _encode(ATLAS_FRAME, _signs(image, brain, (1.0, 1.0, 1.0), middle))


def head_hash(image: Volume) -> str:
    """Hash of a raw image (any spacing, axes and intensities); '' where no head stands out."""
    head = find_head(image)
    if head is None:
        return ""
    axes, flips = _to_lps(image)
    values = np.flip(np.nan_to_num(image.array.transpose(axes), posinf=0.0, neginf=0.0), flips)
    inside = np.flip(head.on_image(image).transpose(axes), flips)
    sz, sy, sx = (image.spacing_zyx_mm[axis] for axis in axes)
    # The centre of mass moves less than the box where a threshold differs by a little.
    center = head.region.world_xyz_mm(np.argwhere(head.region.array).mean(axis=0))
    middle = image.index_zyx(center)[list(axes)]
    for axis in flips:
        middle[axis] = values.shape[axis] - 1 - middle[axis]
    return _encode(HEAD_FRAME, _signs(values, inside, (sz, sy, sx), middle))


def matches(first: Sequence[str], second: Sequence[str], *, limit: float = SAME_IMAGE_LIMIT) -> list[Match]:
    """Index pairs (of `first`, of `second`) of hashes that show the same image, with their distance, nearest first.

    Mirrored copies count as the same. '' and hashes of different frames never match. Give the same sequence twice to
    compare it with itself; every pair then stands in both orders, and each hash matches itself.

    Raises:
        FileFormatError: a text is no hash.
    """
    found: dict[tuple[int, int], float] = {}
    groups = [_by_frame(hashes) for hashes in (first, second)]
    for frame in groups[0].keys() & groups[1].keys():
        (rows, left), (columns, right) = groups[0][frame], groups[1][frame]
        for axes in ((), *_MIRRORS[frame]):
            turned = np.flip(right, tuple(a + 1 for a in axes))
            for i, j, distance in _near(left, turned, limit):
                pair = rows[i], columns[j]
                found[pair] = min(distance, found.get(pair, distance))
    return sorted(((i, j, d) for (i, j), d in found.items()), key=lambda match: (match[2], match[:2]))


def hash_distance(first: str, second: str, *, mirrored: bool = False) -> float:
    """Distance of two hashes of one frame as they are, or the least of the mirrored ones; 2.0 if they do not compare.

    Raises:
        FileFormatError: a text is no hash.
    """
    groups = [_by_frame([text]) for text in (first, second)]
    shared = groups[0].keys() & groups[1].keys()
    if not shared:
        return 2.0
    frame = shared.pop()
    left, right = groups[0][frame][1], groups[1][frame][1]
    turned = [np.flip(right, tuple(a + 1 for a in axes)) for axes in _MIRRORS[frame]] if mirrored else [right]
    return min(_one_distance(left, other) for other in turned)


def _near(left: Signs, right: Signs, limit: float) -> Iterator[Match]:
    """Pairs of hashes (n, z, y, x) and (m, z, y, x) within the limit."""
    one, other = _rows(left), _rows(right)
    used = np.flatnonzero((one != 0).any(axis=0) | (other != 0).any(axis=0))  # most of the grid is outside every head
    screen = used[:: -(-len(used) // _SCREEN_SAMPLES)]
    rows, columns = (_unit(signs[:, screen]) for signs in (one, other))
    for start in range(0, len(one), _ROWS_AT_ONCE):
        screened = 1 - rows[start : start + _ROWS_AT_ONCE] @ columns.T
        pairs = np.argwhere(screened <= limit + _SCREEN_SLACK)
        for first in range(0, len(pairs), _PAIRS_AT_ONCE):
            i, j = pairs[first : first + _PAIRS_AT_ONCE].T
            i = i + start
            distance = 1 - np.einsum("ps,ps->p", _unit(one[i][:, used]), _unit(other[j][:, used]))
            for place in np.flatnonzero(distance <= limit):
                yield int(i[place]), int(j[place]), max(0.0, float(distance[place]))


def _unit(rows: Signs) -> npt.NDArray[np.float32]:
    """Rows of -1, 0 and 1 divided by their lengths."""
    lengths = np.sqrt(np.maximum(1, np.count_nonzero(rows, axis=1))).astype(np.float32)
    return np.asarray(rows.astype(np.float32) / lengths[:, None])


def _rows(signs: Signs) -> Signs:
    return signs.reshape(len(signs), -1)


def _one_distance(one: Signs, other: Signs) -> float:
    first, second = (_unit(_rows(signs))[0] for signs in (one, other))
    return max(0.0, 1 - float(first @ second))


def _signs(image: Array, inside: Array, spacing_zyx_mm: Sequence[float], middle_zyx_vox: Array) -> Signs:
    """-1, 0 or 1 of the band-passed image on the grid around a middle; 0 outside, and where it is flat."""
    from scipy.ndimage import affine_transform, gaussian_filter

    steps = [max(1, round(_BLOCK_MM / mm)) for mm in spacing_zyx_mm]
    block_mm = np.array(spacing_zyx_mm) * steps
    middle = (middle_zyx_vox - (np.array(steps) - 1) / 2) / steps
    scale = _CELL_MM / block_mm
    offset = middle - scale * (np.array(_GRID_ZYX) - 1) / 2

    def on_grid(array: Array) -> Array:
        means = _block_means(array.astype(np.float32), steps)
        fine = gaussian_filter(means, _FINE_SIGMA_MM / block_mm, mode="constant")
        return np.asarray(affine_transform(fine, scale, offset, output_shape=_GRID_ZYX, order=1))

    further_cells = np.sqrt(_COARSE_SIGMA_MM**2 - _FINE_SIGMA_MM**2) / _CELL_MM
    weights = [on_grid(inside)]
    sums = [on_grid(np.where(inside, image, 0))]
    for means in (weights, sums):
        means.append(gaussian_filter(means[0], further_cells, mode="constant"))
    fine, coarse = (s / np.maximum(w, 1e-3) for s, w in zip(sums, weights, strict=True))
    samples = (slice(None, None, _SAMPLE_EVERY),) * 3
    band, filled = (fine - coarse)[samples], weights[0][samples] >= _LEAST_FILLED
    signs = np.zeros(band.shape, np.int8)
    if filled.any():
        strong = filled & (np.abs(band) > np.quantile(np.abs(band[filled]), _FLAT_SHARE))
        signs[strong] = np.sign(band[strong])
    return signs


def _block_means(array: npt.NDArray[np.float32], steps: Sequence[int]) -> npt.NDArray[np.float32]:
    """Means over blocks; the last block of an axis is filled up with zeros."""
    for axis, step in enumerate(steps):
        if step > 1:
            edges = np.arange(0, array.shape[axis], step)
            array = (np.add.reduceat(array, edges, axis=axis) / step).astype(np.float32)
    return array


def _to_lps(image: Volume) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Array axes (z, y, x) in the order of those nearest to S, P, L, and which of the result point the other way."""
    import nibabel.orientations as orientations

    # A row for each voxel axis x, y, z: the world axis it runs along, and its sense.
    found = orientations.io_orientation(image.index_to_world)
    along = {int(world): (2 - voxel, sense) for voxel, (world, sense) in enumerate(found)}
    order = [along[world] for world in (2, 1, 0)]
    return tuple(a for a, _ in order), tuple(i for i, (_, sense) in enumerate(order) if sense < 0)


def _encode(frame: str, signs: Signs) -> str:
    """frame:base64 of which samples are not 0, and of their signs; '' where they are too few."""
    flat = signs.ravel()
    if np.count_nonzero(flat) < _LEAST_SAMPLES:
        return ""
    content = np.packbits(flat != 0).tobytes() + np.packbits(flat[flat != 0] > 0).tobytes()
    return f"{frame}:{b64encode(zlib.compress(content, 9)).decode()}"


def _decode(text: str) -> tuple[str, Signs]:
    """The frame and the signs (z, y, x) of a hash."""
    shape = tuple(-(-n // _SAMPLE_EVERY) for n in _GRID_ZYX)
    size = int(np.prod(shape))
    try:
        frame, code = text.split(":")
        if frame not in _MIRRORS:
            raise ValueError(text)
        content = np.frombuffer(zlib.decompress(b64decode(code, validate=True)), np.uint8)
        used = np.unpackbits(content[: -(-size // 8)], count=size).astype(bool)
        signs = np.zeros(size, np.int8)
        signs[used] = 2 * np.unpackbits(content[-(-size // 8) :], count=int(used.sum())).astype(np.int8) - 1
    except (ValueError, zlib.error) as error:
        raise FileFormatError(
            f"'{text[:40]}' is not an image hash of this version.", fix="Preprocess the scans again."
        ) from error
    return frame, signs.reshape(shape)


def _by_frame(hashes: Sequence[str]) -> dict[str, tuple[list[int], Signs]]:
    """Places and signs (n, z, y, x) of the hashes by frame."""
    groups: dict[str, tuple[list[int], list[Signs]]] = {}
    for index, text in enumerate(hashes):
        if text:
            frame, signs = _decode(text)
            indices, members = groups.setdefault(frame, ([], []))
            indices.append(index)
            members.append(signs)
    return {frame: (indices, np.stack(members)) for frame, (indices, members) in groups.items()}
