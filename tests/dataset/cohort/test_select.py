"""The inclusion rules on rows: who is excluded where, why, and how it is counted."""

from __future__ import annotations

import math

import pytest
from scipy.stats import fisher_exact

from rnnet.core.errors import DatasetError, SettingError
from rnnet.dataset.cohort.ambiguous import ambiguous_rows
from rnnet.dataset.cohort.candidates import CohortSettings, LesionScan
from rnnet.dataset.cohort.counts import Counts
from rnnet.dataset.cohort.report import report_of
from rnnet.dataset.cohort.select import CohortSelection, select
from tests.dataset.cohort.scans import candidates, lesion_over_time

RN, PD = "radiation_necrosis", "progression"
GROWS = {0.0: 20.0, 90.0: 30.0}
SETTINGS = CohortSettings("lesion_scan")


def reasons(selection: CohortSelection) -> dict[str, tuple[str, str]]:
    return {row.scan.case_id: (row.rule, row.reason) for row in selection.rows}


def chosen(selection: CohortSelection) -> list[str]:
    return [row.scan.case_id for row in selection.selected]


def test_each_rule_excludes_with_its_reason_and_the_first_one_counts():
    source = candidates(
        lesion_over_time("grows", GROWS, outcome=PD),
        lesion_over_time("alone", {0.0: 20.0}, outcome=PD),
        lesion_over_time("stays", {0.0: 20.0, 90.0: 21.0}, outcome=PD),
        lesion_over_time("nobody-knows", GROWS),
        lesion_over_time("moved", GROWS, outcome=RN, motion=True),
        [LesionScan("no-size", "unmeasured", "P1", "P1_d0", 0.0, math.nan, "not in the mask", outcome=PD)],
        [LesionScan("no-day", "undated", "P1", "P1_x", None, 12.0, outcome=PD)],
        motion=True,
    )
    found = select(source, SETTINGS)
    assert chosen(found) == ["P1_d90_grows"]
    assert {k: v for k, v in reasons(found).items() if k != "P1_d90_grows"} == {
        **{f"P1_d0_{k}": ("followed", "no earlier measured scan")
           for k in ("grows", "alone", "stays", "nobody-knows", "moved")},
        "P1_d90_stays": ("growth", "growth below 20 % or 5 mm"),
        "P1_d90_nobody-knows": ("outcome", "outcome not known"),
        "P1_d90_moved": ("motion", "severe motion artefact"),
        "no-size": ("measured", "not in the mask"),
        "no-day": ("measured", "the day of the scan is not known"),
    }


def test_every_step_is_counted_in_lesions_scans_and_patients_and_by_outcome():
    source = candidates(
        lesion_over_time("a", {0.0: 20.0, 90.0: 30.0, 180.0: 40.0}, outcome=RN),
        lesion_over_time("b", GROWS, outcome=PD),
        lesion_over_time("c", {0.0: 20.0, 90.0: 20.0}, patient="P2"),
    )
    steps = {step.rule: step for step in select(source, CohortSettings("lesion")).steps}
    assert steps["candidates"].left == Counts(3, 7, 2)
    assert steps["candidates"].by_outcome == {RN: Counts(1, 3, 1), PD: Counts(1, 2, 1), "not_known": Counts(1, 2, 1)}
    assert steps["followed"].excluded == {"no earlier measured scan": 3}
    assert steps["followed"].lost == Counts(0, 3, 0)
    assert steps["growth"].lost == Counts(1, 1, 1)
    assert steps["outcome"].left == Counts(2, 3, 1)
    assert not steps["motion"].applied
    assert not steps["neighbours"].applied
    assert steps["unit"].excluded == {"a later scan of a selected lesion": 1}
    assert steps["unit"].by_outcome == {RN: Counts(1, 1, 1), PD: Counts(1, 1, 1), "not_known": Counts()}


def test_the_unit_lesion_takes_the_first_scan_that_passes_all_rules():
    scans = lesion_over_time("a", {180.0: 40.0, 0.0: 20.0, 90.0: 30.0}, outcome=RN)
    assert chosen(select(candidates(scans), CohortSettings("lesion"))) == ["P1_d90_a"]
    assert chosen(select(candidates(scans), SETTINGS)) == ["P1_d180_a", "P1_d90_a"]
    moved = [*scans[:2], *lesion_over_time("a", {90.0: 30.0}, outcome=RN, motion=True)]
    assert chosen(select(candidates(moved, motion=True), CohortSettings("lesion"))) == ["P1_d180_a"]


def test_a_scan_with_motion_still_gives_a_nadir():
    scans = [
        *lesion_over_time("a", {0.0: 30.0}, outcome=RN),
        *lesion_over_time("a", {90.0: 20.0}, outcome=RN, motion=True),
        *lesion_over_time("a", {180.0: 31.0}, outcome=RN),
    ]
    found = select(candidates(scans, motion=True), SETTINGS)
    assert chosen(found) == ["P1_d180_a"]
    assert found.selected[0].nadir_mm == 20.0
    assert found.selected[0].growth_mm == 11.0


