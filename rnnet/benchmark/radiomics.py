"""Seconds per lesion of radiomics, beside pyradiomics' own execute() with the same settings and the same values."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.errors import RnnetError
from rnnet.core.seeding import rng_for
from rnnet.core.types import LesionCase
from rnnet.core.volume import Volume
from rnnet.core.worker import one_thread
from rnnet.features.radiomics import RadiomicsExtractor, RadiomicsInput
from rnnet.features.radiomics_backend import plain_extractor
from rnnet.features.radiomics_rows import extract_rows
from rnnet.features.radiomics_settings import filter_reach_vox
from rnnet.planning.plan import FeaturesPlan
from rnnet.preprocessing.crop import window

AIM_RATIO = 2.0
# Of the atlas: what a preprocessed scan has.
_SHAPE_ZYX = (155, 240, 240)
_CROP_VOX = 64
_RADII_MM = (3.0, 5.0, 8.0, 12.0)
_MCC = "getMCCFeatureValue"
_LOG_FILTER = "LaplacianRecursiveGaussianImageFilter_Execute"
_TEXTURES = ("firstorder", "glrlm", "glszm", "gldm", "ngtdm")


@dataclass(frozen=True, slots=True)
class Timing:
    """One way: seconds per lesion by the clock and of this process's cores (None: of several processes).

    difference: the largest one from rnnet's values, relative; 0 is equal to the bit. Where other work shares the
    cores, the clock's seconds rise and the cores' do not.
    """

    way: str
    seconds_per_lesion: float
    core_seconds_per_lesion: float | None
    difference: float


@dataclass(frozen=True, slots=True, eq=False)
class MadeUpLesions:
    """Lesions of a made-up scan; reads the part around one, as from the store. Picklable."""

    image: Volume
    centers_zyx: tuple[tuple[int, int, int], ...]
    radii_mm: tuple[float, ...]
    margin_vox: int

    def mask(self, number: int) -> Volume:
        """The whole mask (z, y, x) of one lesion."""
        mask = np.zeros(self.image.array.shape, np.uint8)
        center, radius = self.centers_zyx[number], self.radii_mm[number]
        reach = int(radius) + 1
        box = tuple(slice(c - reach, c + reach + 1) for c in center)
        grid = np.indices((2 * reach + 1,) * 3) - reach
        mask[box] = (grid**2).sum(axis=0) <= radius**2
        return self.image.with_array(mask)

    def __call__(self, case: LesionCase) -> RadiomicsInput:
        """The lesion with the filters' reach around it."""
        return RadiomicsInput(self.image, self.mask(case.lesion_value)).cut_to_lesion(self.margin_vox)


def made_up_lesions(count: int, plan: FeaturesPlan, *, seed: int = 0) -> MadeUpLesions:
    """Balls of 3 to 12 mm radius with a bright rim in smooth noise, z-scored, on the atlas's grid."""
    from scipy.ndimage import gaussian_filter

    rng = rng_for(seed, "radiomics benchmark")
    noise = gaussian_filter(rng.standard_normal(_SHAPE_ZYX).astype(np.float32), 1.0)
    image = noise / noise.std()
    middle = np.array(_SHAPE_ZYX) // 2
    centers = [tuple(int(c) for c in middle + rng.integers(-30, 31, 3)) for _ in range(count)]
    radii = tuple(_RADII_MM[i % len(_RADII_MM)] for i in range(count))
    for (z, y, x), radius in zip(centers, radii, strict=True):
        reach = int(radius) + 6
        grid = np.indices((2 * reach + 1,) * 3) - reach
        rim = 2 * np.exp(-(((np.sqrt((grid**2).sum(axis=0)) - 0.8 * radius) / 2) ** 2))
        image[z - reach : z + reach + 1, y - reach : y + reach + 1, x - reach : x + reach + 1] += rim
    return MadeUpLesions(
        Volume(image, (1.0, 1.0, 1.0)), tuple(centers), radii, filter_reach_vox(plan),  # type: ignore[arg-type]
    )


