from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnnet import pipeline
from rnnet.cli import plot_qc
from rnnet.core.errors import FileFormatError, MissingStageError
from rnnet.core.workspace import ScanStoreLayout, Workspace
from rnnet.experiment.access import store_of
from rnnet.preprocessing.state import StepRecord
from rnnet.reporting.qc_page import write_qc_page
from rnnet.reporting.qc_scans import FailedScan, QcScan, QcScans, kind_of_warning, read_failures, read_qc_scans
from rnnet.reporting.thumbnail import thumbnail
from tests.experiment.workspaces import NAME, PLAN, write_dataset, write_planned
from tests.preprocessing.scans import make_scan
from tests.reporting.browser import find_browser
from tests.reporting.test_report import EVIL, Page

HISTORY = (
    StepRecord("skull_strip", {"stripper": "deepbet", "version": "1.0.2"}),
    StepRecord("bias_field", {"method": "N4", "field_range": [0.31, 0.974]}),
    StepRecord("registration", {"method": "rigid", "angle_degrees": 3.85}),
    StepRecord("quality", {"brain_dice": 0.9, "mutual_information_before": 0.25, "mutual_information_after": 0.53}),
)


def qc_scan(name: str, dice: float | None, folder: Path, **changes: object) -> QcScan:
    picture = folder / "qc" / f"{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 200, (300, 400), dtype=np.uint8)).save(picture)
    scan = QcScan(name, "P1", "A", "train", dice, 0.2, 0.7, 3.4, "rigid", "deepbet 1.0.2", (0.3, 0.9), (), ((1, 4000),),
                  picture)
    return replace(scan, **changes)  # type: ignore[arg-type]


def made_up(folder: Path) -> QcScans:
    done = (qc_scan("worst", 0.71, folder), qc_scan("middle", 0.93, folder, warnings=(f"A mask {EVIL}.",)),
            qc_scan("best one ü", 0.97, folder, lesions=tuple((i, 900 - i) for i in range(1, 8))),
            qc_scan("declared", None, folder, information_before=None, information_after=None, angle_degrees=None,
                    registration="declared registered", field_range=None, lesions=(), picture=None))
    failed = (FailedScan("broken", "broken: It cannot be read.", "/data/broken.nii.gz", "Copy it again.", None),)
    return QcScans(done, failed, ("later",))


@pytest.fixture
def page(tmp_path: Path) -> Path:
    write_qc_page(tmp_path / "qc.html", made_up(tmp_path), dataset="Dataset001_Toy", plan_name="rnnet_plans")
    return tmp_path / "qc.html"


