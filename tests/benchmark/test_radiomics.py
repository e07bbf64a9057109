from __future__ import annotations

import numpy as np
import pytest

from rnnet.benchmark.radiomics import MadeUpLesions, made_up_lesions, measure_radiomics, profile_radiomics
from rnnet.core.volume import Volume
from rnnet.features.radiomics_settings import filter_reach_vox
from rnnet.planning.plan import FeaturesPlan

PLAN = FeaturesPlan(bin_width=40.0, wavelet=False, log_sigma_mm=(1.0,))


def small() -> MadeUpLesions:
    image = np.random.default_rng(0).standard_normal((30, 32, 34)).astype(np.float32)
    return MadeUpLesions(Volume(image, (1.0, 1.0, 1.0)), ((15, 16, 16),), (3.0,),
                         filter_reach_vox(PLAN))


@pytest.mark.slow
def test_the_whole_scan_has_exactly_the_values_of_the_part_and_every_way_took_time() -> None:
    found = {t.way: t for t in measure_radiomics(small(), PLAN, n_processes=1)}
    assert all(t.seconds_per_lesion > 0 for t in found.values())
    assert found["execute(), whole scan, 1 thread"].difference == 0
    assert found["execute(), whole scan, libraries' threads"].difference < 1e-12


def test_the_shares_of_the_profile_are_of_one_whole() -> None:
    shares = dict(profile_radiomics(small(), PLAN))
    assert shares["LoG filters"] > 0
    assert shares["wavelet filters"] == 0
    assert shares["GLCM: eigenvalues of its MCC"] > 0
    assert 0.3 < sum(share for part, share in shares.items() if "in the above" not in part) < 1.01


@pytest.mark.slow
def test_made_up_lesions_lie_in_a_scan_of_the_atlas_size() -> None:
    lesions = made_up_lesions(4, PLAN)
    assert lesions.image.array.shape == (155, 240, 240)
    volumes = [int(lesions.mask(i).array.sum()) for i in range(4)]
    assert volumes == sorted(volumes)
    assert volumes[0] > 100
