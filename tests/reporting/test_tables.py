from __future__ import annotations

from dataclasses import replace

import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.types import CONFIGS
from rnnet.evaluation.names import MODEL_NAMES
from rnnet.evaluation.statistics import Interval
from rnnet.evaluation.summary import SAME_PREDICTIONS, MeanSd
from rnnet.reporting.published_tables import further_tables
from rnnet.reporting.tables import mean_sd_text, model_tables
from tests.reporting.results import NEGATIVE, made_up_summaries, made_up_summary


def test_subsets_and_models_stand_in_the_published_order():
    configs = CONFIGS[::4]
    tables = model_tables(made_up_summaries(configs=tuple(reversed(configs))))
    assert [t.title.split(" (")[0] for t in tables] == [
        "Cross-validation", "Same-centre test", "External test, Dataset002_Other"]
    assert [row[0] for row in tables[0].rows] == [MODEL_NAMES[c] for c in configs]


def test_every_title_names_the_positive_class_and_every_subtitle_counts_both_classes():
    for table in model_tables(made_up_summaries()):
        assert "positive class: radiation necrosis" in table.title
    assert model_tables([made_up_summary()])[0].subtitle == (
        "radiation necrosis: 10 lesions, 10 patients; progression: 10 lesions, 10 patients")


def test_a_row_holds_the_figures_of_the_summary():
    summary = made_up_summary()
    row = model_tables([summary])[0].rows[0]
    auc = summary.intervals["auc"]
    assert row == (
        "SSL ViT", f"{summary.pooled.auc:.3f} [{auc.low:.3f}, {auc.high:.3f}]",
        f"{summary.mean_sd['auc'].mean:.3f} ± {summary.mean_sd['auc'].sd:.3f}",
        f"{summary.pooled.accuracy:.3f}", f"{summary.pooled.sensitivity:.3f}", f"{summary.pooled.specificity:.3f}")


def test_models_on_different_lesions_are_not_put_in_one_table():
    with pytest.raises(DatasetError, match="different lesions: c20, c21"):
        model_tables([made_up_summary("ssl_vit", n=20), made_up_summary("radiomics", n=22)])


def test_models_of_another_positive_class_are_not_put_in_one_table():
    with pytest.raises(DatasetError, match="do not share the positive class"):
        model_tables([made_up_summary("ssl_vit"), made_up_summary("radiomics", positive=NEGATIVE + "_2")])


def test_a_model_twice_is_refused():
    with pytest.raises(DatasetError, match="twice"):
        model_tables([made_up_summary(), made_up_summary()])


def test_perfect_separation_and_optimistic_thresholds_are_noted():
    separated = model_tables([made_up_summary(strength=20.0)])[0]
    assert any("without width" in note for note in separated.notes)
    summary = made_up_summary()
    same = model_tables([replace(summary, decided_by=SAME_PREDICTIONS)])[0]
    assert any("optimistic" in note for note in same.notes)
    others = model_tables([replace(summary, decided_by="out-of-fold predictions of the other folds")])[0]
    assert not any("without width" in note or "optimistic" in note for note in others.notes)
    assert "Calibration and threshold: fixed on out-of-fold predictions of the other folds." in others.notes


def test_pooled_folds_say_that_their_interval_is_too_narrow_and_test_sets_do_not():
    cross_validation, *others = model_tables(made_up_summaries())
    assert any("too narrow" in note for note in cross_validation.notes)
    assert not any("too narrow" in note for table in others for note in table.notes)


def test_a_calibration_slope_has_no_more_digits_than_its_column_has_room():
    summary = made_up_summary()
    steep = replace(summary, pooled=replace(summary.pooled, calibration_slope=-375.7094, calibration_intercept=2.5),
                    intervals={**summary.intervals, "calibration_slope": Interval(-375.7094, -4360.4, 9.87654, 50)})
    (table,) = further_tables([steep])
    assert table.rows[0][-2] == "-375.7 [-4e+03, 9.877]"
    assert table.rows[0][-1].startswith("2.500 [")


def test_mean_and_sd_say_what_is_there():
    assert mean_sd_text(MeanSd(0.9, 0.0125, 5)) == "0.900 ± 0.013"
    assert mean_sd_text(MeanSd(0.9, None, 1)) == "0.900"
    assert mean_sd_text(None) == "–"
