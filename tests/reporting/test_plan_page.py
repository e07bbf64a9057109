from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rnnet import pipeline
from rnnet.cli import plan_experiment
from rnnet.core.codec import read_artefact
from rnnet.core.workspace import Workspace
from rnnet.dataset.case import RawDataset, read_dataset
from rnnet.planning.center_samples import CenterSamples
from rnnet.planning.fingerprint import DatasetFingerprint, extract_fingerprint
from rnnet.planning.plan import USER_RULE, read_plan
from rnnet.reporting.plan_page import write_plan_page
from tests.factories import make_plan, write_raw_dataset
from tests.reporting.browser import find_browser
from tests.reporting.test_report import EVIL, Page


@pytest.fixture
def dataset(tmp_path: Path) -> RawDataset:
    layout = write_raw_dataset(tmp_path / "rnnet_raw", n_patients=4, n_test=1, shape_zyx=(16, 18, 20))
    return read_dataset(layout)


def page_of(path: Path, fingerprint: DatasetFingerprint, *settings: str) -> Page:
    write_plan_page(path, make_plan(*settings), fingerprint)
    page = Page(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_every_part_of_the_data_set_has_its_place(dataset: RawDataset, tmp_path: Path) -> None:
    words = page_of(tmp_path / "p.html", extract_fingerprint(dataset, n_processes=1)).words
    for part in ("Spacing along z", "Voxels along x", "Longest axial diameter", "Volume", "Lesions on a scan",
                 "Mean intensity of the foreground", "centre A", "centre B", "radiation necrosis", "age", "female: 4"):
        assert part in words


def test_a_field_that_the_user_set_is_marked(dataset: RawDataset, tmp_path: Path) -> None:
    fingerprint = extract_fingerprint(dataset, n_processes=1)
    page = page_of(tmp_path / "a.html", fingerprint, "finetune.epochs=50")
    assert ("span", "class", "yours") in page.attributes
    assert "1 field set by the user" in page.words
    assert USER_RULE in page.words
    assert ("span", "class", "yours") not in page_of(tmp_path / "b.html", fingerprint).attributes


def test_centres_are_compared_where_there_are_several(dataset: RawDataset, tmp_path: Path) -> None:
    found = extract_fingerprint(dataset, n_processes=1)
    words = page_of(tmp_path / "a.html", found).words
    assert "Centres compared" in words
    assert "centre A and centre B" in words
    alone = replace(found, samples={"A": found.samples["A"]})
    assert "Centres compared" not in page_of(tmp_path / "b.html", alone).words
    far = {"A": CenterSamples(9, {"foreground_mean": (1.0,) * 9}, {}),
           "B": CenterSamples(9, {"foreground_mean": (5.0,) * 9}, {})}
    assert ("span", "class", "yours") in page_of(tmp_path / "c.html", replace(found, samples=far)).attributes


def test_a_pool_without_outcomes_and_a_scan_without_lesions_have_a_page(dataset: RawDataset, tmp_path: Path) -> None:
    cases = tuple(replace(c, outcome=None, clinical={}) for c in dataset.cases)
    found = extract_fingerprint(replace(dataset, cases=cases), n_processes=1)
    assert "No outcome of a training lesion is known." in page_of(tmp_path / "a.html", found).words
    none = extract_fingerprint(replace(dataset, cases=()), n_processes=1)
    assert "Longest axial diameter" not in page_of(tmp_path / "b.html", none).words


def test_reasons_of_failures_are_escaped(dataset: RawDataset, tmp_path: Path) -> None:
    found = replace(extract_fingerprint(dataset, n_processes=1), failed={"P9": EVIL})
    page = page_of(tmp_path / "p.html", found)
    assert EVIL in page.words
    assert "script" not in page.tags


def test_planning_writes_the_page_beside_the_plan_and_names_it(
    dataset: RawDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.under(tmp_path)
    pipeline.extract_fingerprint(workspace, [1])
    assert plan_experiment.main(["-d", "1", "-p", "mine", "--root", str(tmp_path)]) == 0
    layout = workspace.preprocessed_dataset(dataset.name)
    assert layout.plan_html("mine").is_file()
    assert f"Page: {layout.plan_html('mine')}" in capsys.readouterr().out
    stored = read_artefact(layout.fingerprint_json, DatasetFingerprint, made_by="")
    plan, _ = pipeline.plan_experiment(workspace, [1], plan_name="mine")
    rules = {c.path: c.rule for c in plan.rationale}
    assert rules["n_folds"] != USER_RULE  # kept folds are not the user's setting
    write_plan_page(tmp_path / "again.html", plan, stored)
    assert (tmp_path / "again.html").read_text() == layout.plan_html("mine").read_text()


def test_the_memory_of_the_device_that_will_train_can_be_given(
    dataset: RawDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace.under(tmp_path)
    pipeline.extract_fingerprint(workspace, [1])
    assert plan_experiment.main(["-d", "1", "--root", str(tmp_path), "-gpu_memory_target", "11.5"]) == 0
    plan = read_plan(workspace.preprocessed_dataset(dataset.name).plans_json("rnnet_plans"))
    (batch,) = (c for c in plan.rationale if c.path == "pretrain.batch_size")
    assert batch.inputs["memory_gib"] == 11.5
    assert plan_experiment.main(["-d", "1", "--root", str(tmp_path), "-gpu_memory_target", "0.01"]) == 2
    assert "A training step needs a device with" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        plan_experiment.main(["-d", "1", "--root", str(tmp_path), "-gpu_memory_target", "0"])
    assert "must be above 0, got 0" in capsys.readouterr().err


def test_a_browser_shows_the_plan_page(dataset: RawDataset, tmp_path: Path) -> None:
    browser = find_browser(tmp_path / "profile")
    page_of(tmp_path / "p.html", extract_fingerprint(dataset, n_processes=1))
    dom, complaints = browser.dom((tmp_path / "p.html").as_uri())
    assert complaints == []
    assert dom.count("<figure>") == 10
