from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnet.core.errors import LeakageError
from rnnet.core.workspace import RawLayout
from rnnet.dataset import leakage
from rnnet.dataset.case import read_dataset
from rnnet.dataset.image_hash import atlas_hash
from rnnet.dataset.leakage import Exposure, FoldExposures, Overlap, check_apart, overlaps, same_people
from rnnet.dataset.leakage_sources import patient_names, scans_exposure
from tests.factories import make_cases, write_raw_dataset

ONE, TWO = "Dataset001_One", "Dataset002_Two"


def side(*patients: str, **names: tuple[str, ...]) -> Exposure:
    return Exposure("a side", frozenset(patients), {p: frozenset(names[p[-1]]) for p in patients if p[-1] in names})


def kinds(seen: Exposure, held_out: Exposure) -> list[tuple[str, str, str]]:
    return [(o.kind, o.seen, o.held_out) for o in overlaps(seen, held_out)]


def test_the_same_patient_of_one_data_set_is_found_by_his_id() -> None:
    assert kinds(side(f"{ONE}/A", f"{ONE}/B"), side(f"{ONE}/B")) == [("patient", f"{ONE}/B", f"{ONE}/B")]
    assert kinds(side(f"{ONE}/A"), side(f"{ONE}/B")) == []


def test_an_equal_id_in_two_data_sets_is_a_possible_patient_only() -> None:
    assert kinds(side(f"{ONE}/A"), side(f"{TWO}/A")) == [("possible patient", f"{ONE}/A", f"{TWO}/A")]


@pytest.mark.parametrize(("seen", "held_out"), [
    (side(f"{ONE}/A", A=("UCSF-7",)), side(f"{TWO}/B", B=("UCSF-7",))),
    (side(f"{ONE}/A", A=("B",)), side(f"{TWO}/B")),
    (side(f"{ONE}/A"), side(f"{TWO}/B", B=("A",))),
    (side(f"{ONE}/A", A=(f"{TWO}/B",)), side(f"{TWO}/B")),
], ids=["both name a third", "seen names held out", "held out names seen", "qualified name"])
def test_a_patient_is_found_by_other_names(seen: Exposure, held_out: Exposure) -> None:
    assert kinds(seen, held_out) == [("other name", f"{ONE}/A", f"{TWO}/B")]


def test_an_equal_id_that_other_ids_confirm_is_certain() -> None:
    assert kinds(side(f"{ONE}/A", A=("A",)), side(f"{TWO}/A")) == [("other name", f"{ONE}/A", f"{TWO}/A")]


def with_images(**images: str) -> Exposure:
    return Exposure("a side", images={name.replace("__", "/"): text for name, text in images.items()})


def test_the_same_image_is_found_by_place_by_digest_and_by_what_it_shows() -> None:
    rng = np.random.default_rng(0)
    image, other = (rng.standard_normal((80, 96, 88)).astype(np.float32) for _ in range(2))
    brain = np.ones(image.shape, bool)
    first, copy, another = (atlas_hash(a, brain) for a in (image, 3 * image + 7, other))
    assert kinds(with_images(A__1=""), with_images(A__1="")) == [("image", "A/1", "A/1")]
    assert kinds(with_images(A__1="abc"), with_images(B__2="abc")) == [("image", "A/1", "B/2")]
    assert kinds(with_images(A__1=first), with_images(B__2=copy, B__3=another)) == [("image", "A/1", "B/2")]
    assert kinds(with_images(A__1="abc " + first), with_images(B__2="def " + copy)) == [("image", "A/1", "B/2")]
    assert kinds(with_images(A__1=""), with_images(B__2="")) == []


def test_together_exposures_have_the_hashes_of_both() -> None:
    both = with_images(A__1="", A__2="x") | with_images(A__1="abc", A__2="y x")
    assert both.images == {"A/1": "abc", "A/2": "x y"}
    assert kinds(both, with_images(B__1="abc")) == [("image", "A/1", "B/1")]
    unhashed = replace(with_images(A__1="", A__2=""), unhashed=frozenset({"A/1", "A/2"}))
    assert (unhashed | with_images(A__1="abc")).unhashed == {"A/2"}


def test_scans_without_a_hash_are_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(leakage.log, "warning", lambda text, *values: said.append(text % values))
    seen = replace(with_images(A__1="", A__2="abc"), unhashed=frozenset({"A/1"}))
    held_out = replace(with_images(B__1=""), unhashed=frozenset({"B/1"}))
    assert check_apart([(seen, held_out), (seen, held_out)], fix="") == ()
    assert check_apart([(seen, Exposure("nobody"))], fix="") == ()
    (text,) = said
    assert text.startswith("2 scan(s) could not be compared by image")
    assert "A/1, B/1. Run rnnet_preprocess" in text


