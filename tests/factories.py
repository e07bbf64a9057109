"""Small made-up inputs shared by the tests: volumes, raw data sets, cases, plans."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

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
    with_settings,
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
        pretrain=PretrainPlan(epochs=2, batch_size=4, projection_width=8, shift_vox=2),
        finetune=FinetunePlan(epochs=2, probe_epochs=1, batch_size=4),
        features=FeaturesPlan(bin_width=25.0, wavelet=False, log_sigma_mm=(), lasso_folds=2),
        fusion=FusionPlan(hidden=(4,), trees=10),
    )
    return with_settings(replace(plan, **changes), settings)
