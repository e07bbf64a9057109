from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from radiomics.featureextractor import RadiomicsFeatureExtractor

from rnnet.core.errors import UnknownComponentError
from rnnet.core.volume import Volume, write_volume
from rnnet.core.worker import one_thread
from rnnet.features.presets import PRESETS, preset_of, with_preset
from rnnet.features.radiomics import RadiomicsExtractor, RadiomicsInput
from rnnet.features.radiomics_settings import parameters_text, pyradiomics_parameters
from rnnet.planning.plan import FeaturesPlan, with_settings
from tests.factories import make_plan
from tests.features.test_radiomics import make_crop


def files_for_pyradiomics(folder: Path, plan: FeaturesPlan) -> tuple[RadiomicsInput, list[str]]:
    """A small lesion near two faces of its scan, and [image, mask, parameters] as the command writes them."""
    crop = make_crop(30, 2.6, seed=3)
    crop = np.roll(crop, (-9, 8), axis=(1, 2))
    made = RadiomicsInput.of_crop(crop)
    given = RadiomicsInput(
        Volume(made.image.array, (1.0, 1.0, 1.0), (0.0, -239.0, 0.0)),
        Volume(made.mask.array, (1.0, 1.0, 1.0), (0.0, -239.0, 0.0)), *statistics(made, plan),
    )
    image, mask, yaml = folder / "image.nii.gz", folder / "mask.nii.gz", folder / "parameters.yaml"
    raw = given.image.with_array(given.image.array.astype(np.float64))
    write_volume(image, given.grey_values(plan.normalize_scale) if plan.normalize == "brain" else raw)
    write_volume(mask, given.mask.with_array(given.mask.array.astype(np.uint8)))
    yaml.write_text(parameters_text(plan, name=yaml.name), encoding="utf-8")
    return given, [str(image), str(mask), str(yaml)]


def statistics(made: RadiomicsInput, plan: FeaturesPlan) -> tuple[float, float]:
    import SimpleITK as sitk

    measured = sitk.StatisticsImageFilter()
    measured.Execute(made.image.to_sitk())
    return (measured.GetMean(), measured.GetSigma()) if plan.normalize == "image" else (0.0, 1.0)


# The last two look at every kind of setting in a fraction of a second.
PLANS = {
    **{name: with_preset(make_plan(), name).features for name in PRESETS},
    "brain": FeaturesPlan(bin_width=60.0, wavelet=False, log_sigma_mm=()),
    "image": FeaturesPlan(normalize="image", bin_count=6, wavelet=False, log_sigma_mm=(1.0,), voxel_array_shift=0),
}


@pytest.mark.parametrize("name", ["brain", "image", *(pytest.param(p, marks=pytest.mark.slow) for p in PRESETS)])
def test_pyradiomics_gives_exactly_the_same_values_with_the_written_parameters(name: str, tmp_path: Path) -> None:
    given, (image, mask, yaml) = files_for_pyradiomics(tmp_path, PLANS[name])
    ours = RadiomicsExtractor(PLANS[name])
    with one_thread():
        theirs = RadiomicsFeatureExtractor(yaml).execute(image, mask)
        values = ours.extract(given).values
    expected = np.array([float(theirs[feature]) for feature in ours.names])
    np.testing.assert_array_equal(values, expected)
    assert len(ours.names) == sum(not feature.startswith("diagnostics_") for feature in theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_pyradiomics_own_command_line_prints_exactly_the_same_1130_values(name: str, tmp_path: Path) -> None:
    given, (image, mask, yaml) = files_for_pyradiomics(tmp_path, PLANS[name])
    command = [sys.executable, "-c", "from radiomics.scripts import parse_args; parse_args()", image, mask,
               "--param", yaml, "--format", "csv"]
    ours = RadiomicsExtractor(PLANS[name])
    with one_thread():  # in the child process too: with more, LAPACK rounds the last digit otherwise
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        values = ours.extract(given).values
    row = next(csv.DictReader(io.StringIO(printed)))
    expected = np.array([float(row[feature]) for feature in ours.names])
    assert len(expected) == 1130
    np.testing.assert_array_equal(values, expected)


def test_the_written_parameters_are_what_pyradiomics_reads(tmp_path: Path) -> None:
    for name, plan in PLANS.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(parameters_text(plan, name=path.name), encoding="utf-8")
        read = RadiomicsFeatureExtractor(str(path))
        wanted = pyradiomics_parameters(plan)
        assert {k: read.settings[k] for k in wanted["setting"]} == wanted["setting"]
        assert (read.enabledImagetypes, read.enabledFeatures) == (wanted["imageType"], wanted["featureClass"])


def test_molab_has_the_settings_of_the_public_data_set() -> None:
    setting = pyradiomics_parameters(with_preset(make_plan(), "molab").features)["setting"]
    published = {"normalize": True, "normalizeScale": 100.0, "binWidth": 5.0, "voxelArrayShift": 300,
                 "minimumROISize": 10, "preCrop": True}
    assert {k: setting[k] for k in published} == published
    assert "resampledPixelSpacing" not in setting


def test_a_preset_sets_fields_of_the_plan_with_their_reason_and_is_recognised() -> None:
    plan = make_plan("features.bin_width=12")
    assert preset_of(plan) == ""
    for preset in PRESETS:
        changed = with_preset(plan, preset)
        assert preset_of(changed) == preset
        reasons = {c.path: c.rule for c in changed.rationale}
        assert all(reasons[path].startswith(f"preset '{preset}'") for path, _, _ in PRESETS[preset])
        assert changed.features.lasso_folds == plan.features.lasso_folds
    assert preset_of(with_settings(with_preset(plan, "molab"), ["features.bin_width=6"])) == ""
    with pytest.raises(UnknownComponentError, match="Did you mean 'molab'"):
        with_preset(plan, "molabs")