def test_a_day_of_necrosis_is_necrosis_and_growth_without_one_is_progression():
    source = candidates(
        lesion_over_time("day", GROWS, radiation_necrosis_day=5.0),
        lesion_over_time("none", GROWS),
        lesion_over_time("unrecorded", GROWS, recorded=False),
        lesion_over_time("stays", {0.0: 20.0, 90.0: 20.0}),
        days_of_necrosis=True,
    )
    found = select(source, SETTINGS)
    assert {row.scan.lesion_id: row.outcome for row in found.selected} == {"day": RN, "none": PD}
    assert found.selected[0].label_source == "clinical record: radiation necrosis on day 5"
    assert found.selected[1].label_source == "growth by RANO-BM rule, no radiation necrosis recorded"
    assert reasons(found)["P1_d90_unrecorded"] == ("outcome", "outcome not known")
    assert found.outcomes["stays"].outcome is None


def test_without_days_of_necrosis_growth_is_no_outcome():
    assert chosen(select(candidates(lesion_over_time("a", GROWS, radiation_necrosis_day=5.0)), SETTINGS)) == []


def test_an_outcome_of_one_row_holds_for_the_lesion():
    second = lesion_over_time("a", {90.0: 30.0})[0]
    labelled = lesion_over_time("a", {0.0: 20.0}, outcome=RN, label_source="histology")[0]
    found = select(candidates([labelled, second]), SETTINGS)
    assert [(row.outcome, row.label_source) for row in found.selected] == [(RN, "histology")]


@pytest.mark.parametrize("rows", [
    [*lesion_over_time("a", {0.0: 20.0}, outcome=PD), *lesion_over_time("a", {90.0: 30.0}, outcome=RN)],
    lesion_over_time("a", GROWS, outcome=PD, radiation_necrosis_day=90.0),
])
def test_contradictory_outcomes_exclude_the_lesion_and_are_listed(rows):
    found = select(candidates(rows, days_of_necrosis=True), SETTINGS)
    assert reasons(found)["P1_d90_a"] == ("outcome", "contradictory outcomes")
    doubts = ambiguous_rows(found)
    assert [(d.lesion_id, d.selected, d.doubt) for d in doubts] == [
        ("a", False, "contradictory outcomes: progression and radiation_necrosis")]


@pytest.mark.parametrize(("neighbour", "kept"), [
    ({"outcome": RN}, False), ({"outcome": PD}, True), ({}, True),
])
def test_only_a_neighbour_with_the_other_outcome_conflicts(neighbour, kept):
    first, second = lesion_over_time("a", GROWS, outcome=PD, neighbours=("b",))
    source = candidates([first, second], lesion_over_time("b", {90.0: 9.0}, neighbours=("a",), **neighbour),
                        positions=True)
    found = select(source, SETTINGS)
    assert ("P1_d90_a" in chosen(found)) is kept
    if not kept:
        assert reasons(found)["P1_d90_a"] == ("neighbours", "neighbour with the other outcome")


def test_radiosurgery_is_required_on_request_only_and_must_precede_the_scan():
    source = candidates(
        lesion_over_time("before", GROWS, outcome=RN, srs_days=(89.0,)),
        lesion_over_time("same-day", GROWS, outcome=RN, srs_days=(90.0,)),
        lesion_over_time("never", GROWS, outcome=RN, srs_days=()),
        srs=True,
    )
    assert len(chosen(select(source, SETTINGS))) == 3
    found = select(source, CohortSettings("lesion_scan", require_srs=True))
    assert chosen(found) == ["P1_d90_before"]
    assert reasons(found)["P1_d90_never"] == ("srs", "no radiosurgery of the lesion before")


def test_radiosurgery_cannot_be_required_where_it_is_not_known():
    with pytest.raises(DatasetError, match="not known when"):
        select(candidates(lesion_over_time("a", GROWS)), CohortSettings("lesion", require_srs=True))


def test_doubtful_samples_are_listed_with_the_days():
    source = candidates(
        lesion_over_time("far", GROWS, radiation_necrosis_day=271.0, srs_days=(10.0,)),
        lesion_over_time("near", GROWS, radiation_necrosis_day=270.0, srs_days=(10.0,)),
        lesion_over_time("later", GROWS, srs_days=(120.0,)),
        days_of_necrosis=True, srs=True,
    )
    assert [(d.case_id, d.doubt) for d in ambiguous_rows(select(source, SETTINGS))] == [
        ("P1_d90_far", "grown on day 90, radiation necrosis on day 271"),
        ("P1_d90_later", "no radiosurgery of the lesion before day 90 (the first on day 120)"),
    ]


def test_every_sample_after_its_necrosis_is_listed_however_near_and_on_the_day_itself_is_not():
    source = candidates(
        lesion_over_time("day-before", GROWS, radiation_necrosis_day=89.0),
        lesion_over_time("same-day", GROWS, radiation_necrosis_day=90.0),
        lesion_over_time("long-before", {0.0: 20.0, 400.0: 30.0}, patient="P2", radiation_necrosis_day=100.0),
        days_of_necrosis=True,
    )
    after = "before the scan: what was done about it may have changed the lesion"
    assert [(d.case_id, d.selected, d.outcome, d.doubt) for d in ambiguous_rows(select(source, SETTINGS))] == [
        ("P1_d90_day-before", True, RN, f"grown on day 90, radiation necrosis on day 89, {after}"),
        ("P2_d400_long-before", True, RN, f"grown on day 400, radiation necrosis on day 100, {after}"),
    ]


