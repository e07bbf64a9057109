"""Three real scans, each with a trap of its own; once each, they take 10 to 20 seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rnnet.core.volume import Volume, read_volume
from rnnet.planning.plan import CropPlan, PreprocessingPlan, SkullStripPlan
from rnnet.preprocessing.atlas import Atlas
from rnnet.preprocessing.crop import crop_lesion
from rnnet.preprocessing.registration.flips import suspect_flip
from rnnet.preprocessing.reorient import reorient_to_lps
from rnnet.preprocessing.scan import preprocess_scan
from rnnet.preprocessing.skull_strip.deepbet import DeepbetStripper
from rnnet.preprocessing.state import SRI24_ORIGIN_XYZ_MM, PreprocessedScan

pytestmark = pytest.mark.slow
PLAN = PreprocessingPlan(skull_strip=SkullStripPlan("deepbet"))


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.fixture(scope="module")
def t1ce(test_data: Path) -> Path:
    return test_data / "t1ce"


@pytest.fixture(scope="module")
def thick(t1ce: Path, sri24: Atlas) -> PreprocessedScan:
    """A whole head in slices of 6.5 mm, NRRD."""
    image, label = (read_volume(t1ce / f"brain2_{kind}.nrrd") for kind in ("image", "label"))
    return preprocess_scan(image, label, scan_id="brain2", plan=PLAN, atlas=sri24)


@pytest.fixture(scope="module")
def metastasis(t1ce: Path, sri24: Atlas) -> PreprocessedScan:
    """A brain whose box does not touch the atlas's."""
    folder = t1ce / "BraTS-MET-00110-000"
    image = read_volume(folder / "BraTS-MET-00110-000-t1c.nii.gz")
    mask = read_volume(folder / "BraTS-MET-00110-000_AURORA-t1c_segmentation.nii.gz")
    lesion = mask.with_array((mask.array == 1).astype(np.uint8))
    return preprocess_scan(image, lesion, scan_id="BraTS-MET-00110-000", plan=PLAN, atlas=sri24)


@pytest.fixture(scope="module")
def cut_vertex(t1ce: Path, sri24: Atlas) -> tuple[PreprocessedScan, Volume]:
    """A whole head without its vertex, and the mask that deepbet gave on the scan's own grid."""
    masks: list[Volume] = []
    real = DeepbetStripper.brain_mask

    def remembered(self: DeepbetStripper, image: Volume) -> np.ndarray:
        masks.append(image.with_array(real(self, image)))
        return masks[-1].array

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeepbetStripper, "brain_mask", remembered)
        image = read_volume(t1ce / "TCGA-FG-6692" / "TCGA-FG-6692_t1c.nii.gz")
        scan = preprocess_scan(image, None, scan_id="TCGA-FG-6692", plan=PLAN, atlas=sri24)
    return scan, masks[0]


def brain_dice(scan: PreprocessedScan) -> float:
    record = scan.step("quality")
    assert record is not None
    return float(record.values["brain_dice"])


def assert_lesion_1_is_centred(scan: PreprocessedScan) -> None:
    crop = crop_lesion(scan, case_id=f"{scan.scan_id}_1", lesion_value=1, plan=CropPlan())
    inside = np.argwhere(crop.array[1])
    assert np.abs((inside.min(axis=0) + inside.max(axis=0)) / 2 - 31.5).max() <= 0.5
    assert crop.array[0][crop.array[1] > 0].std() > 0


def test_the_atlas_lies_on_the_brats_grid(sri24: Atlas) -> None:
    assert sri24.head.array.shape == (155, 240, 240)
    assert sri24.head.origin_xyz_mm == pytest.approx(SRI24_ORIGIN_XYZ_MM)
    brain = sri24.brain.array > 0
    assert 1.2e6 < brain.sum() < 1.7e6
    assert np.corrcoef(sri24.head.array[brain], sri24.brain.array[brain])[0, 1] > 0.95


def test_a_whole_head_in_thick_slices_comes_to_lie_on_the_atlas(thick: PreprocessedScan) -> None:
    assert brain_dice(thick) >= 0.9
    stripped = thick.step("skull_strip")
    assert stripped is not None
    assert stripped.values["stripper"] == "deepbet"
    assert_lesion_1_is_centred(thick)
    native_mm3 = 453 * np.prod(thick.native.spacing_zyx_mm)
    assert (thick.lesions == 1).sum() == pytest.approx(native_mm3, rel=0.1)


def test_a_stripped_brain_elsewhere_in_the_world_comes_to_lie_on_the_atlas(metastasis: PreprocessedScan) -> None:
    assert brain_dice(metastasis) >= 0.9
    stripped = metastasis.step("skull_strip")
    assert stripped is not None
    assert stripped.values["stripper"] == "none"
    assert_lesion_1_is_centred(metastasis)


def test_a_head_without_its_vertex_and_without_a_mask_passes(cut_vertex: tuple[PreprocessedScan, Volume]) -> None:
    scan, _ = cut_vertex
    assert brain_dice(scan) >= 0.9
    assert not scan.lesions.any()
    assert scan.image[scan.brain].std() == pytest.approx(1, abs=1e-3)


def test_no_true_scan_is_suspected_to_lie_the_wrong_way_round(
    thick: PreprocessedScan, metastasis: PreprocessedScan, cut_vertex: tuple[PreprocessedScan, Volume]
) -> None:
    for scan in (thick, metastasis, cut_vertex[0]):
        record = scan.step("orientation")
        assert record is not None
        assert record.values["suspected"] == ""


@pytest.mark.parametrize(
    ("axes", "kind"),
    [((1,), "front-back"), ((0,), "up-down"), ((1, 2), "front-back"), ((0, 1), "front-back and up-down")],
)
def test_a_real_brain_the_wrong_way_round_is_found(
    axes: tuple[int, ...], kind: str, t1ce: Path, sri24: Atlas
) -> None:
    brain = reorient_to_lps(read_volume(t1ce / "BraTS-MET-00110-000" / "BraTS-MET-00110-000-t1c.nii.gz"))
    finding = suspect_flip(brain.with_array(np.ascontiguousarray(np.flip(brain.array, axes))), sri24)
    assert finding is not None
    assert finding.kind == kind


def test_deepbet_agrees_with_hd_bet(cut_vertex: tuple[PreprocessedScan, Volume], t1ce: Path) -> None:
    _, ours = cut_vertex
    theirs = reorient_to_lps(read_volume(t1ce / "TCGA-FG-6692" / "TCGA-FG-6692_bet_t1c_mask.nii.gz"))
    assert ours.same_grid(theirs, tolerance_mm=0.1)
    assert dice(ours.array.astype(bool), theirs.array > 0) >= 0.965