def test_failed_scans_come_first_and_then_the_worst_registration(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = ("broken", "later", "worst", "middle", "best one ü", "declared")
    places = [text.index(f">{name}<") for name in names]
    assert places == sorted(places)
    assert "It cannot be read." in text
    assert "Copy it again." in text


def test_the_page_needs_no_other_file_but_the_pictures_it_links_to(page: Path) -> None:
    parsed = Page(page.read_text(encoding="utf-8"))
    assert parsed.open == []
    sources = [v for _, k, v in parsed.attributes if k == "src"]
    assert len(sources) == 3
    assert all(s.startswith("data:image/webp;base64,") for s in sources)
    links = [v for tag, k, v in parsed.attributes if tag == "a" and k == "href" and not v.startswith("#")]
    assert links == ["qc/worst.png", "qc/middle.png", "qc/best%20one%20%C3%BC.png"]


def test_a_picture_that_cannot_be_read_costs_its_own_row_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    scans = made_up(tmp_path)
    assert scans.done[1].picture is not None
    scans.done[1].picture.write_bytes(scans.done[1].picture.read_bytes()[:100])
    write_qc_page(tmp_path / "qc.html", scans, dataset="Dataset001_Toy", plan_name="rnnet_plans")
    text = (tmp_path / "qc.html").read_text(encoding="utf-8")
    assert [v for _, k, v in Page(text).attributes if k == "href" and v.startswith("qc/")] == [
        "qc/worst.png", "qc/best%20one%20%C3%BC.png"]
    assert text.count("no picture") == 3
    assert "middle.png" in caplog.text


def test_texts_of_the_data_set_are_escaped(page: Path) -> None:
    assert "<script>alert" not in page.read_text(encoding="utf-8")
    assert EVIL in Page(page.read_text(encoding="utf-8")).words


def test_the_summary_counts_strippers_and_kinds_of_warnings(page: Path) -> None:
    words = " ".join(Page(page.read_text(encoding="utf-8")).words.split())
    assert "Preprocessed4" in words.replace(" ", "")
    assert "lowest 0.710; 1 under 0.85" in words
    assert re.search(r"deepbet 1\.0\.2\s*4", words)
    assert "0.9, 0.9, 0.9, 0.9" not in words  # four of seven lesions are named, with three digits
    assert "and 3 smaller" in words


def test_numbers_do_not_make_kinds_of_warnings() -> None:
    assert kind_of_warning("Lesion 3 is cut: 12% is lost.") == kind_of_warning("Lesion 11 is cut: 4 % is lost.")
    assert kind_of_warning("The mask is off.") == "The mask is off."


def test_a_thumbnail_is_small_whatever_the_picture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (560, 750), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert 1000 < len(thumbnail(tmp_path / "noise.png")) < 14_000
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(FileFormatError, match="cannot be read"):
        thumbnail(tmp_path / "text.png")


def test_rows_of_older_failures_get_their_name_from_the_problem(tmp_path: Path) -> None:
    layout = ScanStoreLayout(tmp_path)
    assert read_failures(layout) == []
    (tmp_path / "qc").mkdir()
    (tmp_path / "qc" / "b.png").write_bytes(b"")
    rows = [{"problem": "a_s1: No brain.", "where": "x", "fix": "y"},
            {"problem": "b: Bad.", "where": "x", "fix": "y", "scan_id": "b_s1", "picture": "qc/b.png"},
            {"problem": "c: Bad.", "where": "x", "fix": "y", "scan_id": "c_s1", "picture": "qc/gone.png"}]
    layout.failures_json.write_text(json.dumps(rows))
    found = read_failures(layout)
    assert [f.scan_id for f in found] == ["a_s1", "b_s1", "c_s1"]
    assert [f.picture for f in found] == [None, tmp_path / "qc" / "b.png", None]
    layout.failures_json.write_text("{}")
    with pytest.raises(FileFormatError, match="list of objects"):
        read_failures(layout)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two scans of six are in the store, a third failed."""
    found = Workspace.under(tmp_path)
    dataset = write_dataset(found)
    write_planned(found, dataset)
    store = store_of(found, NAME, PLAN)
    for scan, dice in zip(dataset.scans, (0.95, 0.9), strict=False):
        labels = np.zeros((20, 20, 20), np.uint16)
        labels[5:8, 5:8, 5:8], labels[15, 15, 15] = 2, 1
        quality = StepRecord("quality", {**HISTORY[3].values, "brain_dice": dice})
        store.write_scan(make_scan(labels, scan_id=scan.scan_id, history=(*HISTORY[:3], quality)), {})
    failed = dataset.scans[2].scan_id
    store.layout.failures_json.write_text(
        json.dumps([{"problem": f"{failed}: No.", "where": "x", "fix": "y", "scan_id": failed, "picture": ""}])
    )
    return found


def test_the_store_tells_everything_that_the_page_shows(workspace: Workspace) -> None:
    from rnnet.dataset.case import read_dataset

    scans = read_dataset(workspace.raw_dataset(NAME)).scans
    found = read_qc_scans(store_of(workspace, NAME, PLAN), scans)
    assert [s.brain_dice for s in found.done] == [0.9, 0.95]
    first = found.done[0]
    assert (first.information_before, first.information_after, first.angle_degrees) == (0.25, 0.53, 3.85)
    assert (first.stripper, first.field_range, first.warnings) == ("deepbet 1.0.2", (0.31, 0.974), ("a warning",))
    assert first.lesions == ((2, 27), (1, 1))
    assert ([f.scan_id for f in found.failed], len(found.waiting)) == ([scans[2].scan_id], 3)


def test_the_command_writes_the_page_into_the_store(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    root = workspace.raw.parent
    assert plot_qc.main(["1", "--root", str(root), "-np", "1"]) == 0
    page = store_of(workspace, NAME, PLAN).layout.qc_html
    assert str(page) in capsys.readouterr().out
    assert "Not preprocessed yet (3)" in page.read_text(encoding="utf-8")


def test_another_data_set_can_be_shown_under_the_plan_of_the_first(workspace: Workspace) -> None:
    write_dataset(workspace, "Dataset002_Other")
    with pytest.raises(MissingStageError, match="no preprocessed scan"):
        pipeline.plot_qc(workspace, 2, plan_of=1)
    with pytest.raises(MissingStageError, match="has no plan 'rnnet_plans'"):
        pipeline.plot_qc(workspace, 2)


def test_a_browser_shows_the_page_and_its_script_sorts_it(page: Path, tmp_path: Path) -> None:
    browser = find_browser(tmp_path / "profile")
    dom, complaints = browser.dom(f"{page.as_uri()}#sort=scan")
    assert complaints == []
    rows = re.findall(r'data-v="([^"]+)"><b>', dom)
    assert rows == ["best one ü", "declared", "middle", "worst"]
    assert 'aria-sort="ascending"' in dom
    assert "4 of 4 scans" in dom
    browser.screenshot(page.as_uri(), tmp_path / "page.png")
    picture = np.asarray(Image.open(tmp_path / "page.png").convert("L"))
    assert picture.shape == (1600, 1300)
    assert picture.std() > 10
    assert len(np.unique(picture)) > 50
