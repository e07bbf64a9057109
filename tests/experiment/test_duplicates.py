from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from rnnet.benchmark.copies import mirrored, resaved, rescaled, with_gamma
from rnnet.benchmark.duplicates import made_up_heads
from rnnet.core.codec import read_artefact
from rnnet.core.volume import Volume, write_volume
from rnnet.core.workspace import DuplicatesLayout, Workspace
from rnnet.dataset.image_hash import ATLAS_FRAME, HEAD_FRAME
from rnnet.dataset.manifest import read_manifest
from rnnet.dataset.write_tables import write_manifest, write_other_ids
from rnnet.experiment.access import raw_scans, store_of
from rnnet.experiment.compared_scans import compared_scans
from rnnet.experiment.duplicate_groups import Duplicate, DuplicateReport, SharedFiles, groups_of, write_duplicates
from rnnet.experiment.duplicates import common_plan, find_duplicates
from rnnet.planning.plan import ExperimentPlan, write_plan
from tests.dataset.shared_data import selection_of, write_followed
from tests.experiment.workspaces import NAME, PLAN, show, write_dataset, write_preprocessed
from tests.factories import make_volume

OTHER = "Dataset002_Other"
HEADS = [Volume(h.array[::2, ::2, ::2], (4.0, 4.0, 4.0)) for h in made_up_heads(3).values()]


def write_heads(workspace: Workspace, name: str, heads: dict[str, Volume]) -> None:
    """A raw data set, without lesions, of these images by scan_id."""
    layout = workspace.raw_dataset(name)
    write_dataset(workspace, name, n_patients=1, n_test=0, labelled=False)
    for path in (*layout.images("train").iterdir(), *layout.labels("train").iterdir()):
        path.unlink()
    for scan_id, head in heads.items():
        write_volume(layout.image_path(scan_id, "train", ".nii.gz"), head)


@pytest.fixture
def preprocessed(workspace: Workspace) -> Workspace:
    """Two data sets under the plan of the first."""
    for name, seed in ((NAME, 0), (OTHER, 50)):
        write_preprocessed(workspace, write_dataset(workspace, name, n_patients=3, n_test=0), seed=seed)
    write_plan(workspace.preprocessed_dataset(NAME).plans_json(PLAN.name), PLAN, inputs={})
    return workspace


def hashes(workspace: Workspace, plan: ExperimentPlan | None) -> dict[str, str]:
    found = compared_scans(workspace, {name: raw_scans(workspace, name) for name in (NAME, OTHER)}, plan)
    return {scan.qualified: scan.identity.image for scan in found}


def find(workspace: Workspace) -> DuplicateReport:
    return find_duplicates(workspace, [NAME, OTHER], plan_name=PLAN.name)


def test_raw_copies_are_found_across_data_sets_and_within_one(workspace: Workspace) -> None:
    write_heads(workspace, NAME, {"A1": HEADS[0], "A2": HEADS[1]})
    others = {"B1": with_gamma(resaved(HEADS[1])), "B2": mirrored(HEADS[0], axis=1), "B3": HEADS[2]}
    write_heads(workspace, OTHER, {**others, "B4": rescaled(HEADS[2])})
    report = find(workspace)
    assert (report.frame, report.n_hashed) == ("head", {NAME: 2, OTHER: 4})
    assert [(g.kind, g.certainty, g.members) for g in report.groups] == [
        ("image", "certain", (f"{NAME}/A1", f"{OTHER}/B2")), ("image", "certain", (f"{OTHER}/B3", f"{OTHER}/B4")),
        ("image", "likely", (f"{NAME}/A2", f"{OTHER}/B1")),
    ]
    reasons = [g.pairs[0].reason for g in report.groups]
    assert ["after mirroring" in reason for reason in reasons] == [True, False, False]
    assert reasons[1] == "the images are the same"
    assert all(image.startswith(HEAD_FRAME) for image in hashes(workspace, None).values())


