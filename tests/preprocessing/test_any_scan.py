"""Whatever way a scan was stored, its lesion comes to its place on the atlas, and back to its voxels."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnet.core.volume import Volume, read_volume, write_volume
from rnnet.planning.plan import BiasFieldPlan, PreprocessingPlan
from rnnet.preprocessing.export import to_native_grid
from rnnet.preprocessing.scan import ScanSettings, preprocess_scan
from tests.factories import make_atlas, make_head_scan, mapped, rigid_matrix
from tests.preprocessing.scans import SMALL_HEAD

pytestmark = pytest.mark.slow

ATLAS = make_atlas()
PLAN = PreprocessingPlan(registration=SMALL_HEAD, bias_field=BiasFieldPlan(shrink_factor=4, iterations=(2,)))
RADIUS_MM = 5.0
LETTERS = ("RL", "AP", "IS")


@st.composite
def orientations(draw: st.DrawFn) -> str:
    """One of the 48 ways to store a volume's axes, in ITK's letters."""
    return "".join(draw(st.sampled_from(pair)) for pair in draw(st.permutations(LETTERS)))


@st.composite
def scans(draw: st.DrawFn) -> dict[str, Any]:
    angles, shift = (draw(st.tuples(*[st.floats(-b, b)] * 3)) for b in (8.0, 30.0))
    # Inside the brain, whose half axes are about 26, 29 and 24 mm around (31.5, 35.5, 29.5).
    offset = draw(st.tuples(*[st.floats(-10.0, 10.0)] * 3))
    return {
        "axes": draw(orientations()), "angles": angles, "shift": shift,
        "center": np.array([31.5, 35.5, 29.5]) + offset,
        "spacing": draw(st.tuples(st.floats(0.9, 2.5), st.floats(0.8, 1.3), st.floats(0.8, 1.3))),
        "dtype": draw(st.sampled_from([np.int16, np.uint16, np.int32, np.float32, np.float64])),
        "brain_mask": draw(st.booleans()),
        "ending": draw(st.sampled_from([".nii.gz", ".nii", ".nrrd", ".mha"])),
        "oblique": draw(st.booleans()),
    }


def _stored(volume: Volume, axes: str, header: np.ndarray) -> Volume:
    """The same anatomy with its array axes in another order, in a world turned by `header`."""
    turned = Volume.from_sitk(sitk.DICOMOrient(volume.to_sitk(), axes))
    direction = header[:3, :3] @ np.array(turned.direction_xyz).reshape(3, 3)
    x, y, z = mapped(turned.origin_xyz_mm, header)
    return Volume(turned.array, turned.spacing_zyx_mm, (float(x), float(y), float(z)), tuple(direction.ravel()))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(scans())
def test_a_lesion_of_any_scan_lies_where_it_should_and_goes_back_to_its_voxels(case: dict[str, Any]) -> None:
    true = rigid_matrix(case["angles"], case["shift"], (31.5, 35.5, 29.5))
    image, labels = make_head_scan(
        ATLAS, true, spacing_zyx_mm=case["spacing"], lesions=[(case["center"], RADIUS_MM)], noise=2.0
    )
    header = rigid_matrix((7, -5, 12) if case["oblique"] else (0, 0, 0))
    image, labels = (_stored(v, case["axes"], header) for v in (image, labels))
    brain = image.with_array((image.array > 0).astype(np.uint8)) if case["brain_mask"] else None
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}{case['ending']}" for name in ("image", "mask")]
        write_volume(paths[0], image.with_array(image.array.astype(case["dtype"])))
        write_volume(paths[1], labels)
        image, labels = (read_volume(path) for path in paths)
    given = ScanSettings(brain_mask=brain)
    scan = preprocess_scan(image, labels, scan_id="any", plan=PLAN, atlas=ATLAS, settings=given)
    found = scan.on_atlas_grid(scan.lesions).world_xyz_mm(np.argwhere(scan.lesions == 1).mean(axis=0))
    assert np.linalg.norm(found - case["center"]) < 1.0
    volume_mm3 = float((labels.array > 0).sum() * np.prod(labels.spacing_zyx_mm))
    assert 0.7 < (scan.lesions == 1).sum() / volume_mm3 < 1.4
    normalized = scan.image[scan.brain]
    assert abs(float(normalized.mean())) < 1e-3
    assert abs(float(normalized.std()) - 1) < 1e-3
    assert scan.image[scan.lesions == 1].mean() > 0.5
    back = to_native_grid(scan.lesions, scan, nearest=True)
    assert back.same_grid(labels)
    overlap = 2 * ((back.array > 0) & (labels.array > 0)).sum() / ((back.array > 0).sum() + (labels.array > 0).sum())
    assert overlap > 0.75
