from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rnnet.core.errors import DatasetError, SettingError, UnknownComponentError
from rnnet.planning import rules
from rnnet.planning.fingerprint import (
    DatasetFingerprint,
    GeometrySummary,
    IntensitySummary,
    LesionSummary,
    StateSummary,
)
from rnnet.planning.fingerprint_histograms import FingerprintHistograms
from rnnet.planning.histogram import Histogram
from rnnet.planning.plan import ExperimentPlan, PretrainPlan, read_plan, with_settings, write_plan
from rnnet.planning.planner import PLANNERS, plan_reasons_table
from rnnet.planning.quantiles import Quantiles, quantiles_of

GIB = 2**30


def around(value: float) -> Quantiles:
    found = quantiles_of([value])
    assert found is not None
    return found


@cache
def fingerprint(extent_mm: float = 25.0, range_sd: float = 5.0) -> DatasetFingerprint:
    one, bar = around(1.0), Histogram((0.5, 1.5), (80,))
    return DatasetFingerprint(
        dataset="Dataset001_Toy", positive_outcome="radiation_necrosis", negative_outcome="progression",
        described="training", n_scans=80, n_patients=60, n_cubes=500, n_labelled=109, n_test_scans=20,
        n_test_lesions=22,
        geometry=GeometrySummary((one, one, one), (one, one, one), (one, one, one), {"LPS": 80}),
        state=StateSummary(False, False, 0, 0, one),
        intensity=IntensitySummary(one, one, one, around(range_sd)),
        lesions=LesionSummary(around(extent_mm), one, one, one, one),
        lesion_outcomes={"progression": 72, "radiation_necrosis": 37},
        patient_outcomes={"progression": 40, "radiation_necrosis": 20},
        clinical={}, centers={}, labels_digest="0",
        histograms=FingerprintHistograms((bar, bar, bar), (bar, bar, bar), bar, bar, bar, {}), samples={},
    )


def plan_of(found: DatasetFingerprint, planner: str = "default", **changes: Any) -> ExperimentPlan:
    arguments = {"name": "rnnet_plans", "n_cubes": 10_000, "memory_bytes": 24 * GIB, "seed": 0, **changes}
    return PLANNERS.get(planner)().plan(found, **arguments)


@pytest.mark.parametrize(("extent_mm", "edge", "token"), [
    (3, 32, 8), (15, 64, 16), (25, 64, 16), (35, 64, 16), (40, 96, 16), (120, 96, 16),
])
def test_typical_metastases_get_a_crop_of_64(extent_mm: float, edge: int, token: int) -> None:
    plan = plan_of(fingerprint(extent_mm))
    assert (plan.crop.edge_vox, plan.network.token_edge_vox) == (edge, token)


@pytest.mark.parametrize(("n_cubes", "size"), [(50, (192, 6, 3)), (1000, (384, 8, 6)), (3000, (768, 12, 12))])
def test_more_cubes_carry_a_larger_network(n_cubes: int, size: tuple[int, int, int]) -> None:
    network = plan_of(fingerprint(), n_cubes=n_cubes).network
    assert (network.width, network.depth, network.heads) == size


@pytest.mark.parametrize(("n_cubes", "epochs"), [(100, 300), (10_000, 100), (100_000, 20)])
def test_pretraining_has_a_budget_of_cubes(n_cubes: int, epochs: int) -> None:
    assert plan_of(fingerprint(), n_cubes=n_cubes).pretrain.epochs == epochs


@pytest.mark.parametrize(("memory_gib", "n_cubes", "batch"), [
    (80, 10_000, 64), (8, 10_000, 16), (80, 40, 8), (80, 5, 2),
])
def test_the_batch_follows_memory_and_cubes(memory_gib: int, n_cubes: int, batch: int) -> None:
    plan = plan_of(fingerprint(), n_cubes=n_cubes, memory_bytes=memory_gib * GIB)
    assert plan.pretrain.batch_size == batch
    assert plan.pretrain.learning_rate == pytest.approx(PretrainPlan().learning_rate * (batch / 32) ** 0.5, rel=0.01)
    assert plan.finetune.batch_size <= 16


def test_a_device_that_is_too_small_is_refused_with_its_need() -> None:
    with pytest.raises(SettingError, match=r"needs a device with \d\.\d GiB, there are 1\.0 GiB"):
        plan_of(fingerprint(), memory_bytes=GIB)


