"""The whole road by the real commands, on a small synthetic head."""

import csv
import json
from importlib import import_module

import pytest

from rnnet.core.volume import read_volume
from rnnet.core.workspace import Workspace
from rnnet.demo.dataset import write_demo_datasets
from rnnet.demo.size import DemoSize
from tests.factories import make_atlas, write_atlas

pytestmark = pytest.mark.slow

SETTINGS = (
    "n_folds=2", "crop.edge_vox=16", "network.token_edge_vox=8", "network.width=24", "network.depth=2",
    "network.heads=2", "pretrain.epochs=2", "finetune.epochs=2", "finetune.probe_epochs=1",
    "features.bin_width=25", "features.log_sigma_mm=[1.0]", "features.wavelet=false", "fusion.trees=20",
)
SIZE = DemoSize(
    n_train_patients=6, n_test_patients=3, n_second_center_patients=3, n_pool_scans=2, follow_up_every=6,
    whole_head_share=0.0,
)


def command(name, *arguments):
    return import_module(f"rnnet.cli.{name.removeprefix('rnnet_')}").main([str(a) for a in arguments])


@pytest.fixture(scope="module")
def road(tmp_path_factory):
    """A workspace after every command up to the fusion; each must end with exit code 0."""
    root = tmp_path_factory.mktemp("a road with spaces")
    atlas = make_atlas((84, 100, 88))  # room for three lesions a head
    folder = write_atlas(root / "atlas", atlas)
    workspace = Workspace.under(root)
    names = write_demo_datasets(workspace.raw, atlas, size=SIZE, seed=1, n_processes=2)
    where, with_atlas = ("--root", root), ("--atlas", folder)
    assert command("rnnet_verify_dataset_integrity", "-d", 1, 2, 3, *where) == 0
    steps = [
        ("rnnet_plan_and_preprocess", "-d", 1, 2, "-np", 2, *with_atlas, *where, "--set", *SETTINGS),
        ("rnnet_pretrain", "-d", 1, 2, "-device", "cpu", *where),
        *(("rnnet_train", 1, fold, "-device", "cpu", *where) for fold in (0, 1)),
        *(("rnnet_train", 1, fold, "-c", "clinical", *where) for fold in (0, 1)),
        ("rnnet_fuse", 1, "-np", 2, *where),
        ("rnnet_explain", 1, "--max", 1, "-device", "cpu", *where),
    ]
    for step in steps:
        assert command(*step) == 0, step
    return workspace, names, folder


def test_the_report_and_its_figures_are_written(road, capsys):
    workspace, names, folder = road
    assert command("rnnet_evaluate", 1, "--external", 3, "--atlas", folder, "--root", workspace.raw.parent) == 0
    screen = capsys.readouterr().out
    assert "positive class: radiation necrosis" in screen
    results = workspace.results_dataset(names.labelled)
    assert "implanted by a program" in results.report_html.read_text(encoding="utf-8")
    summary = json.loads((results.evaluation / "summary.json").read_text())
    subsets = {(s["config"], s["subset"]) for s in summary["summaries"]}
    expected = {"cross-validation", "test", names.second_center}
    assert {(c, s) for c in ("ssl_vit", "clinical", "multimodal") for s in expected} == subsets


def test_new_scans_get_a_probability_of_each_outcome(road):
    workspace, names, folder = road
    raw = workspace.raw_dataset(names.second_center)
    out = workspace.raw.parent / "predictions"
    code = command(
        "rnnet_predict", "-i", raw.images("test"), "-m", raw.labels("test"), "-o", out, "-d", 1, "-c", "multimodal",
        "--clinical", raw.cases_csv, "--explain", "--atlas", folder, "-device", "cpu", "--root", workspace.raw.parent,
    )
    assert code == 0
    with (out / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    with raw.cases_csv.open() as stream:
        assert len(rows) == len(list(csv.DictReader(stream)))
    for row in rows:
        total = float(row["p_radiation_necrosis"]) + float(row["p_progression"])
        assert total == pytest.approx(1, abs=1e-5)
        assert row["decision"] in ("radiation_necrosis", "progression")
        assert row["conformal"] in ("radiation_necrosis", "progression", "undecided")
        assert row["inputs"] in ("imaging + radiomics + clinical", "imaging + clinical")  # small lesions lack radiomics
        assert 0 <= float(row["p_radiation_necrosis_imaging"]) <= 1
        assert row["p_radiation_necrosis_fold_0"] != row["p_radiation_necrosis_fold_1"]
    scan_id, case_id = rows[0]["scan_id"], rows[0]["case_id"]
    attention = read_volume(out / "attention" / f"{case_id}_attention.nii.gz")
    image = read_volume(raw.image_path(scan_id, "test", ".nii.gz"))
    assert attention.same_grid(image)
    assert (out / "attention" / f"{case_id}.png").is_file()


def test_without_a_clinical_table_the_model_without_clinical_data_predicts(road):
    workspace, names, folder = road
    raw = workspace.raw_dataset(names.second_center)
    out = workspace.raw.parent / "predictions without table"
    code = command(
        "rnnet_predict", "-i", raw.images("test"), "-m", raw.labels("test"), "-o", out, "-d", 1, "-c", "multimodal",
        "--atlas", folder, "-device", "cpu", "--root", workspace.raw.parent,
    )
    assert code == 0
    with (out / "predictions.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["inputs"] for row in rows} <= {"imaging + radiomics", "imaging"}
    assert all("was used" in row["warnings"] for row in rows)
    document = json.loads((out / "predictions.json").read_text())
    rules = document["decision_rules_by_inputs"]
    assert {row["inputs"] for row in rows} <= set(rules)


def test_an_attention_picture_stands_in_the_results(road):
    workspace, names, _ = road
    assert len(list(workspace.results_dataset(names.labelled).explanation.glob("*.png"))) == 1


def test_a_fold_that_does_not_exist_is_an_error_that_names_the_folds(road, capsys):
    workspace, _, _ = road
    assert command("rnnet_train", 1, 7, "--root", workspace.raw.parent) == 2
    assert "0, 1" in capsys.readouterr().err


def test_multimodal_without_imaging_predictions_names_the_missing_fold(road, capsys):
    workspace, names, _ = road
    path = workspace.results_dataset(names.labelled).fold("ssl_vit", 1).predictions("validation")
    kept = path.read_bytes()
    path.unlink()
    try:
        assert command("rnnet_fuse", 1, "--root", workspace.raw.parent) == 2
    finally:
        path.write_bytes(kept)
    error = capsys.readouterr().err
    assert "missing: fold 1" in error
    assert "rnnet_train Dataset001_Demo 1" in error


def test_a_wrong_edit_of_the_plan_is_named(road, capsys):
    workspace, names, _ = road
    path = workspace.preprocessed_dataset(names.labelled).plans_json()
    kept = path.read_text()
    path.write_text(kept.replace('"epochs": 2', '"epochs": "two"', 1))
    try:
        assert command("rnnet_pretrain", "-d", 1, "--root", workspace.raw.parent) == 2
    finally:
        path.write_text(kept)
    error = capsys.readouterr().err
    assert "pretrain.epochs" in error
    assert "'two'" in error


def test_preprocessing_again_redoes_nothing(road, capsys):
    workspace, _, folder = road
    assert command("rnnet_preprocess", "-d", 1, "--atlas", folder, "--root", workspace.raw.parent) == 0
    assert "0 scan(s) preprocessed" in capsys.readouterr().out