def test_preprocessed_data_sets_are_compared_on_the_atlas(preprocessed: Workspace) -> None:
    for name, scan_id in ((NAME, "P001_s1"), (OTHER, "P002_s1")):
        show(store_of(preprocessed, name, PLAN), scan_id, 1)
    assert common_plan(preprocessed, [OTHER, NAME], PLAN.name) == PLAN
    report = find(preprocessed)
    assert (report.frame, report.n_scans, report.n_hashed) == ("atlas", {NAME: 3, OTHER: 3}, {NAME: 1, OTHER: 1})
    (image,) = [g for g in report.groups if g.pairs[0].distance is not None]
    assert image.members == (f"{NAME}/P001_s1", f"{OTHER}/P002_s1")
    assert (image.pairs[0].first_patient, image.pairs[0].second_patient) == (f"{NAME}/P001", f"{OTHER}/P002")
    found = hashes(preprocessed, PLAN)
    assert found[f"{OTHER}/P002_s1"].startswith(ATLAS_FRAME)
    assert found[f"{OTHER}/P000_s1"] == ""


def test_raw_images_are_compared_as_soon_as_one_data_set_is_not_preprocessed(preprocessed: Workspace) -> None:
    third = write_dataset(preprocessed, "Dataset003_Third", n_patients=1, n_test=0)
    assert common_plan(preprocessed, [NAME, OTHER, third.name], PLAN.name) is None
    assert find_duplicates(preprocessed, [NAME, third.name], plan_name=PLAN.name).frame == "head"


def test_patients_are_the_same_by_other_ids_for_certain_and_by_an_equal_id_perhaps(preprocessed: Workspace) -> None:
    write_other_ids(preprocessed.raw_dataset(OTHER), {"P002": ["P000"]})
    groups = [(g.kind, g.certainty) for g in find(preprocessed).groups]
    assert {g for g in groups if g[0] == "patient"} == {("patient", "certain"), ("patient", "likely")}
    pairs = [p for g in find(preprocessed).groups for p in g.pairs if p.kind == "patient"]
    assert [(p.first, p.second) for p in pairs if p.certainty == "certain"] == [(f"{NAME}/P000", f"{OTHER}/P002")]
    assert len(pairs) == 4


def test_follow_up_scans_of_a_patient_that_look_alike_are_no_copies_but_equal_ones_are(workspace: Workspace) -> None:
    near = HEADS[0].with_array(HEADS[0].array + np.random.default_rng(1).normal(0, 8, HEADS[0].array.shape))
    write_heads(workspace, NAME, {"A1": HEADS[0], "A2": near, "A3": HEADS[0]})
    (workspace.raw_dataset(NAME).patients_csv).write_text("scan_id,patient_id\nA1,A\nA2,A\nA3,A\n", encoding="utf-8")
    report = find_duplicates(workspace, [NAME], plan_name=PLAN.name)
    assert [g.members for g in report.groups] == [(f"{NAME}/A1", f"{NAME}/A3")]


def test_images_of_a_data_set_made_from_one_head_are_not_compared(workspace: Workspace) -> None:
    write_heads(workspace, NAME, {"A1": HEADS[0], "A2": HEADS[0]})
    layout = workspace.raw_dataset(NAME)
    document = layout.dataset_json.read_text(encoding="utf-8")
    layout.dataset_json.write_text(document.replace("{", '{"one_head": true,', 1), encoding="utf-8")
    assert read_manifest(layout).one_head
    report = find_duplicates(workspace, [NAME], plan_name=PLAN.name)
    assert (report.groups, report.n_hashed) == ((), {NAME: 0})
    write_manifest(layout, read_manifest(layout))
    assert read_manifest(layout).one_head


def test_an_image_that_cannot_be_read_does_not_stop_the_others(workspace: Workspace) -> None:
    write_heads(workspace, NAME, {"A1": HEADS[0], "A2": HEADS[0], "A3": HEADS[0]})
    workspace.raw_dataset(NAME).image_path("A2", "train", ".nii.gz").write_bytes(b"no image")
    report = find_duplicates(workspace, [NAME], plan_name=PLAN.name)
    assert report.n_hashed == {NAME: 2}
    assert [g.members for g in report.groups] == [(f"{NAME}/A1", f"{NAME}/A3")]


