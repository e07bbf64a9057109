"""Copies of a scan as they go round: how far do their image hashes lie from the original's, and other heads'?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from rnnet.benchmark.copies import COPIES, Copy, moved
from rnnet.core.errors import RnnetError
from rnnet.core.parallel import map_cases
from rnnet.core.volume import Volume
from rnnet.dataset.image_hash import SAME_IMAGE_LIMIT, atlas_hash, hash_distance, head_hash
from rnnet.planning.plan import PreprocessingPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from rnnet.preprocessing.state import PreprocessedScan

_MADE_UP_SHAPE_ZYX = (80, 112, 96)
_MADE_UP_MM = 2.0
# How far apart two programs may register the same brain: usual, and too far.
_ELSEWHERE = ((1.0, 1.0), (1.0, 2.0), (2.0, 3.0))


@dataclass(frozen=True, slots=True)
class CopyDistances:
    """Distances of one kind of copy to the originals, one for each scan; nan where a hash could not be made."""

    kind: str
    distances: tuple[float, ...]

    @property
    def found(self) -> int:
        """Copies that are recognised."""
        return sum(d <= SAME_IMAGE_LIMIT for d in self.distances)


@dataclass(frozen=True, slots=True)
class DuplicateMeasures:
    """copies: by kind. others: (scan, scan, distance) of every pair of different heads, nearest first."""

    scans: tuple[str, ...]
    copies: tuple[CopyDistances, ...]
    others: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class AtlasHasher:
    """Preprocesses an image and hashes it on the atlas, as rnnet_preprocess does."""

    atlas: Atlas
    plan: PreprocessingPlan = field(default_factory=PreprocessingPlan)
    weights_folder: Path | None = None

    def preprocessed(self, image: Volume) -> PreprocessedScan:
        """The scan on the atlas."""
        settings = ScanSettings(weights_folder=self.weights_folder)
        return preprocess_scan(image, None, scan_id="copy", plan=self.plan, atlas=self.atlas, settings=settings)

    def __call__(self, image: Volume) -> str:
        """The hash of an image."""
        scan = self.preprocessed(image)
        return atlas_hash(scan.image, scan.brain)

    def registered(self, image: Volume, *, degrees: float, shift_mm: float) -> Volume:
        """A copy as collections of registered brains hold it, put a little elsewhere than rnnet puts it."""
        scan = self.preprocessed(image)
        brain = np.where(scan.brain, 1000 + 200 * scan.image, 0).clip(0).astype(np.float32)
        return moved(scan.on_atlas_grid(brain), degrees=degrees, shift_mm=shift_mm)

    def registered_copies(self) -> dict[str, Copy]:
        """Such copies by name."""
        return {
            f"stripped, registered {mm:g} mm, {degrees:g} deg elsewhere":
                partial(self.registered, degrees=degrees, shift_mm=mm)
            for degrees, mm in _ELSEWHERE
        }


def measure_duplicates(
    scans: Mapping[str, Volume], *, n_processes: int, hasher: AtlasHasher | None = None,
    copies: Mapping[str, Copy] | None = None,
) -> DuplicateMeasures:
    """Hash scans of different patients and their copies: as raw images, or after preprocessing by `hasher`.

    copies: kinds of copies by name; all by default, with a hasher also a registered one.

    Raises:
        RnnetError: a scan does not show enough of a head to have a hash.
    """
    if copies is None:
        copies = COPIES if hasher is None else {**COPIES, **hasher.registered_copies()}
    jobs = [(image, copy) for image in scans.values() for copy in (None, *copies.values())]
    results = map_cases(_Hash(hasher or head_hash), jobs, n_processes=n_processes, title="copies")
    texts = iter("" if isinstance(result, RnnetError) else result for result in results)
    hashes = {name: [next(texts) for _ in range(1 + len(copies))] for name in scans}
    if empty := [name for name, found in hashes.items() if not found[0]]:
        raise RnnetError(f"{len(empty)} image(s) do not show enough of a head to be compared: {', '.join(empty)}.",
                         fix="Give scans of whole heads or brains, no masks.")
    distances = tuple(
        CopyDistances(kind, tuple(_distance(found[0], found[number]) for found in hashes.values()))
        for number, kind in enumerate(copies, start=1)
    )
    names = tuple(scans)
    others = [
        (one, other, _distance(hashes[one][0], hashes[other][0]))
        for number, one in enumerate(names) for other in names[number + 1 :]
    ]
    return DuplicateMeasures(names, distances, tuple(sorted(others, key=lambda pair: pair[2])))


def made_up_heads(count: int, *, seed: int = 0) -> dict[str, Volume]:
    """Heads of the same size with a skull, whose brains differ as random textures do."""
    from scipy.ndimage import gaussian_filter

    grid = np.stack(np.meshgrid(*[np.linspace(-1.2, 1.2, n) for n in _MADE_UP_SHAPE_ZYX], indexing="ij"))
    radius = np.sqrt((grid**2).sum(axis=0))
    heads = {}
    for number in range(count):
        rng = np.random.default_rng((seed, number))
        texture = gaussian_filter(rng.standard_normal(radius.shape, np.float32), 5.0 / _MADE_UP_MM)
        brain = 100 + 25 * texture / texture.std()
        image = np.where(radius < 0.85, brain, np.where(radius < 0.92, 15, np.where(radius < 1, 160, 0)))
        noisy = np.abs(image + rng.standard_normal(radius.shape))
        heads[f"made-up head {number + 1}"] = Volume(noisy.astype(np.float32), (_MADE_UP_MM,) * 3)
    return heads


def copy_rows(measured: DuplicateMeasures) -> list[tuple[str, ...]]:
    """Cells of a table, one row per kind of copy."""
    return [
        (c.kind, f"{c.found} of {len(c.distances)}", f"{np.median(c.distances):.3f}", f"{max(c.distances):.3f}")
        for c in measured.copies
    ]


COPY_HEADER = ("copy", "found", "median distance", "largest")


@dataclass(frozen=True, slots=True, eq=False)
class _Hash:
    hasher: Callable[[Volume], str]

    def __call__(self, job: tuple[Volume, Copy | None]) -> str:
        image, copy = job
        return self.hasher(image if copy is None else copy(image))


def _distance(one: str, other: str) -> float:
    if not one or not other:
        return float("nan")
    return min(hash_distance(one, other), hash_distance(one, other, mirrored=True))
