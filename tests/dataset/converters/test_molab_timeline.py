import datetime
from collections import Counter

import pytest

from rnnet.dataset.converters.molab_notes import ambiguous_outcomes
from rnnet.dataset.converters.molab_tables import (
    FIRST_SCAN,
    MolabLesion,
    MolabMeasurement,
    Treatment,
    read_clinical_table,
    read_morphology_table,
)
from rnnet.dataset.converters.molab_timeline import (
    CLINICAL,
    clinical_at,
    last_srs_day,
    lesion_courses,
    systemic_treatment,
    wbrt_before_srs,
)
from tests.dataset.converters import molab_tree as tree


def lesion(**values):
    return MolabLesion("010005", 1, **values)


def measured(*over_time, number=1):
    return [
        MolabMeasurement("010005", FIRST_SCAN + datetime.timedelta(days=day), day, number, diameter)
        for day, diameter in over_time
    ]


def course(record, *over_time):
    return lesion_courses([record], measured(*over_time))[0]


@pytest.mark.parametrize(("day", "expected"), [(10, None), (11, 10), (300, 10), (301, 300)])
def test_the_last_srs_is_the_one_that_began_before_the_scan(day, expected):
    assert last_srs_day(lesion(srs_days=((10, 12), (300, None))), day) == expected


def test_recurrence_time_runs_from_the_last_srs_to_the_scan_with_growth():
    record = lesion(srs_days=((10, None), (300, None), (900, None)))
    for day, since in ((200, 190), (400, 100)):
        grown = clinical_at(record, day, qualifies=True, n_lesions=1)
        assert (grown["days_since_srs"], grown["recurrence_time"]) == (since, since)
        assert clinical_at(record, day, qualifies=False, n_lesions=1)["recurrence_time"] is None


@pytest.mark.parametrize(
    ("wbrt", "day", "expected"),
    [((), 100, "no"), (((5, 9),), 100, "yes"), (((50, 60),), 100, "no"), (((50, 60),), 400, "yes"),
     (((10, None),), 100, "no"), (((5, 9),), 8, "yes"), (((8, 9),), 8, "no"), (((9, None),), 8, "no"), ((), 8, "no")],
)
def test_wbrt_counts_if_it_began_before_the_last_srs_or_without_one_before_the_scan(wbrt, day, expected):
    assert wbrt_before_srs(lesion(srs_days=((10, None), (300, None)), wbrt_days=wbrt), day) == expected


@pytest.mark.parametrize(
    ("treatments", "expected"),
    [
        ((), "no"),
        ((Treatment("a", 100, 120),), "yes"),
        ((Treatment("a", 80, 100),), "yes"),
        ((Treatment("a", 80, None),), "yes"),
        ((Treatment("", 80, 120),), "yes"),
        ((Treatment("a", 80, 99),), "no"),
        ((Treatment("a", 101, None),), "no"),
        ((Treatment("a", 831, 591),), "no"),
        ((Treatment("a", None, None),), None),
        ((Treatment("a", None, 99),), "no"),
        ((Treatment("a", None, 100), Treatment("b", 50, 150)), "yes"),
    ],
)
def test_a_systemic_treatment_counts_from_its_begin_to_its_end(treatments, expected):
    assert systemic_treatment(lesion(systemic=treatments), 100) == expected


def test_no_clinical_column_changes_with_what_happens_after_the_scan():
    known = {"age": 60.0, "srs_days": ((10, None),), "systemic": (Treatment("a", 20, None),)}
    later = {
        "radiation_necrosis_day": 310, "death_day": 400, "death_cause": "other", "surgery": "total", "surgery_day": 350,
        "srs_days": ((10, None), (320, None)), "wbrt_days": ((330, None),), "mr_days": (0, 100, 500),
        "systemic": (Treatment("a", 20, 400), Treatment("b", 330, None)),
    }
    before = clinical_at(lesion(**known), 300, qualifies=True, n_lesions=2)
    assert clinical_at(lesion(**{**known, **later}), 300, qualifies=True, n_lesions=2) == before
    assert set(before) == set(CLINICAL)


def test_growth_with_a_day_of_necrosis_is_necrosis_and_without_it_progression():
    grows = ((0, 10.0), (100, 9.0), (200, 14.0))
    assert course(lesion(radiation_necrosis_day=210), *grows).outcome == "radiation_necrosis"
    assert course(lesion(), *grows).outcome == "progression"
    assert course(lesion(radiation_necrosis_day=210), *grows[:2]).outcome is None
    assert lesion_courses([], measured(*grows))[0].outcome is None


