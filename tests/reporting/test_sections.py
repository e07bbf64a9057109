from __future__ import annotations

import re
from dataclasses import replace

from rnnet.evaluation.results import PatientLevel
from rnnet.planning.plan import with_settings
from rnnet.reporting.further_tables import decision_table, kept_table, label_tables, patient_tables, subgroup_tables
from rnnet.reporting.sections import preprocessing, splits
from rnnet.reporting.tabular_section import tabular_section
from tests.reporting.results import (
    made_up_facts,
    made_up_kept,
    made_up_plan,
    made_up_shares,
    made_up_subgroups,
    made_up_summary,
)


def test_the_steps_of_preprocessing_stand_in_the_order_in_which_they_run():
    steps = re.findall(r"<li>([^<]*)</li>", preprocessing(made_up_plan(), None))
    words = ("Reorientation", "Skull-stripping", "N4", "Rigid registration", "z-score", "Crop")
    assert [step.split(" on ")[0].startswith(word) for step, word in zip(steps, words, strict=True)] == [True] * 6


def test_tabular_steps_are_those_of_the_plan_and_of_the_models_there():
    plan = with_settings(made_up_plan(), ["features.selector=stability", "features.harmonize=combat",
                                          "features.minimum_icc=0.75"])
    text = tabular_section(plan, ["multimodal"])
    for word in ("stability selection", "ComBat", "ICC of at least 0.75", "pyradiomics", "category &#x27;missing"):
        assert word in text, word
    assert "pyradiomics" not in tabular_section(made_up_plan(), ["clinical"])
    assert not tabular_section(plan, ["ssl_vit"])


def test_splits_say_what_was_found_apart_or_that_leaks_were_allowed():
    facts = made_up_facts()
    assert "No patient stands on both sides." in splits(facts.splits, ())
    assert "Leaks were allowed" in splits(facts.splits, ("a leak",))
    assert not splits(None, ())


def test_subgroups_of_the_primary_model_alone_fill_the_page():
    (table,) = subgroup_tables((*made_up_subgroups("ssl_vit"), *made_up_subgroups()))
    assert table.title == "Multimodal in subgroups, same-centre test (positive class: radiation necrosis)"
    assert table.rows == (("centre: A", "9", "8", "9", "0.710 [0.520, 0.900]"),
                          ("centre: B", "1", "2", "2", "– (too few lesions)"))
    assert any("summary.json" in note for note in table.notes)
    assert subgroup_tables(()) == ()


def test_patients_have_their_own_counts_and_the_rule_that_joins_lesions():
    summary = made_up_summary()
    by_patient = replace(summary, patients=PatientLevel("As the worst lesion.", summary.pooled, summary.intervals))
    (table,) = patient_tables([by_patient])
    assert table.notes == ("As the worst lesion.",)
    assert table.subtitle.startswith("radiation necrosis: 10 patients; progression: 10 patients.")
    assert patient_tables([summary]) == ()  # every patient there has lesions of both outcomes, so that all are positive


def test_labels_decisions_and_kept_features_are_shown_as_stored():
    (labels,) = label_tables(made_up_shares())
    assert labels.rows[0][2:5] == ("25 %", "10.0", "7.5")
    summary = made_up_summary()
    decision = decision_table({"ssl_vit": summary.decision})
    assert decision.rows[0][:5] == ("SSL ViT", "none", "1.000", "0.000", "0.500")
    assert decision_table({}) is None
    kept = kept_table(made_up_kept(), positive_outcome="radiation_necrosis")
    assert kept.rows == (("radiomics_glcm_Idmn", "2", "0 1", "+0.310"), ("clinical_age", "1", "1", "-0.200"))
    assert "Fold 1: no alpha was better than none." in kept.notes


def test_a_feature_that_the_selector_gave_no_weight_has_a_dash():
    made_up = made_up_kept()
    kept = kept_table(replace(made_up, features=(replace(made_up.features[0], weight=0.0),)),
                      positive_outcome="radiation_necrosis")
    assert kept.rows[0][-1] == "–"
    assert any("above 0 for radiation necrosis" in note and "–: it gave none" in note for note in kept.notes)


def test_one_patient_is_not_called_patients():
    summary = made_up_summary()
    one = replace(summary.pooled, n_positive=1)
    (table,) = patient_tables([replace(summary, patients=PatientLevel("", one, summary.intervals))])
    assert table.subtitle.startswith("radiation necrosis: 1 patient; ")
