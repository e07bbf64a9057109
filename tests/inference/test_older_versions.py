"""What older versions wrote says less about whom it has seen; that is found out, said or refused."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rnnet import pipeline
from rnnet.core.errors import LeakageError
from rnnet.core.workspace import Workspace
from rnnet.experiment.access import store_of
from rnnet.experiment.data import ExperimentData
from rnnet.inference.exposures import leaks_of
from rnnet.planning.plan import write_plan
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_planned, write_preprocessed

POOL = "Dataset002_Pool"
QUICK = ["finetune.epochs=1", "finetune.probe_epochs=0", "pretrain.epochs=1"]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A planned data set with a test split, and a pool."""
    made = Workspace.under(tmp_path)
    dataset = write_dataset(made)
    write_planned(made, dataset)
    write_preprocessed(made, dataset)
    pool = write_dataset(made, POOL, labelled=False, n_patients=3, n_test=0, seed=50)
    write_preprocessed(made, pool, seed=50)
    write_plan(made.preprocessed_dataset(POOL).plans_json(PLAN.name), replace(PLAN, dataset=POOL), inputs={})
    return made


@pytest.fixture
def older(workspace: Workspace) -> Path:
    """An encoder of the pool whose checkpoint records the patients alone."""
    path = pipeline.pretrain(workspace, [POOL], plan_name=PLAN.name, settings=QUICK)
    content = torch.load(path, weights_only=True)
    for name in ("names_seen", "images_seen", "leaks", "scans_unhashed", "patients_unknown"):
        del content[name]
    torch.save(content, path)
    return path


def train(workspace: Workspace, encoder: Path, *, allow_leakage: bool = False) -> None:
    pipeline.train(workspace, NAME, 0, config="ssl_vit", plan_name=PLAN.name, settings=QUICK, pretrained=str(encoder),
                   allow_leakage=allow_leakage)


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    caplog.set_level(logging.WARNING, logger="rnnet")
    return caplog


def test_an_older_encoder_is_judged_by_the_data_sets_that_are_here(
    workspace: Workspace, older: Path, heard: pytest.LogCaptureFixture
) -> None:
    train(workspace, older)
    assert "Other names and images of 3 of 3 are taken from the data sets that are here" in heard.text
    data = ExperimentData.open(workspace, NAME, PLAN.name)
    assert leaks_of(data, allow_leakage=False) == ()
    other_ids = workspace.raw_dataset(POOL).other_ids_csv
    other_ids.write_text("patient_id,other_id\nP000_s1,T000\n")
    with pytest.raises(LeakageError, match=rf"1 patient\(s\) under another name .*{NAME}/T000"):
        train(workspace, older)
    other_ids.unlink()
    for name, scan_id in ((NAME, "T001_s1"), (POOL, "P001_s1")):
        show(store_of(workspace, name, PLAN), scan_id, 900)
    with pytest.raises(LeakageError, match=rf"1 image\(s\) .*{NAME}/T001_s1 \({POOL}/P001_s1\)"):
        train(workspace, older)


def test_an_older_encoder_of_a_data_set_that_is_not_here_is_refused_or_recorded(
    workspace: Workspace, older: Path
) -> None:
    shutil.rmtree(workspace.raw_dataset(POOL).folder)
    with pytest.raises(LeakageError, match=rf"has seen 3 patient\(s\) who cannot be compared .*{POOL}/P000_s1"):
        train(workspace, older)
    train(workspace, older, allow_leakage=True)
    data = ExperimentData.open(workspace, NAME, PLAN.name)
    with pytest.raises(LeakageError, match="cannot be compared"):
        leaks_of(data, allow_leakage=False)
    assert any("cannot be compared" in leak for leak in leaks_of(data, allow_leakage=True))
    audit = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [NAME]))
    assert "leakage-unknown" in {problem.code for problem in audit.errors}


def test_scans_that_an_older_version_preprocessed_are_counted_and_said_once(
    workspace: Workspace, heard: pytest.LogCaptureFixture
) -> None:
    def said() -> list[str]:
        found = [r.getMessage() for r in heard.records if "could not be compared by image" in r.getMessage()]
        heard.clear()
        return found

    pipeline.pretrain(workspace, [NAME, POOL], plan_name=PLAN.name, settings=QUICK)
    (text,) = said()
    assert text.startswith("9 scan(s)")
    assert "Run rnnet_preprocess" in text
    pipeline.train(workspace, NAME, 0, config="clinical", plan_name=PLAN.name)
    assert [t[:9] for t in said()] == ["6 scan(s)"]
    audit = pipeline.audit_leakage(workspace, pipeline.verify_dataset_integrity(workspace, [NAME]))
    (problem,) = [p for p in audit.problems if p.code == "image-not-compared"]
    assert problem.level == "warning"
    assert problem.message.startswith("7 scan(s)")
