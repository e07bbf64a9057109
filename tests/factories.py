"""Small made-up inputs shared by the tests: volumes, raw data sets, cases, plans."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from rnnet.core.codec import digest_of
from rnnet.core.types import LesionCase, Split
from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import RawLayout
from rnnet.planning.plan import (
    BiasFieldPlan,
    CropPlan,
    ExperimentPlan,
    FeaturesPlan,
    FinetunePlan,
    FusionPlan,
    NetworkPlan,
    PreprocessingPlan,
    PretrainPlan,
    ViewPlan,
    with_settings,
)
from rnnet.preprocessing.atlas import BRAIN_STEMS, HEAD_STEMS, Atlas

# Views that are only mirrored and shifted: fast, and what is restored is what the crop shows.
PLAIN_VIEWS = ViewPlan(
    shift_vox=2, axis_swaps=False, scaling=0.0, intensity_augmentation=False, mask_jitter_vox=0,
    mask_drop_probability=0.0,
)
OUTCOMES = ("progression", "radiation_necrosis")
CLINICAL = {
    "age": {"type": "numeric", "unit": "years"},
    "sex": {"type": "categorical", "categories": ["female", "male"]},
}


def make_volume(
    shape_zyx: Sequence[int] = (24, 28, 26), spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0), *,
    seed: int = 0, stripped: bool = False, dtype: Any = np.float32, **geometry: Any,
) -> Volume:
    """A noisy ellipsoid 'head' on a dim (stripped: zero) background; geometry: origin_xyz_mm, direction_xyz."""
    rng = np.random.default_rng(seed)
    radius = ellipsoid_radius(shape_zyx)
    array = np.where(radius <= 1, 100.0 + 10 * rng.standard_normal(shape_zyx), 0.0)
    if not stripped:
        array += np.where(radius > 1, np.abs(rng.standard_normal(shape_zyx)) + 1, 0)
    return Volume(array.astype(dtype), spacing_zyx_mm, **geometry)


def ellipsoid_radius(shape_zyx: Sequence[int]) -> np.ndarray:
    """(z, y, x): 0 at the centre, 1 on the ellipsoid that fills most of the box."""
    axes = np.meshgrid(*[np.linspace(-1.15, 1.15, n) for n in shape_zyx], indexing="ij")
    return np.asarray(np.sqrt(sum(a**2 for a in axes)))


def make_lesion_mask(
    shape_zyx: Sequence[int] = (24, 28, 26), centers_zyx_vox: Sequence[Sequence[float]] = ((12, 14, 13),), *,
    radius_vox: float = 3.0,
) -> np.ndarray:
    """uint16 (z, y, x): sphere k has the value k, counted from 1."""
    grid = np.indices(tuple(shape_zyx))
    mask = np.zeros(tuple(shape_zyx), np.uint16)
    for value, center in enumerate(centers_zyx_vox, start=1):
        distance = np.sqrt(sum((g - c) ** 2 for g, c in zip(grid, center, strict=True)))
        mask[distance <= radius_vox] = value
    return mask


def lesion_centers(shape_zyx: Sequence[int], count: int) -> list[list[float]]:
    """`count` centres along the x axis, equally spaced inside the head."""
    z, y, x = shape_zyx
    return [[z / 2, y / 2, x * (i + 1) / (count + 1)] for i in range(count)]


def make_cases(
    n_patients: int = 10, lesions_per_patient: int = 2, *, centers: Sequence[str] = ("A", "B"),
    outcomes: Sequence[str | None] = OUTCOMES, split: Split = "train", prefix: str = "P",
) -> tuple[LesionCase, ...]:
    """Cases whose patients take outcomes and centres in turn; one scan a patient."""
    cases = []
    for p in range(n_patients):
        patient = f"{prefix}{p:03d}"
        center = centers[(p // len(outcomes)) % len(centers)]
        for value in range(1, lesions_per_patient + 1):
            cases.append(LesionCase(
                case_id=f"{patient}_s1_{value}", scan_id=f"{patient}_s1", patient_id=patient, center=center,
                lesion_value=value, split=split, outcome=outcomes[p % len(outcomes)], label_source="made up",
                clinical={"age": 40.0 + p, "sex": ("female", "male")[p % 2]},
            ))
    return tuple(cases)


def write_raw_dataset(
    root: Path, *, name: str = "Dataset001_Toy", n_patients: int = 6, lesions_per_patient: int = 2, n_test: int = 2,
    shape_zyx: tuple[int, int, int] = (24, 28, 26), spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    outcomes: Sequence[str | None] = OUTCOMES, centers: Sequence[str] = ("A", "B"), clinical: bool = True,
    labelled: bool = True, binary_masks: bool = False, stripped: bool = False, registered: bool = False,
    file_ending: str = ".nii.gz", seed: int = 0,
) -> RawLayout:
    """A raw data set that verifies: root/name with n_patients training and n_test test patients, one scan each.

    labelled=False writes an unlabelled pool (no cases.csv); binary_masks gives every lesion the value 1.
    """
    layout = RawLayout(root / name)
    used = [o for o in outcomes if o is not None] or list(OUTCOMES)
    cases = (
        *make_cases(n_patients, lesions_per_patient, centers=centers, outcomes=outcomes),
        *make_cases(n_test, lesions_per_patient, centers=centers, outcomes=outcomes, split="test", prefix="T"),
    )
    write_manifest(
        layout, name=name.split("_", 1)[1], outcomes={o: i for i, o in enumerate(used)}, positive_outcome=used[-1],
        clinical=CLINICAL if clinical else {}, file_ending=file_ending, numTraining=n_patients, numTest=n_test,
        preprocessed={"registered": registered, "skull_stripped": stripped},
    )
    if labelled:
        write_cases_csv(layout, cases, clinical=list(CLINICAL) if clinical else [])
    for number, (scan_id, split) in enumerate({c.scan_id: c.split for c in cases}.items()):
        write_scan(
            layout, scan_id, split, shape_zyx=shape_zyx, spacing_zyx_mm=spacing_zyx_mm, n_lesions=lesions_per_patient,
            binary=binary_masks, stripped=stripped, file_ending=file_ending, seed=seed + number,
        )
    return layout


def write_manifest(layout: RawLayout, **fields: Any) -> None:
    """dataset.json with defaults for what is not given."""
    document = {
        "name": "Toy", "channel_names": {"0": "T1CE"}, "outcomes": {o: i for i, o in enumerate(OUTCOMES)},
        "positive_outcome": OUTCOMES[1], "clinical": {}, "file_ending": ".nii.gz", "numTraining": 0, "numTest": 0,
        "reference": "made up", "licence": "CC0", **fields,
    }
    layout.folder.mkdir(parents=True, exist_ok=True)
    layout.dataset_json.write_text(json.dumps(document, indent=2), encoding="utf-8")


def write_cases_csv(layout: RawLayout, cases: Sequence[LesionCase], *, clinical: Sequence[str] = ()) -> None:
    """cases.csv of `cases`; None is written as an empty cell."""
    header = ["case_id", "scan_id", "patient_id", "center", "days", "lesion_value", "split", "outcome", "label_source"]
    with layout.cases_csv.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*header, *clinical])
        for c in cases:
            row = [c.case_id, c.scan_id, c.patient_id, c.center, "0", c.lesion_value, c.split, c.outcome or "",
                   c.label_source]
            values = [c.clinical.get(column) for column in clinical]
            writer.writerow([*row, *("" if v is None else v for v in values)])


def write_scan(
    layout: RawLayout, scan_id: str, split: Split = "train", *, shape_zyx: tuple[int, int, int] = (24, 28, 26),
    spacing_zyx_mm: tuple[float, float, float] = (1.0, 1.0, 1.0), n_lesions: int = 1, binary: bool = False,
    stripped: bool = False, file_ending: str = ".nii.gz", seed: int = 0,
) -> None:
    """Image and lesion mask of one scan at the place the convention gives them."""
    image = make_volume(shape_zyx, spacing_zyx_mm, seed=seed, stripped=stripped)
    mask = make_lesion_mask(shape_zyx, lesion_centers(shape_zyx, n_lesions), radius_vox=min(shape_zyx) / 10)
    bright = image.with_array(np.where(mask > 0, image.array + 60, image.array).astype(np.float32))
    write_volume(layout.image_path(scan_id, split, file_ending), bright)
    stored = (mask > 0).astype(np.uint8) if binary else mask
    write_volume(layout.label_path(scan_id, split, file_ending), image.with_array(stored))


def make_plan(*settings: str, **changes: Any) -> ExperimentPlan:
    """A plan with a tiny network: make_plan("finetune.epochs=2", seed=3)."""
    plan = ExperimentPlan(
        name="rnnet_plans", planner="default", dataset="Dataset001_Toy", positive_outcome=OUTCOMES[1],
        negative_outcome=OUTCOMES[0], n_folds=2, crop=CropPlan(edge_vox=16),
        preprocessing=PreprocessingPlan(bias_field=BiasFieldPlan(enabled=False)),
        network=NetworkPlan(token_edge_vox=8, width=24, depth=2, heads=2, resnet_base_width=4),
        pretrain=PretrainPlan(epochs=2, batch_size=4, projection_width=8, views=PLAIN_VIEWS),
        finetune=FinetunePlan(epochs=2, probe_epochs=1, batch_size=4),
        features=FeaturesPlan(bin_width=25.0, wavelet=False, log_sigma_mm=(), lasso_folds=2),
        fusion=FusionPlan(hidden=(4,), trees=10),
    )
    return with_settings(replace(plan, **changes), settings)


ATLAS_SHAPE_ZYX = (60, 72, 64)


def make_atlas(
    shape_zyx: tuple[int, int, int] = ATLAS_SHAPE_ZYX, *, origin_xyz_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
) -> Atlas:
    """A small made-up head of 1 mm voxels: an asymmetric brain with ventricles and folds, skull and scalp around it.

    Images of write_raw_dataset(shape_zyx=ATLAS_SHAPE_ZYX, stripped=True, registered=True) lie on it well enough to
    pass the quality check.
    """
    grid = Volume(np.zeros(shape_zyx, np.float32), (1.0, 1.0, 1.0), origin_xyz_mm)
    head, brain = _head_at(_world_points(grid), grid)
    digest = digest_of({"shape": shape_zyx, "origin": origin_xyz_mm})
    return Atlas("made up", grid.with_array(head), grid.with_array(np.where(brain, head, 0).astype(np.float32)), digest)


def write_atlas(folder: Path, atlas: Atlas) -> Path:
    """The two files that load_atlas looks for; returns the folder."""
    write_volume(folder / f"{HEAD_STEMS[0]}.nii.gz", atlas.head)
    write_volume(folder / f"{BRAIN_STEMS[0]}.nii.gz", atlas.brain)
    return folder


def rigid_matrix(
    angles_degrees: Sequence[float] = (0, 0, 0), shift_xyz_mm: Sequence[float] | np.ndarray = (0, 0, 0),
    center_xyz_mm: Sequence[float] | np.ndarray = (0, 0, 0),
) -> np.ndarray:
    """(4, 4): turned about the x, y, z axes through the centre, then shifted."""
    matrix, center = np.eye(4), np.asarray(center_xyz_mm, float)
    matrix[:3, :3] = Rotation.from_euler("xyz", angles_degrees, degrees=True).as_matrix()
    matrix[:3, 3] = center - matrix[:3, :3] @ center + np.asarray(shift_xyz_mm)
    return matrix


def mapped(points_xyz_mm: Any, matrix: np.ndarray) -> np.ndarray:
    """World points (..., 3) under a (4, 4) matrix."""
    return np.asarray(np.asarray(points_xyz_mm, float) @ matrix[:3, :3].T + matrix[:3, 3])


def make_head_scan(
    atlas: Atlas, to_atlas: np.ndarray | None = None, *, spacing_zyx_mm: tuple[float, float, float] = (1.2, 1.0, 1.1),
    margin_mm: float = 4.0, lesions: Sequence[tuple[Sequence[float], float]] = (), stripped: bool = True,
    noise: float = 2.0, seed: int = 0,
) -> tuple[Volume, Volume]:
    """(image, lesion labels) of make_atlas's head, in other grey values, as a scanner that sees `to_atlas` shows it.

    lesions: (centre x, y, z in atlas mm, radius in mm) of balls; the k-th has the value k, counted from 1.
    Values are computed at each voxel's centre: nothing is interpolated, so `to_atlas` is the exact truth.
    """
    to_atlas = np.eye(4) if to_atlas is None else to_atlas
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in atlas.head.array.shape])).reshape(3, -1).T
    seen = mapped(atlas.head.world_xyz_mm(corners), np.linalg.inv(to_atlas))
    low, size = seen.min(axis=0) - margin_mm, np.ptp(seen, axis=0) + 2 * margin_mm
    shape = tuple(int(np.ceil(s / d)) + 1 for s, d in zip(size[::-1], spacing_zyx_mm, strict=True))
    grid = Volume(np.zeros(shape, np.float32), spacing_zyx_mm, tuple(float(v) for v in low))  # type: ignore[arg-type]
    points = mapped(_world_points(grid), to_atlas)
    head, brain = _head_at(points, atlas.head)
    image = 400 * (head / 110) ** 0.7 + noise * np.random.default_rng(seed).standard_normal(shape)
    labels = np.zeros(shape, np.uint16)
    for value, (center, radius) in enumerate(lesions, start=1):
        labels[np.linalg.norm(points - np.asarray(center), axis=-1) <= radius] = value
    image = np.where(labels > 0, 600, image)
    shown = (brain | (labels > 0)) if stripped else head > 0
    return grid.with_array(np.where(shown, image, 0).astype(np.float32)), grid.with_array(labels)


def _world_points(grid: Volume) -> np.ndarray:
    return grid.world_xyz_mm(np.moveaxis(np.indices(grid.array.shape), 0, -1))


def _head_at(points_xyz_mm: np.ndarray, atlas_grid: Volume) -> tuple[np.ndarray, np.ndarray]:
    """(intensity float32, whether it is brain) at points of the atlas's world, as a function of space."""
    half_xyz = 0.4 * np.array(atlas_grid.array.shape[::-1])
    middle = atlas_grid.world_xyz_mm((np.array(atlas_grid.array.shape) - 1) / 2)
    x, y, z = np.moveaxis((points_xyz_mm - middle) / half_xyz, -1, 0)
    # Narrower in front, flat below, one side larger: no turn and no mirror leaves the outline as it is.
    radius = np.sqrt((x * (1 - 0.25 * y)) ** 2 + (y + 0.12 * x) ** 2 + ((z - 0.1 * x) * np.where(z < 0, 1.3, 1.0)) ** 2)

    def inside(distance: np.ndarray, sharpness: float = 25.0) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(np.clip(sharpness * distance, -60, 60))))

    folds = np.sin(8 * x + 1) * np.sin(7 * y + 2) + np.sin(9 * z + 0.5) * np.sin(6 * x - 5 * y)
    tissue = 70 + 45 * inside(radius - 0.7 - 0.2 * folds)
    # Centre and half axes (x, y, z) as shares of the brain's: two ventricles, a cistern, two nuclei, a pons.
    for shape, change in (
        ((-0.18, -0.1, 0.15, 0.11, 0.45, 0.24), -75), ((0.2, 0.05, 0.1, 0.14, 0.36, 0.18), -75),
        ((0.05, 0.45, -0.35, 0.4, 0.12, 0.14), -55), ((0.45, -0.3, -0.15, 0.2, 0.25, 0.18), -40),
        ((-0.5, 0.1, 0.3, 0.16, 0.3, 0.14), 35), ((-0.1, -0.5, -0.3, 0.3, 0.14, 0.2), 35),
    ):
        distance = np.sqrt(sum(((v - c) / r) ** 2 for v, c, r in zip((x, y, z), shape[:3], shape[3:], strict=True)))
        tissue = tissue + change * inside(distance - 1, 6)
    brain = radius <= 1
    shell = np.where(radius <= 1.07, 12, np.where(radius <= 1.15, 140, 0))
    return np.where(brain, np.maximum(tissue, 5), shell).astype(np.float32), brain