def test_patients_of_whom_nothing_is_known_are_a_leak_only_where_somebody_is_held_out() -> None:
    seen = Exposure("pretraining", frozenset({f"{ONE}/A"}), unknown=frozenset({f"{ONE}/A"}))
    assert check_apart([(seen, Exposure("no test split"))], fix="") == ()
    with pytest.raises(LeakageError, match=rf"^Pretraining has seen 1 patient.* who cannot be compared .*{ONE}/A"):
        check_apart([(seen, side(f"{TWO}/B"))], fix="")
    assert len(check_apart([(seen, side(f"{TWO}/B"))], fix="", allow_leakage=True)) == 1


def test_a_leak_names_both_sides_the_first_names_and_the_cure() -> None:
    seen = replace(side(*(f"{ONE}/{n}" for n in range(9))), name="pretraining of X")
    held_out = replace(seen, name="the test split of X")
    with pytest.raises(LeakageError) as caught:
        check_apart([(seen, held_out)], fix="Do this.")
    text = str(caught.value)
    assert text.startswith(f"Pretraining of X has seen 9 patient(s) of the test split of X: {ONE}/0, {ONE}/1,")
    assert f"{ONE}/5" not in text
    assert "Do this." in text
    assert "--allow_leakage" in text


def test_another_name_stands_beside_the_held_out_one() -> None:
    found = Overlap("other name", f"{TWO}/BraTS-1", f"{ONE}/UCSF-1")
    assert str(found) == f"{ONE}/UCSF-1 (there {TWO}/BraTS-1)"


def test_an_allowed_leak_is_returned_and_logged_and_a_possible_patient_never_raises(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("rnnet"), "propagate", True)
    with caplog.at_level(logging.WARNING, logger="rnnet"):
        leaks = check_apart([(side(f"{ONE}/A"), side(f"{ONE}/A"))], fix="", allow_leakage=True)
        assert check_apart([(side(f"{ONE}/A"), side(f"{TWO}/A"))], fix="") == ()
    assert leaks == (f"A side has seen 1 patient(s) of a side: {ONE}/A.",)
    assert "!!! LEAKAGE, allowed by --allow_leakage: A side" in caplog.text
    assert "possibly the same patient(s)" in caplog.text


def test_the_sides_of_a_fold_the_test_split_and_earlier_steps_are_compared() -> None:
    cases = make_cases(4, 1)
    apart = FoldExposures.of_cases(ONE, cases[:2], cases[2:3], cases[3:])
    # Pretraining may have seen the fold's own patients.
    assert apart.check(apart.seen) == ()
    for fold in (
        FoldExposures.of_cases(ONE, cases[:2], cases[1:2], ()), FoldExposures.of_cases(ONE, cases[:2], (), cases[1:2]),
        FoldExposures.of_cases(ONE, cases[:1], cases[1:2], cases[1:2]),
    ):
        with pytest.raises(LeakageError, match=f"{ONE}/P001"):
            fold.check()
    with pytest.raises(LeakageError, match=rf"^Pretraining has seen .*{ONE}/P003"):
        apart.check(Exposure("pretraining", frozenset({f"{ONE}/P003"})))


def test_people_with_several_ids_are_one_by_other_ids() -> None:
    people = same_people("ABCDE", {"A": ["x"], "C": ["y"], "D": ["x", "y"], "E": ["B"]})
    assert people == {"A": "A", "C": "A", "D": "A", "B": "B", "E": "B"}


@pytest.fixture
def layout(tmp_path: Path) -> RawLayout:
    return write_raw_dataset(tmp_path, name=ONE, n_patients=2, n_test=1, shape_zyx=(20, 22, 24))


def test_names_come_from_other_ids_and_from_a_converter_but_not_from_a_centres_own_table(layout: RawLayout) -> None:
    assert patient_names(layout, ["P000", "P001"]) == {}
    layout.other_ids_csv.write_text("patient_id,other_id\nP000,BraTS-1\nP000,X\n")
    assert patient_names(layout, ["P000", "P001"]) == {f"{ONE}/P000": {"BraTS-1", "X"}}
    layout.conversion_json.write_text(json.dumps({"source": "table"}))
    assert patient_names(layout, ["P001"]) == {}
    layout.conversion_json.write_text(json.dumps({"source": "molab"}))
    assert patient_names(layout, ["P001"]) == {f"{ONE}/P001": {"P001"}}


def test_a_shared_image_is_the_same_image_under_any_name(layout: RawLayout) -> None:
    rows = layout.cases_csv.read_text().splitlines()
    other = write_raw_dataset(layout.folder.parent, name=TWO, n_patients=0, n_test=1, shape_zyx=(20, 22, 24))
    shared = [rows[0] + ",source_scan"] + [
        row.replace("P000", "Z9").replace("train", "test") + f",{ONE}/P000_s1" for row in rows[1:] if "P000" in row
    ]
    other.cases_csv.write_text("\n".join(shared) + "\n")
    seen, held_out = (scans_exposure(n, x, read_dataset(x).scans) for n, x in (("one", layout), ("two", other)))
    assert [str(o) for o in overlaps(seen, held_out)] == [f"{ONE}/P000_s1"]