def test_a_scan_without_a_diameter_neither_qualifies_nor_counts():
    found = course(lesion(), (0, 10.0), (100, None), (200, 15.0))
    assert found.qualifies == (False, False, True)


@pytest.mark.parametrize(
    ("record", "over_time", "note"),
    [
        (lesion(radiation_necrosis_day=10, srs_days=((1, None),)), ((0, 10.0), (300, 20.0)),
         "more than 180 days from every scan with growth: 010005/1 (necrosis day 10, growth days 300)"),
        (lesion(radiation_necrosis_day=290, srs_days=((1, None),)), ((0, 10.0), (300, 20.0)),
         "recorded before a scan with growth: what was done about it may have changed the lesion: 010005/1 (necrosis"),
        (lesion(radiation_necrosis_day=290, srs_days=((1, None),)), ((0, 10.0), (300, 11.0)),
         "radiation necrosis without growth by the rule: no outcome: 010005/1"),
        (lesion(srs_days=((301, None),)), ((0, 10.0), (300, 20.0)),
         "growth, and no SRS of the lesion recorded before its last scan with growth: 010005/1"),
        (lesion(radiation_necrosis_day=310, srs_days=((320, None),)), ((0, 10.0), (300, 11.0)),
         "radiation necrosis, and no SRS of the lesion recorded before it: 010005/1"),
    ],
)
def test_ambiguous_lesions_are_noted(record, over_time, note):
    assert any(note in n for n in ambiguous_outcomes([course(record, *over_time)]))


def test_a_clear_lesion_gives_no_note():
    clear = lesion(radiation_necrosis_day=310, srs_days=((1, None),))
    assert ambiguous_outcomes([course(clear, (0, 10.0), (300, 20.0))]) == ()


@pytest.fixture(scope="module")
def real(test_data):
    folder = test_data / "tables"
    if not folder.is_dir():
        pytest.skip(f"the tables of MOLAB are not in {folder}")
    lesions, _ = read_clinical_table(folder / tree.CLINICAL_NAME)
    measurements, _ = read_morphology_table(folder / tree.MORPHOLOGY_NAME)
    return lesions, measurements


def test_the_published_tables_have_their_known_counts(real):
    lesions, measurements = real
    assert (len(lesions), len({r.patient_id for r in lesions})) == (160, 75)
    assert (len(measurements), len({(m.patient_id, m.day) for m in measurements})) == (499, 293)
    measured_lesions = {(m.patient_id, m.lesion) for m in measurements}
    assert len(measured_lesions) == 154
    with_day = {(r.patient_id, r.lesion) for r in lesions if r.radiation_necrosis_day is not None}
    assert (len(with_day), len(with_day & measured_lesions)) == (35, 32)


def test_every_measurement_of_the_published_tables_has_a_lesion_and_an_mri_date(real):
    lesions, measurements = real
    assert {(m.patient_id, m.lesion) for m in measurements} <= {(r.patient_id, r.lesion) for r in lesions}
    days = {(r.patient_id, day) for r in lesions for day in r.mr_days}
    assert {(m.patient_id, m.day) for m in measurements} <= days


def test_the_growth_rule_on_the_published_tables_gives_68_lesions_and_112_scans(real):
    courses = [c for c in lesion_courses(*real) if c.outcome]
    assert Counter(c.outcome for c in courses) == {"radiation_necrosis": 23, "progression": 45}
    scans = Counter(outcome for c in courses for outcome in [c.outcome] * len(c.qualifying))
    assert scans == {"radiation_necrosis": 42, "progression": 70}


def test_the_published_tables_ambiguous_outcomes_are_listed(real):
    notes = ambiguous_outcomes(lesion_courses(*real))
    assert any("040058/1 (necrosis day 144, growth days 2758)" in note for note in notes)


def test_no_recorded_lesion_of_the_published_tables_lacks_the_wbrt_for_want_of_an_srs(real):
    found = Counter(
        (last_srs_day(c.record, m.day) is None, wbrt_before_srs(c.record, m.day))
        for c in lesion_courses(*real) for m in c.qualifying
    )
    assert sum(n for (no_srs, _), n in found.items() if no_srs) == 35
    assert {wbrt for _, wbrt in found} == {"yes", "no"}
