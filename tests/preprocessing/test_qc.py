from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rnnet.core.volume import Volume
from rnnet.preprocessing import qc, qc_layout
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.qc import write_qc_picture
from rnnet.preprocessing.qc_canvas import Canvas, text_width
from rnnet.preprocessing.state import NativeGrid, PreprocessedScan, StepRecord
from tests.factories import make_lesion_mask, rigid_matrix
from tests.preprocessing.scans import make_scan

HISTORY = (
    StepRecord("skull_strip", {"stripper": "deepbet", "version": "1.0.2"}),
    StepRecord("registration", {"method": "rigid", "angle_degrees": 3.85}),
    StepRecord("quality", {"brain_dice": 0.913}),
)


def scan_on(atlas: Atlas, centers: list[tuple[int, int, int]]) -> tuple[PreprocessedScan, Volume]:
    """A scan that lies in the world as the atlas does, and the raw volume."""
    labels = make_lesion_mask(atlas.head.array.shape, centers, radius_vox=4)
    brain = atlas.brain.array > 0
    image = np.where(brain, atlas.brain.array / 40 - 2, 0).astype(np.float32)
    scan = make_scan(
        labels, image=image, brain=brain, native=NativeGrid.of(atlas.head), to_atlas=rigid_matrix(), history=HISTORY,
        atlas_origin_xyz_mm=atlas.head.origin_xyz_mm, warnings=(),
    )
    return scan, atlas.head


def share_of(path: Path, colour: str) -> float:
    """Share of the pixels above the legend and below the title that have a tint."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(path).convert("RGB"), float)[62:-24], -1, 0)
    tinted = {"red": red - green > 60, "yellow": green - blue > 60, "blue": blue - red > 60}[colour]
    return float(tinted.mean())


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Everything that is written into pictures, with its colour."""
    written: list[str] = []
    real = Canvas.text

    def remembered(self: Canvas, top: int, left: int, text: str, **style: object) -> int:
        written.append(f"{text}|{style.get('colour')}")
        return real(self, top, left, text, **style)  # type: ignore[arg-type]

    monkeypatch.setattr(Canvas, "text", remembered)
    return written


@pytest.mark.parametrize("with_raw", [False, True])
def test_the_picture_shows_the_outline_of_the_lesion(with_raw: bool, tmp_path: Path, atlas: Atlas) -> None:
    for name, centers in (("lesion", [(30, 40, 30)]), ("none", [])):
        scan, raw = scan_on(atlas, centers)
        write_qc_picture(scan, atlas, tmp_path / f"{name}.png", raw=raw if with_raw else None)
    assert share_of(tmp_path / "lesion.png", "red") > 0.0005
    assert share_of(tmp_path / "none.png", "red") == 0
    assert share_of(tmp_path / "none.png", "blue") > 0.002
    assert list(tmp_path.glob(".tmp*")) == []


def test_the_same_scan_gives_the_same_bytes_and_no_metadata(tmp_path: Path, atlas: Atlas) -> None:
    scan, raw = scan_on(atlas, [(30, 40, 30)])
    for name in ("a", "b"):
        write_qc_picture(scan, atlas, tmp_path / f"{name}.png", raw=raw)
    content = (tmp_path / "a.png").read_bytes()
    assert content == (tmp_path / "b.png").read_bytes()
    assert not any(chunk in content for chunk in (b"tEXt", b"iTXt", b"tIME"))
    assert len(content) < 120_000


def test_a_shifted_scan_shows_where_the_atlas_should_be(tmp_path: Path, atlas: Atlas) -> None:
    scan, raw = scan_on(atlas, [])
    write_qc_picture(scan, atlas, tmp_path / "good.png", raw=raw)
    shifted = replace(scan, brain=np.roll(scan.brain, 8, axis=2))
    write_qc_picture(shifted, atlas, tmp_path / "bad.png", raw=raw)
    # On a good fit the two outlines share their pixels.
    assert share_of(tmp_path / "bad.png", "yellow") > 2 * share_of(tmp_path / "good.png", "yellow")


def test_the_outlines_of_the_raw_scan_follow_the_transform(tmp_path: Path, atlas: Atlas) -> None:
    scan, raw = scan_on(atlas, [])
    after = qc._after(scan, atlas)
    moved = replace(raw, origin_xyz_mm=tuple(o + 100 for o in raw.origin_xyz_mm))  # type: ignore[arg-type]
    back = replace(scan, to_atlas=rigid_matrix(shift_xyz_mm=(-100, -100, -100)))
    views = [qc._before(raw, scan, after, atlas.head), qc._before(moved, back, after, atlas.head)]
    panels = [qc._planes(view, {"blue": scan.brain}, atlas.head, "") for view in views]
    for here, there in zip(*panels, strict=True):
        np.testing.assert_array_equal(here.grey, there.grey)
        np.testing.assert_array_equal(here.lines["blue"], there.lines["blue"])
        assert here.grey.max() == 1


def test_sides_are_named_in_radiological_convention(tmp_path: Path, atlas: Atlas, texts: list[str]) -> None:
    scan, raw = scan_on(atlas, [(30, 40, 12)])  # small x: the patient's right
    write_qc_picture(scan, atlas, tmp_path / "a.png", raw=raw)
    assert sum("radiological convention" in t for t in texts) == 1
    letters = [t.split("|")[0] for t in texts if len(t.split("|")[0]) == 1]
    assert letters == 2 * list("APRL" "SIRL" "SIAP")
    assert "50 mm|None" in texts
    lesion = qc._planes(qc._after(scan, atlas), {"red": scan.lesions}, atlas.head, "")[0].lines["red"]
    assert np.argwhere(lesion > 0)[:, 1].mean() < lesion.shape[1] / 2


def test_the_title_is_red_and_says_why_when_a_scan_is_refused(
    tmp_path: Path, atlas: Atlas, texts: list[str]
) -> None:
    scan, raw = scan_on(atlas, [])
    warned = replace(scan, warnings=("A mask was redrawn.", "Another."))
    write_qc_picture(warned, atlas, tmp_path / "a.png", raw=raw)
    assert {f"{scan.scan_id}|None", "warning: A mask was redrawn (and 1 more)|yellow"} <= set(texts)
    assert qc_layout._facts(warned) == (
        "Dice with the atlas's brain 0.913 · turned by 3.9° · brain mask by deepbet 1.0.2 · no lesion"
    )
    texts.clear()
    write_qc_picture(warned, atlas, tmp_path / "b.png", raw=raw, problem="It does not fit.")
    assert {f"{scan.scan_id}: not used|red", "It does not fit.|red"} <= set(texts)


def test_a_scan_without_a_brain_still_has_a_picture(tmp_path: Path, atlas: Atlas) -> None:
    scan, raw = scan_on(atlas, [])
    empty = replace(scan, brain=np.zeros_like(scan.brain), image=np.zeros_like(scan.image), history=())
    write_qc_picture(empty, atlas, tmp_path / "a.png", raw=raw, problem="No brain.")
    assert share_of(tmp_path / "a.png", "yellow") > 0.001


def test_long_lines_are_cut_to_the_picture(tmp_path: Path, atlas: Atlas, texts: list[str]) -> None:
    scan, raw = scan_on(atlas, [])
    write_qc_picture(replace(scan, warnings=("word " * 99,)), atlas, tmp_path / "a.png", raw=raw)
    line = next(t for t in texts if t.startswith("warning")).split("|")[0]
    assert line.endswith("…")
    assert text_width(line) <= Image.open(tmp_path / "a.png").width