def test_equal_voxels_are_found_where_no_head_can_be_compared(workspace: Workspace) -> None:
    small = {f"S{i}": make_volume(seed=i) for i in range(3)}
    flat = Volume(np.zeros((20, 20, 20), np.float32), (1.0, 1.0, 1.0))
    write_heads(workspace, NAME, {**small, "flat": flat})
    copy = Volume(small["S1"].array, (2.0, 1.0, 1.0))  # another header
    write_heads(workspace, OTHER, {"copy": copy, "flat2": flat, "A1": HEADS[0]})
    report = find(workspace)
    (group,) = report.groups
    assert (group.kind, group.certainty, group.members) == ("image", "certain", (f"{NAME}/S1", f"{OTHER}/copy"))
    assert report.n_hashed == {NAME: 0, OTHER: 1}
    assert report.voxels_only == {NAME: {"the head is too small": 3}, OTHER: {"the head is too small": 1}}
    assert report.not_compared == {NAME: {"no head stands out": 1}, OTHER: {"no head stands out": 1}}


def test_equal_raw_files_are_found_although_their_preprocessed_scans_show_too_little(preprocessed: Workspace) -> None:
    report = find(preprocessed)
    assert (report.frame, report.n_hashed) == ("atlas", {NAME: 0, OTHER: 0})
    members = [g.members for g in report.groups if (g.kind, g.certainty) == ("image", "certain")]
    assert members == [(f"{NAME}/P{p:03d}_s1", f"{OTHER}/P{p:03d}_s1") for p in range(3)]
    assert sum(report.voxels_only[OTHER].values()) == 3


def test_files_that_a_selection_shares_are_counted_and_follow_up_of_its_patients_is_no_find(tmp_path: Path) -> None:
    home = write_followed(tmp_path / "rnnet_raw")
    again = HEADS[0].with_array(HEADS[0].array + np.random.default_rng(1).normal(0, 8, HEADS[0].array.shape))
    for scan_id, head in (("P001_s1", HEADS[0]), ("P005_s1", again)):  # two scans of one patient
        write_volume(home.image_path(scan_id, "train", ".nii.gz"), head)
    names = [home.folder.name, "Dataset006_Early", "Dataset007_Late"]
    for name, scans in zip(names[1:], ({"P001_s1", "P002_s1"}, {"P005_s1"}), strict=True):
        selection_of(tmp_path / "rnnet_raw", home, name, scans)
    report = find_duplicates(Workspace.under(tmp_path), names, plan_name=PLAN.name)
    assert [(s.first, s.second, s.n_images, s.n_patients) for s in report.shared] == [
        (names[0], names[1], 2, 2), (names[0], names[2], 1, 1)]
    assert report.n_hashed == {names[0]: 2, names[1]: 1, names[2]: 1}
    # The patient of the two selections, which share no file, is one by the name that both carry.
    assert [(g.kind, g.certainty, g.members) for g in report.groups] == [
        ("patient", "certain", (f"{names[1]}/P001", f"{names[2]}/P001"))]
    apart = find_duplicates(Workspace.under(tmp_path), names[1:], plan_name=PLAN.name)
    assert {g.kind for g in apart.groups} == {"patient"}


def pair(first: str, second: str, kind: str = "image", certainty: str = "certain") -> Duplicate:
    return Duplicate(kind, certainty, first, second, "a reason", "p", "q")  # type: ignore[arg-type]


def test_pairs_with_a_member_in_common_are_one_group() -> None:
    pairs = [pair("a", "b"), pair("x", "y"), pair("c", "d"), pair("d", "b", certainty="likely"),
             pair("b", "x", "patient")]
    groups = groups_of(pairs)
    assert [(g.kind, g.members, g.certainty) for g in groups] == [
        ("patient", ("b", "x"), "certain"), ("image", ("a", "b"), "certain"), ("image", ("c", "d"), "certain"),
        ("image", ("x", "y"), "certain"), ("image", ("b", "d"), "likely")]
    assert groups_of([]) == ()


def test_a_group_is_written_row_by_row_and_the_report_is_read_back(tmp_path: Path) -> None:
    groups = groups_of([pair("a", "b"), pair("b", "c"), pair("x", "y")])
    report = DuplicateReport("head", {"D": 3}, {"D": 2}, groups, {"D": {"small": 1}},
                             shared=(SharedFiles("D", "E", 2, 1),))
    layout = DuplicatesLayout(tmp_path / "new")
    write_duplicates(layout, report)
    rows = list(csv.DictReader(layout.duplicates_csv.open(encoding="utf-8")))
    assert [(r["group"], r["first"], r["second"]) for r in rows] == [("1", "a", "b"), ("1", "b", "c"), ("2", "x", "y")]
    assert read_artefact(layout.duplicates_json, DuplicateReport, made_by="rnnet_find_duplicates") == report
