from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.radiomics_layout import radiomics_diagnostics
from rnnet.core.types import LesionCase
from rnnet.features import radiomics
from rnnet.features.diagnostics import read_diagnostics
from rnnet.features.radiomics import Extraction, RadiomicsInput
from rnnet.features.radiomics_cache import load_or_extract, radiomics_digest
from rnnet.features.radiomics_rows import extract_radiomics
from rnnet.features.table import FeatureTable
from rnnet.planning.plan import FeaturesPlan
from tests.features.test_radiomics import SMALL_PLAN, make_crop, numbered_cases, read_crop


class Extractions:
    """Counts how often pyradiomics is really called, and can stop the run at one of the calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.stop_at = -1
        original = radiomics.RadiomicsExtractor.extract

        def counted(*arguments: object) -> Extraction:
            if self.count == self.stop_at:
                raise KeyboardInterrupt
            self.count += 1
            return original(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(radiomics.RadiomicsExtractor, "extract", counted)


@pytest.fixture
def extractions(monkeypatch: pytest.MonkeyPatch) -> Extractions:
    return Extractions(monkeypatch)


def load(cases: list[LesionCase], path: Path) -> FeatureTable:
    return load_or_extract(cases, read_crop, SMALL_PLAN, path=path, n_processes=1)


def test_the_cache_holds_exactly_what_the_extraction_gives(tmp_path: Path) -> None:
    cases = numbered_cases(5)
    path = tmp_path / "radiomics" / "r.csv"
    direct = extract_radiomics(cases, read_crop, SMALL_PLAN, n_processes=1)
    for table in (load(cases, path), load(cases, path)):
        assert (table.case_ids, table.names) == (direct.case_ids, direct.names)
        np.testing.assert_array_equal(table.values, direct.values)
    assert sorted(p.name for p in path.parent.iterdir()) == ["r.csv", "r.diagnostics.csv"]


def test_diagnostics_of_all_finished_cases_are_kept_beside_and_are_no_features(tmp_path: Path) -> None:
    cases = numbered_cases(6)
    load(cases[3:5], tmp_path / "r.csv")
    table = load(cases, tmp_path / "r.csv")
    notes = read_diagnostics(radiomics_diagnostics(tmp_path / "r.csv"))
    assert set(notes) == {case.case_id for case in cases[3:]}
    assert notes[cases[3].case_id]["diagnostics_Mask-original_VoxelNum"] == "123"
    assert "diagnostics_Versions_PyRadiomics" in notes[cases[5].case_id]
    assert not any("diagnostics" in name for name in table.names)


def test_only_missing_cases_are_extracted(tmp_path: Path, extractions: Extractions) -> None:
    cases = numbered_cases(6)
    load(cases[3:5], tmp_path / "r.csv")
    assert extractions.count == 2
    table = load(cases[3:], tmp_path / "r.csv")
    assert extractions.count == 3
    assert table.case_ids == tuple(case.case_id for case in cases[3:])


def test_cases_without_radiomics_are_tried_and_warned_of_again(
    tmp_path: Path, extractions: Extractions, caplog: pytest.LogCaptureFixture,
) -> None:
    cases = numbered_cases(4)  # flat, one voxel, unreadable, good
    for call in range(2):
        caplog.clear()
        table = load(cases, tmp_path / "r.csv")
        assert np.isnan(table.values).all(axis=1).tolist() == [True, True, True, False]
        assert sum("has no radiomics" in r.getMessage() for r in caplog.records) == 3
        assert extractions.count == (3, 5)[call]

    def now_readable(case: LesionCase) -> RadiomicsInput:
        return read_crop(replace(case, lesion_value=4)) if case.lesion_value == 3 else read_crop(case)

    table = load_or_extract(cases, now_readable, SMALL_PLAN, path=tmp_path / "r.csv", n_processes=1)
    assert np.isnan(table.values).all(axis=1).tolist() == [True, True, False, False]


def test_a_changed_crop_is_extracted_again(tmp_path: Path, extractions: Extractions) -> None:
    cases = numbered_cases(5)[3:]
    before = load(cases, tmp_path / "r.csv")

    def changed(case: LesionCase) -> RadiomicsInput:
        return RadiomicsInput.of_crop(make_crop(16, 4.0, seed=9)) if case.lesion_value == 5 else read_crop(case)

    after = load_or_extract(cases, changed, SMALL_PLAN, path=tmp_path / "r.csv", n_processes=1)
    assert extractions.count == 3
    np.testing.assert_array_equal(after.values[0], before.values[0])
    assert not np.array_equal(after.values[1], before.values[1])


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, extractions: Extractions) -> None:
    cases = numbered_cases(7)[3:]
    extractions.stop_at = 2
    with pytest.raises(KeyboardInterrupt):
        load(cases, tmp_path / "r.csv")
    extractions.stop_at = -1
    load(cases, tmp_path / "r.csv")
    assert extractions.count == 4


def test_the_digest_follows_extraction_settings_only() -> None:
    base = radiomics_digest(FeaturesPlan())
    assert radiomics_digest(FeaturesPlan(maximum_correlation=0.5, lasso_folds=3, minimum_icc=0.8)) == base
    changed = (
        FeaturesPlan(bin_width=7.0), FeaturesPlan(bin_count=32), FeaturesPlan(normalize_scale=1.0),
        FeaturesPlan(normalize="image"), FeaturesPlan(voxel_array_shift=0), FeaturesPlan(minimum_roi_voxels=11),
        FeaturesPlan(wavelet=False), FeaturesPlan(log_sigma_mm=(1.0,)),
    )
    assert len({base, *map(radiomics_digest, changed)}) == len(changed) + 1
