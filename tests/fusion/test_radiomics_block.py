from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnet.features.harmonize import FittedHarmonizer
from rnnet.features.robustness import Stability
from rnnet.fusion.artefact import load_tabular, save_tabular
from rnnet.fusion.radiomics_block import FittedRadiomics, fit_radiomics
from rnnet.fusion.remarks import prediction_remarks
from rnnet.fusion.tabular import fit_tabular
from tests.fusion.tabular_data import COLUMNS, make_data, make_fusion_plan

DATA = make_data(n_patients=16, radiomics_signal=3.0)
STABLE = Stability(DATA.radiomics.names, (0.2, 0.9, 0.8, 0.9, 0.9, 0.1, 0.75, 0.9), 0.75, 20)
SHIFTED = FittedHarmonizer(("r1",), ("A", "B"), (0.0,), (1.0,), ((1.0,), (-1.0,)), ((1.0,), (1.0,)))


def test_unstable_features_are_never_looked_at(tmp_path: Path) -> None:
    model = fit_tabular("multimodal", DATA.train, radiomics=DATA.radiomics, columns=COLUMNS,
                        imaging_logits=DATA.logits, plan=make_fusion_plan(), seed=0, stability=STABLE)
    for part in model.parts:
        assert not {"radiomics_r0", "radiomics_r5"} & set(part.input_names)
    assert model.selection.remaining[:2] == (("all", 12), ("ICC >= 0.75", 10))
    assert model.parts[2].selection.remaining[0] == ("all", 4)  # imaging and clinical data
    save_tabular(tmp_path / "model.npz", model)
    given = {"radiomics": DATA.radiomics, "imaging_logits": DATA.logits}
    assert load_tabular(tmp_path / "model.npz").predict(DATA.test, **given) == model.predict(DATA.test, **given)


def test_known_centres_are_harmonised_and_others_are_told() -> None:
    block = FittedRadiomics(STABLE, SHIFTED)
    cases = [replace(case, center=center) for case, center in zip(DATA.test[:3], "ABC", strict=True)]
    values = block.transform(DATA.radiomics, cases)
    assert values.names == STABLE.kept
    own = DATA.radiomics.rows([case.case_id for case in cases]).select(STABLE.kept).values
    np.testing.assert_allclose(values.values[:, 0] - own[:, 0], [-1, 1, 0])
    np.testing.assert_array_equal(values.values[:, 1:], own[:, 1:])
    assert [bool(block.remark(case)) for case in cases] == [False, False, True]
    assert "'C' is none of the harmonised training centres" in block.remark(cases[2])


def test_the_remark_stands_beside_the_prediction() -> None:
    model = fit_tabular("radiomics_logistic", DATA.train, radiomics=DATA.radiomics, columns=COLUMNS,
                        imaging_logits=None, plan=make_fusion_plan(), seed=0)
    model = replace(model, radiomics=FittedRadiomics(harmonizer=SHIFTED))
    case = replace(DATA.test[0], center="new")
    (remark, *_) = prediction_remarks(model, [case], radiomics=DATA.radiomics)[case.case_id]
    assert "'new' is none of the harmonised training centres" in remark


def test_without_the_settings_nothing_is_done() -> None:
    block = fit_radiomics(DATA.radiomics, DATA.train, make_fusion_plan(), None)
    assert (block.stability, block.harmonizer) == (None, None)
    np.testing.assert_array_equal(block.transform(DATA.radiomics, DATA.cases).values, DATA.radiomics.values)