@pytest.mark.parametrize(("patients", "folds"), [((40, 20), 5), ((3, 40), 3), ((2, 2), 2)])
def test_few_patients_of_an_outcome_lower_the_number_of_folds(patients: tuple[int, int], folds: int) -> None:
    counts = dict(zip(("progression", "radiation_necrosis"), patients, strict=True))
    plan = plan_of(replace(fingerprint(), patient_outcomes=counts))
    assert plan.n_folds == folds


@pytest.mark.parametrize("counts", [{"progression": 40}, {"progression": 40, "radiation_necrosis": 1}])
def test_one_patient_of_an_outcome_cannot_be_planned_for(counts: dict[str, int]) -> None:
    with pytest.raises(DatasetError, match="at least two training patients of both outcomes"):
        plan_of(replace(fingerprint(), patient_outcomes=counts))


def test_a_pool_has_a_plan_and_the_reason_for_its_folds() -> None:
    pool = replace(fingerprint(), n_labelled=0, patient_outcomes={}, lesion_outcomes={})
    plan = plan_of(pool)
    assert plan.n_folds == 5
    assert next(c for c in plan.rationale if c.path == "n_folds").rule.startswith("no labelled training case")


def test_a_data_set_without_a_measured_lesion_is_refused() -> None:
    lesions = replace(fingerprint().lesions, extent_mm=None)
    with pytest.raises(DatasetError, match="No lesion could be measured"):
        plan_of(replace(fingerprint(), lesions=lesions))


@pytest.mark.parametrize("range_sd", [3.5, 5.0, 9.0, 15.0])
def test_the_bin_width_gives_the_lesions_30_to_130_bins(range_sd: float) -> None:
    width = plan_of(fingerprint(range_sd=range_sd)).features.bin_width
    assert 5 <= width <= 25
    assert 30 <= range_sd * 100 / width <= 130


def test_every_choice_is_the_plans_value_with_rule_and_survives_the_file(tmp_path: Path) -> None:
    for planner in PLANNERS:
        plan = plan_of(fingerprint(), planner)
        for choice in plan.rationale:
            if choice.path == "class weights":  # belongs to each fold, no field of the plan
                continue
            value: Any = plan
            for part in choice.path.split("."):
                value = getattr(value, part)
            assert (list(value) if isinstance(value, tuple) else value) == choice.value
            assert choice.rule
        write_plan(tmp_path / "p.json", plan, inputs={"a": "b"})
        assert read_plan(tmp_path / "p.json") == plan


def test_the_reasons_are_a_table_of_texts() -> None:
    plan = with_settings(plan_of(fingerprint()), ["finetune.epochs=7"])
    table = plan_reasons_table(plan)
    assert all(len(row) == 4 and all(isinstance(cell, str) for cell in row) for row in table)
    crop = next(row for row in table if row[0] == "crop.edge_vox")
    assert (crop[1], crop[3]) == ("64", "lesion_extent_p95_mm=25")
    assert ("finetune.epochs", "7", "set by the user", "") in table


def test_the_paper_planner_fixes_the_published_values_whatever_the_data() -> None:
    plan = plan_of(replace(fingerprint(100.0), patient_outcomes={"progression": 2, "radiation_necrosis": 2}), "paper")
    assert (plan.planner, plan.crop.edge_vox, plan.n_folds) == ("paper", 64, 5)
    assert plan.input_shape == (2, 64, 64, 64)
    network = plan.network
    assert (network.width, network.depth, network.heads, network.token_edge_vox) == (768, 12, 12, 16)
    assert (plan.pretrain.objective, plan.pretrain.temperature, plan.pretrain.learning_rate) == ("paper", 0.05, 1e-4)
    assert (plan.features.minimum_variance, plan.features.maximum_correlation) == (0.01, 0.9)


def test_an_unknown_planner_gets_a_suggestion() -> None:
    with pytest.raises(UnknownComponentError, match="Unknown planner 'defualt'") as caught:
        PLANNERS.get("defualt")
    assert "Did you mean 'default'?" in str(caught.value)


def test_planning_twice_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write_plan(tmp_path / name, plan_of(fingerprint()), inputs={})
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads((tmp_path / "b.json").read_text())


def test_the_limits_of_the_crop_are_multiples_of_every_token() -> None:
    for edge in (*rules.CROP_LIMITS_VOX, rules.CROP_STEP_VOX):
        assert edge % rules.token_edge(edge).value == 0