def measure_radiomics(lesions: MadeUpLesions, plan: FeaturesPlan, *, n_processes: int) -> tuple[Timing, ...]:
    """rnnet on one core and on `n_processes`, and pyradiomics' execute() on the whole scan and on the crop of 64 mm.

    All have the settings of the plan's parameter file, so `preCrop` too. pyradiomics runs as its users run it: one
    lesion after the other, with the extractor made once. On one thread the whole scan gives the same values to the
    last bit; with the libraries' own threads LAPACK rounds otherwise. In the crop the filters end at its edge.

    Raises:
        RnnetError: a lesion could not be extracted.
    """
    cases = _cases(len(lesions.radii_mm))
    # What a worker or a process does once is not a lesion's time: one lesion goes first.
    warm = extract_rows(cases[:1], lesions, plan, n_processes=1, title="first")
    if warm[0].warning:
        raise RnnetError(f"The made-up lesion has no radiomics: {warm[0].warning}")
    values, one = _timed(partial(_rnnet, lesions, plan, cases, 1))
    _rnnet(lesions, plan, cases[:n_processes], n_processes)
    _, many = _timed(partial(_rnnet, lesions, plan, cases, n_processes))
    with one_thread():
        whole, of_whole = _timed(partial(_plain, lesions, plan, None))
        crop, of_crop = _timed(partial(_plain, lesions, plan, _CROP_VOX))
    threaded, of_threaded = _timed(partial(_plain, lesions, plan, None))
    n = len(cases)
    ways = {
        "rnnet, 1 process": (one, values), f"rnnet, {n_processes} processes": ((many[0], None), values),
        "execute(), whole scan, 1 thread": (of_whole, whole),
        "execute(), whole scan, libraries' threads": (of_threaded, threaded),
        f"execute(), crop of {_CROP_VOX} mm, 1 thread": (of_crop, crop),
    }
    return tuple(
        Timing(way, clock / n, None if cores is None else cores / n, _difference(values, found))
        for way, ((clock, cores), found) in ways.items()
    )


def profile_radiomics(lesions: MadeUpLesions, plan: FeaturesPlan) -> list[tuple[str, float]]:
    """(part, share of the time) of the lesions in rnnet on one core."""
    profiler = cProfile.Profile()
    extractor = RadiomicsExtractor(plan)
    with one_thread():
        # Imports and what is set up once are not a lesion's time.
        extractor.extract(lesions(_cases(1)[0]))
        profiler.enable()
        for case in _cases(len(lesions.radii_mm)):
            extractor.extract(lesions(case))
        profiler.disable()
    stats: Any = pstats.Stats(profiler)
    below = {(Path(file).name, name): seconds for (file, _, name), (_, _, _, seconds, _) in stats.stats.items()}
    total = sum(own for _, _, own, _, _ in stats.stats.values())
    mcc, eigenvalues = below.get(("radiomics_backend.py", _MCC), 0.0), below.get(("_linalg.py", "eigvals"), 0.0)
    parts = {
        "LoG filters": sum(s for (_, name), s in below.items() if _LOG_FILTER in name),
        "wavelet filters": below.get(("imageoperations.py", "_swt3"), 0.0),
        "GLCM: eigenvalues of its MCC": eigenvalues,
        "GLCM: the rest of its MCC": mcc - eigenvalues,
        "GLCM: its other 23 features": _of_class(below, "glcm"),
        "first order, GLRLM, GLSZM, GLDM, NGTDM": sum(_of_class(below, kind) for kind in _TEXTURES),
        "conversions to numpy (in the above)": below.get(("SimpleITK.py", "GetArrayFromImage"), 0.0),
    }
    return [(part, seconds / total) for part, seconds in parts.items()]


def _of_class(below: Mapping[tuple[str, str], float], kind: str) -> float:
    """Seconds in what pyradiomics calls of one of its classes: setting up, the matrix, and each feature."""
    def called(name: str) -> bool:
        return name in ("__init__", "_initCalculation") or (name.startswith("get") and name != _MCC)

    return sum(seconds for (file, name), seconds in below.items() if file == f"{kind}.py" and called(name))


def _cases(count: int) -> list[LesionCase]:
    return [LesionCase(f"lesion {i}", "scan", "patient", "", i) for i in range(count)]


def _timed(run: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """What it returns, and its seconds by the clock and of the cores."""
    clock, cores = time.perf_counter(), time.process_time()
    found = run()
    return found, (time.perf_counter() - clock, time.process_time() - cores)


def _rnnet(lesions: MadeUpLesions, plan: FeaturesPlan, cases: Sequence[LesionCase], n_processes: int) -> Any:
    rows = extract_rows(cases, lesions, plan, n_processes=n_processes)
    return np.stack([row.values for row in rows])


def _plain(lesions: MadeUpLesions, plan: FeaturesPlan, edge_vox: int | None) -> Any:
    """Values (n, f) of execute() on whole scans, or on the cubes around the lesions."""
    extractor = plain_extractor(plan)
    names = RadiomicsExtractor(plan).names
    scaled = RadiomicsInput(lesions.image, lesions.image).grey_values(plan.normalize_scale)
    rows = []
    for number, center in enumerate(lesions.centers_zyx):
        image, mask = scaled, lesions.mask(number)
        if edge_vox is not None:
            z, y, x = (c - edge_vox // 2 for c in center)
            image, mask = (Volume(window(v.array, (z, y, x), edge_vox), v.spacing_zyx_mm) for v in (image, mask))
        found = extractor.execute(image.to_sitk(), mask.to_sitk())
        rows.append([float(found[name]) for name in names])
    return np.array(rows)


def _difference(ours: Any, theirs: Any) -> float:
    """Largest difference of a value, relative to the feature's largest one."""
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    size = np.maximum(np.nanmax(np.abs(ours), axis=0), np.nanmax(np.abs(theirs), axis=0))
    return float(np.where(same, 0.0, np.abs(ours - theirs) / np.where(size > 0, size, 1.0)).max())
