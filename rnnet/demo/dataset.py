"""Three raw data sets of implanted lesions: labelled, unlabelled pool, second centre."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rnnet.core.codec import to_plain
from rnnet.core.csv_text import csv_text
from rnnet.core.errors import RnnetError, StaleArtefactError
from rnnet.core.files import write_text
from rnnet.core.parallel import map_cases
from rnnet.core.seeding import rng_for
from rnnet.core.types import ClinicalValue, Split
from rnnet.core.volume import write_volume
from rnnet.core.workspace import RawLayout
from rnnet.dataset.cases_table import REQUIRED_COLUMNS
from rnnet.demo.anatomy import Head, Patient, draw_patient
from rnnet.demo.clinical import COLUMNS, draw_days_since_srs, draw_patient_row, draw_row
from rnnet.demo.lesion import grown
from rnnet.demo.scanner import CENTER_A, CENTER_B, ON_ATLAS, Scanner, acquire
from rnnet.demo.size import DemoSize
from rnnet.preprocessing.atlas import Atlas

OUTCOMES = {"progression": 0, "radiation_necrosis": 1}
NECROSIS = "radiation_necrosis"
NECROSIS_SHARE = 0.42
REFERENCE = (
    "Demonstration: lesions implanted by a program into the SRI24 head; the figures say nothing about patients."
)
LICENCE = "The head is SRI24, CC BY-SA 3.0 (Rohlfing 2010)."


@dataclass(frozen=True, slots=True)
class DemoDatasets:
    """Names of the three data sets."""

    labelled: str = "Dataset001_Demo"
    pool: str = "Dataset002_DemoPool"
    second_center: str = "Dataset003_DemoSecondCentre"


@dataclass(frozen=True, slots=True, eq=False)
class _ScanJob:
    """One scan to make."""

    scan_id: str
    patient: Patient
    scanner: Scanner
    center: str
    split: Split
    days: int
    whole_head: bool
    folder: Path
    seed: int


def write_demo_datasets(
    raw_root: Path, atlas: Atlas, *, size: DemoSize, seed: int, n_processes: int
) -> DemoDatasets:
    """Write the three data sets below `raw_root` in the raw convention; an interrupted run goes on.

    Raises:
        StaleArtefactError: the folder holds a demonstration of another seed, size or atlas.
        RnnetError: the atlas's brain has no room for the lesions.
    """
    names, head = DemoDatasets(), Head.of(atlas)
    labelled = [
        *_jobs(head, raw_root / names.labelled, "A", "train", size.n_train_patients, size, seed),
        *_jobs(head, raw_root / names.labelled, "A", "test", size.n_test_patients, size, seed),
    ]
    second = _jobs(head, raw_root / names.second_center, "B", "test", size.n_second_center_patients, size, seed)
    pool = _pool_jobs(head, raw_root / names.pool, size.n_pool_scans, seed)
    tables: dict[Path, str] = {}
    for name, members, title in (
        (names.labelled, labelled, "Demonstration"), (names.second_center, second, "Demonstration, second centre"),
    ):
        layout = RawLayout(raw_root / name)
        tables[layout.cases_csv] = _cases_table(members, seed)
        tables[layout.dataset_json] = _manifest(title, members, atlas, seed, labelled=True)
    layout = RawLayout(raw_root / names.pool)
    rows = ["scan_id,patient_id,center", *(f"{job.scan_id},{job.patient.patient_id},{job.center}" for job in pool)]
    tables[layout.patients_csv] = "\n".join(rows) + "\n"
    tables[layout.dataset_json] = _manifest("Demonstration, unlabelled pool", pool, atlas, seed, labelled=False)
    _write_tables(tables)
    jobs = [*labelled, *second, *pool]
    results = map_cases(
        partial(_write_scan, head=head, atlas=atlas), jobs, n_processes=n_processes, title="implanting lesions"
    )
    for result in results:
        if isinstance(result, RnnetError):
            raise result
    return names


def _write_tables(tables: Mapping[Path, str]) -> None:
    """Write the texts, before any scan: they tell a later run whether the scans that it finds are its own."""
    for path, text in tables.items():
        if path.is_file() and path.read_text(encoding="utf-8") != text:
            raise StaleArtefactError(
                "This demonstration was made with another seed, size or atlas.", where=path,
                fix="Give another --out DIR, or delete the folder.",
            )
    for path, text in tables.items():
        write_text(path, text)


def _jobs(
    head: Head, folder: Path, center: str, split: Split, n_patients: int, size: DemoSize, seed: int
) -> list[_ScanJob]:
    """Scans of `n_patients` labelled patients; outcomes are dealt out in a fixed share."""
    rng = rng_for(seed, "demo", center, split)
    scanner = CENTER_A if center == "A" else CENTER_B
    counts = 1 + np.arange(n_patients) % 3
    n_necrosis = round(NECROSIS_SHARE * int(counts.sum()))
    deck = list(rng.permutation([True] * n_necrosis + [False] * (int(counts.sum()) - n_necrosis)))
    jobs = []
    for index in range(n_patients):
        patient_id = f"{center}{index + (1 if split == 'train' else 501):03d}"
        kinds = [bool(deck.pop()) for _ in range(int(counts[index]))]
        outcomes = [(NECROSIS if kind else "progression", kind) for kind in kinds]
        patient = draw_patient(head, patient_id, outcomes, rng_for(seed, "demo patient", patient_id))
        times = ("t1", "t2") if index % size.follow_up_every == size.follow_up_every - 1 else ("t1",)
        for number, time in enumerate(times):
            lesions = tuple(grown(lesion, 1 + 0.08 * number) for lesion in patient.lesions)
            scan_id = f"{patient_id}_{time}"
            whole_head = bool(rng_for(seed, "demo skull", scan_id).random() < size.whole_head_share)
            jobs.append(
                _ScanJob(scan_id, replace(patient, lesions=lesions), scanner, center, split, 90 * number, whole_head,
                         folder, seed)
            )
    return jobs


def _pool_jobs(head: Head, folder: Path, n_scans: int, seed: int) -> list[_ScanJob]:
    """Unlabelled scans that lie on the atlas grid without skull, as several public collections come."""
    jobs = []
    for index in range(n_scans):
        patient_id = f"U{index + 1:03d}"
        rng = rng_for(seed, "demo patient", patient_id)
        kinds = [(name, name == NECROSIS) for name in rng.choice(list(OUTCOMES), size=3)]
        patient = draw_patient(head, patient_id, kinds, rng)
        jobs.append(_ScanJob(patient_id, patient, ON_ATLAS, "pool", "train", 0, False, folder, seed))
    return jobs


def _write_scan(job: _ScanJob, *, head: Head, atlas: Atlas) -> None:
    layout = RawLayout(job.folder)
    image_path = layout.image_path(job.scan_id, job.split, ".nii.gz")
    label_path = layout.label_path(job.scan_id, job.split, ".nii.gz")
    if image_path.is_file() and label_path.is_file():
        return
    rng = rng_for(job.seed, "demo scan", job.scan_id)
    image, mask = acquire(head, atlas.head, job.patient, job.scanner, whole_head=job.whole_head, rng=rng)
    write_volume(label_path, mask)
    write_volume(image_path, image)


def _cases_table(jobs: Sequence[_ScanJob], seed: int) -> str:
    rows = []
    for job in jobs:
        patient_row = draw_patient_row(rng_for(seed, "demo clinical", job.patient.patient_id))
        for lesion in job.patient.lesions:
            rng = rng_for(seed, "demo clinical", job.patient.patient_id, lesion.value)
            days_since_srs = draw_days_since_srs(is_necrosis=lesion.outcome == NECROSIS, rng=rng) + job.days
            clinical = draw_row(patient_row, days_since_srs=days_since_srs, rng=rng)
            case = (
                f"{job.scan_id}_{lesion.value}", job.scan_id, job.patient.patient_id, job.center, job.days,
                lesion.value, job.split, lesion.outcome, "implanted",
            )
            rows.append([*case, *(_cell(clinical[name]) for name in COLUMNS)])
    return csv_text([*REQUIRED_COLUMNS, *COLUMNS], rows)


def _cell(value: ClinicalValue) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _manifest(title: str, jobs: Sequence[_ScanJob], atlas: Atlas, seed: int, *, labelled: bool) -> str:
    document: dict[str, Any] = {
        "name": title,
        "channel_names": {"0": "T1CE"},
        "outcomes": OUTCOMES,
        "positive_outcome": NECROSIS,
        "clinical": to_plain(COLUMNS) if labelled else {},
        "file_ending": ".nii.gz",
        "numTraining": sum(job.split == "train" for job in jobs),
        "numTest": sum(job.split == "test" for job in jobs),
        "one_head": True,
        "reference": f"{REFERENCE} Seed {seed}, atlas {atlas.name} {atlas.digest}.",
        "licence": LICENCE,
    }
    if not labelled:
        document["preprocessed"] = {"registered": True, "skull_stripped": True}
    return json.dumps(document, indent=2) + "\n"
