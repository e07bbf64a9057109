from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, LeakageError
from rnnet.core.seeding import rng_for
from rnnet.core.types import LesionCase
from rnnet.core.workspace import ScanStoreLayout
from rnnet.experiment.corpus import Corpus, open_corpus
from rnnet.features import radiomics_cache
from rnnet.features.lesions import lesion_radiomics
from rnnet.features.mask_jitter import JITTERS, Jitter, jitter_mask
from rnnet.features.robustness import Stability, icc_agreement, stable_features
from rnnet.planning.plan import ExperimentPlan
from rnnet.preprocessing.store import ScanStore
from tests.factories import make_cases, make_lesion_mask, make_plan
from tests.preprocessing.scans import make_scan

PLAN = make_plan("features.bin_width=60", "features.minimum_icc=0.75")
Lesions = tuple[Sequence[LesionCase], Corpus, ScanStore]
# Six targets, four judges (Shrout and Fleiss 1979, table 2).
JUDGES = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def icc_of(values: np.ndarray) -> float:
    return float(icc_agreement(values[:, :, None])[0])


def test_the_published_example_has_the_published_agreement() -> None:
    assert icc_of(JUDGES) == pytest.approx(0.29, abs=0.005)
    assert icc_of(1e12 * JUDGES - 3e13) == pytest.approx(icc_of(JUDGES), rel=1e-9)


def test_agreement_is_one_without_error_and_a_common_shift_lowers_it() -> None:
    drawn = np.array([1.0, 2.0, 4.0, 8.0])
    assert icc_of(np.stack([drawn] * 4, axis=1)) == pytest.approx(1)
    assert icc_of(np.stack([drawn, drawn + 3], axis=1)) < 0.8


def test_lesions_with_a_missing_value_are_left_out_and_what_is_undefined_is_0() -> None:
    holed = np.vstack([JUDGES, [np.nan, 1, 2, 3]])
    assert icc_of(holed) == icc_of(JUDGES)
    assert icc_of(np.full((5, 4), 7.0)) == 0
    assert icc_of(np.full((5, 4), np.nan)) == 0
    assert icc_of(JUDGES[:2]) == 0


@pytest.mark.parametrize("jitter", JITTERS)
def test_a_jitter_moves_the_rim_by_one_voxel(jitter: Jitter) -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[3:6, 3:6, 3:6] = True
    changed = jitter_mask(mask, jitter, rng_for(0, "x"))
    expected = {"dilate": 27 + 6 * 9, "erode": 1, "shift": 27}[jitter]
    assert changed.sum() == expected
    assert 0 < (changed ^ mask).sum() <= 54


def test_a_shift_does_not_come_back_on_the_other_side() -> None:
    mask = np.ones((2, 2, 2), bool)
    assert {int(jitter_mask(mask, "shift", rng_for(s, "x")).sum()) for s in range(12)} == {4}


def lesions(folder: Path) -> Lesions:
    """Balls of 3 to 7 mm with their own brightness in noise, one a scan."""
    store = ScanStore(ScanStoreLayout(folder))
    cases = make_cases(5, 1)
    for number, case in enumerate(cases):
        labels = make_lesion_mask((18, 18, 18), [(9, 9, 9)], radius_vox=3.0 + number)
        noise = rng_for(number, "noise").standard_normal(labels.shape)
        image = ((1 + number % 3) * (labels > 0) + 0.3 * noise).astype(np.float32)
        store.write_scan(make_scan(labels, scan_id=case.scan_id, image=image), {})
    return cases, open_corpus({"toy": cases}, {"toy": store}, PLAN.crop), store


@pytest.fixture(scope="module")
def of(tmp_path_factory: pytest.TempPathFactory) -> Lesions:
    return lesions(tmp_path_factory.mktemp("store"))


def stability(of: Lesions, cases: Sequence[LesionCase] | None = None,
              plan: ExperimentPlan = PLAN) -> Stability:
    return stable_features(of[0] if cases is None else cases, of[1], of[2], plan, n_processes=1)


def test_features_are_kept_by_their_agreement(of: Lesions) -> None:
    found = stability(of)
    assert found.names == lesion_radiomics(of[0], of[1], of[2], PLAN, n_processes=1).names
    assert 0 < len(found.kept) < len(found.names)
    assert found.n_lesions == len(of[0])
    assert "original_firstorder_Median" in found.kept
    assert "original_firstorder_Minimum" not in found.kept
    assert all((icc >= 0.75) == (name in found.kept) for name, icc in zip(found.names, found.icc, strict=True))


def test_only_the_given_lesions_are_jittered_and_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    of = lesions(tmp_path)
    original = radiomics_cache.extract_rows
    extracted: list[str] = []

    def counted(cases, *arguments, **settings):
        extracted.extend(case.case_id for case in cases)
        return original(cases, *arguments, **settings)

    monkeypatch.setattr(radiomics_cache, "extract_rows", counted)
    fold = of[0][:4]
    first = stability(of, fold)
    assert sorted(extracted) == sorted(4 * [case.case_id for case in fold])
    assert stability(of, fold) == first
    assert len(extracted) == 16
    stability(of, of[0][1:5])
    assert extracted[16:] == 4 * [of[0][4].case_id]


def test_a_test_case_must_not_choose_features(of: Lesions) -> None:
    with pytest.raises(LeakageError, match="must not choose"):
        stability(of, [*of[0][:3], replace(of[0][3], split="test")])


def test_too_few_lesions_or_nothing_stable_is_an_error_with_a_cure(of: Lesions) -> None:
    with pytest.raises(DatasetError, match=r"2 of 2 training lesions.*needs 3"):
        stability(of, of[0][:2])
    with pytest.raises(DatasetError, match="No radiomic feature has an ICC of 1"):
        stability(of, of[0][:4], make_plan("features.bin_width=60", "features.minimum_icc=1.0"))