def test_grown_lesions_without_a_clinical_record_are_listed():
    source = candidates(
        lesion_over_time("unrecorded", GROWS, recorded=False),
        lesion_over_time("stays", {0.0: 20.0, 90.0: 20.0}, recorded=False),
        lesion_over_time("labelled", GROWS, recorded=False, outcome=RN),
        days_of_necrosis=True,
    )
    assert [(d.case_id, d.selected, d.outcome, d.doubt) for d in ambiguous_rows(select(source, SETTINGS))] == [
        ("P1_d90_unrecorded", False, None, "grown on day 90, and the clinical record does not have the lesion: no "
                                           "outcome")]


def test_a_scan_without_the_lesion_between_two_with_it_is_listed_and_gives_no_nadir_of_0():
    source = candidates(
        lesion_over_time("gap", {0.0: 10.0, 180.0: 12.0}, outcome=RN),
        lesion_over_time("row-without-voxels", {0.0: 10.0, 180.0: 12.0}, outcome=RN),
        lesion_over_time("row-without-voxels", {90.0: math.nan}, outcome=RN, unmeasured="not in the mask"),
        lesion_over_time("drawn", {0.0: 10.0, 180.0: 12.0}, outcome=RN),
        lesion_over_time("drawn", {90.0: math.nan}, outcome=RN, unmeasured="no diameter in the table"),
        lesion_over_time("seen", {0.0: 10.0, 90.0: 10.0, 180.0: 12.0}, outcome=RN),
        lesion_over_time("ends", {0.0: 10.0}, outcome=RN),
        lesion_over_time("other patient", {0.0: 10.0, 180.0: 12.0}, patient="P2", outcome=RN),
    )
    found = select(source, SETTINGS)
    assert chosen(found) == []
    doubt = "not measured on day 90, between scans with it: if it had vanished, the nadir would be 0"
    assert [(d.lesion_id, d.case_id, d.doubt) for d in ambiguous_rows(found)] == [
        ("gap", "", doubt), ("row-without-voxels", "", doubt)]


def srs_report(*, with_srs: tuple[int, int], without: tuple[int, int]):
    """(necrosis, progression) lesions with and without radiosurgery before their growth."""
    lesions = [
        lesion_over_time(f"{outcome}{days}{n}", GROWS, outcome=outcome, srs_days=days)
        for days, numbers in (((5.0,), with_srs), ((), without))
        for outcome, number in zip((RN, PD), numbers, strict=True) for n in range(number)
    ]
    return report_of(select(candidates(*lesions, srs=True), SETTINGS))


def test_a_record_of_radiosurgery_that_differs_between_the_outcomes_is_warned_of():
    report = srs_report(with_srs=(9, 1), without=(1, 9))
    assert report.without_srs_p == pytest.approx(fisher_exact([[1, 9], [9, 1]]).pvalue)
    assert report.warnings == (
        "Whether a radiosurgery is recorded gives the outcome away in part; --require_srs leaves these samples out.",)
    assert report.srs_note == (
        "10 of these 20 samples have no radiosurgery of the lesion recorded before the scan: radiation necrosis "
        "(positive class) 1 of 10, progression 9 of 10 (Fisher's exact test: p = 0.001).")


@pytest.mark.parametrize(("with_srs", "without", "p"), [((5, 6), (5, 4), 1.0), ((0, 9), (0, 3), None)])
def test_shares_that_differ_by_chance_or_one_outcome_alone_are_no_warning(with_srs, without, p):
    report = srs_report(with_srs=with_srs, without=without)
    assert report.without_srs_p == pytest.approx(p)
    assert report.warnings == ()
    assert f"{sum(without)} of these" in report.srs_note


def test_a_source_that_knows_no_radiosurgery_says_nothing_of_it():
    report = report_of(select(candidates(lesion_over_time("a", GROWS, outcome=RN)), SETTINGS))
    assert (report.srs_note, report.without_srs_p, report.warnings) == ("", None, ())


def test_a_lesion_without_any_scan_counts_as_a_lesion_only():
    rows = [LesionScan("x", "x", "P9", "", None, math.nan, "no measurement in the table")]
    steps = select(candidates(rows, lesion_over_time("a", GROWS, outcome=RN)), SETTINGS).steps
    assert steps[0].left == Counts(2, 2, 2)
    assert steps[1].lost == Counts(1, 0, 1)


@pytest.mark.parametrize("settings", [
    CohortSettings("lesion", relative=-0.1), CohortSettings("lesion", relative=20),
    CohortSettings("lesion", absolute_mm=math.nan), CohortSettings("lesion", cube_edge_mm=0),
])
def test_limits_that_make_no_sense_are_refused(settings):
    with pytest.raises(SettingError):
        select(candidates(), settings)
