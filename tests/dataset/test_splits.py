from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnet.core.errors import DatasetError, FileFormatError, LeakageError, MissingStageError, SettingError
from rnnet.dataset.splits import fold_of, make_splits, read_splits, write_splits
from tests.factories import make_cases

CASES = make_cases(20, 2)


def test_every_case_is_validated_once_and_patients_never_meet() -> None:
    folds = make_splits(CASES, n_folds=5, seed=0)
    assert sorted(i for f in folds for i in f.validation_case_ids) == sorted(c.case_id for c in CASES)
    patient = {c.case_id: c.patient_id for c in CASES}
    for fold in folds:
        assert len(fold.train_case_ids) + len(fold.validation_case_ids) == len(CASES)
        assert not {patient[i] for i in fold.train_case_ids} & {patient[i] for i in fold.validation_case_ids}


def test_every_part_has_both_outcomes_and_both_centres_even_when_one_is_rare() -> None:
    cases = make_cases(25, 2, outcomes=("progression",) * 4 + ("radiation_necrosis",))
    by_id = {c.case_id: c for c in cases}
    for seed in range(5):
        for fold in make_splits(cases, n_folds=5, seed=seed):
            for part in (fold.train_case_ids, fold.validation_case_ids):
                assert len({by_id[i].outcome for i in part}) == 2


def test_the_order_of_the_cases_does_not_matter_but_the_seed_does() -> None:
    shuffled = [CASES[i] for i in np.random.default_rng(1).permutation(len(CASES))]
    assert make_splits(CASES, n_folds=5, seed=0) == make_splits(shuffled, n_folds=5, seed=0)
    assert make_splits(CASES, n_folds=5, seed=0) != make_splits(CASES, n_folds=5, seed=1)


def test_test_and_unlabelled_cases_are_in_no_fold() -> None:
    more = (*CASES, *make_cases(4, prefix="T", split="test"), *make_cases(4, prefix="U", outcomes=(None,)))
    assert make_splits(more, n_folds=5, seed=0) == make_splits(CASES, n_folds=5, seed=0)


def test_more_folds_than_patients_of_an_outcome_are_refused() -> None:
    with pytest.raises(DatasetError, match="3 of progression, 3 of radiation_necrosis"):
        make_splits(make_cases(6), n_folds=5, seed=0)
    with pytest.raises(DatasetError, match="there are none"):
        make_splits(make_cases(6, outcomes=(None,)), n_folds=2, seed=0)


def test_the_cure_for_too_many_folds_is_fewer_of_them_while_there_can_be() -> None:
    with pytest.raises(DatasetError) as caught:
        make_splits(make_cases(6), n_folds=5, seed=0)
    assert "-k of rnnet_make_splits" in caught.value.fix
    with pytest.raises(DatasetError) as caught:
        make_splits(make_cases(2), n_folds=2, seed=0)
    assert caught.value.fix == "Add patients of the rarer outcome."
    with pytest.raises(SettingError, match="at least 2 folds"):
        make_splits(CASES, n_folds=1, seed=0)


def test_splits_survive_the_file(tmp_path: Path) -> None:
    folds = make_splits(CASES, n_folds=5, seed=0)
    write_splits(tmp_path / "splits_final.json", folds)
    assert read_splits(tmp_path / "splits_final.json", CASES) == folds


def test_a_user_file_needs_no_digests(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    write_splits(path, make_splits(CASES, n_folds=2, seed=0))
    document = json.loads(path.read_text())
    del document["inputs"]
    path.write_text(json.dumps(document))
    assert len(read_splits(path, CASES)) == 2


def _move_one(d: dict[str, Any]) -> None:
    """One of a patient's two lesions changes sides."""
    case = d["folds"][0]["validation_case_ids"].pop(0)
    d["folds"][0]["train_case_ids"].append(case)


def _change(fold: int, part: str, action: Callable[[list[str]], object]) -> Callable[[dict[str, Any]], object]:
    return lambda d: action(d["folds"][fold][f"{part}_case_ids"])


@pytest.mark.parametrize(("edit", "kind", "message"), [
    (_move_one, LeakageError, "stand on both sides"),
    (_change(0, "train", lambda ids: ids.append("T000_s1_1")), LeakageError, "T000_s1_1"),
    (_change(0, "validation", lambda ids: ids.append("T000_s1_1")), LeakageError, "test case 'T000_s1_1'"),
    (_change(0, "train", lambda ids: ids.append("nobody")), DatasetError, "nobody"),
    (_change(0, "train", lambda ids: ids.append("U000_s1_1")), DatasetError, "outcome is not known"),
    (_change(0, "train", lambda ids: ids.append(ids[0])), DatasetError, "twice"),
    (_change(0, "validation", lambda ids: ids.clear()), DatasetError, "not validated in exactly one fold"),
    (_change(0, "train", lambda ids: ids.clear()), DatasetError, "does not have both outcomes"),
    (lambda d: d["folds"].pop(0), DatasetError, "numbered 0, 1"),
    (lambda d: d["folds"][0].pop("index"), FileFormatError, r"folds\[0\].index"),
    (lambda d: d.update(foldz=[]), FileFormatError, "foldz"),
])
def test_a_wrong_user_file_is_refused_with_its_path(
    tmp_path: Path, edit: Callable[[dict[str, Any]], object], kind: type[Exception], message: str
) -> None:
    cases = (*CASES, *make_cases(2, prefix="T", split="test"), *make_cases(2, prefix="U", outcomes=(None,)))
    path = tmp_path / "splits_final.json"
    write_splits(path, make_splits(cases, n_folds=5, seed=0))
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))
    with pytest.raises(kind, match=message) as caught:
        read_splits(path, cases)
    assert caught.value.where == str(path)  # type: ignore[attr-defined]


def test_a_list_as_nnunet_writes_it_is_answered_with_the_form_and_not_with_new_folds(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    path.write_text('[{"train": ["P000_s1_1"], "val": ["P001_s1_1"]}]')
    with pytest.raises(FileFormatError) as caught:
        read_splits(path, CASES)
    assert '"validation_case_ids": [...]' in caught.value.fix
    assert "rnnet_make_splits" not in caught.value.fix


def test_a_new_case_makes_the_file_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "splits_final.json"
    write_splits(path, make_splits(CASES, n_folds=5, seed=0))
    with pytest.raises(DatasetError, match="'new'"):
        read_splits(path, (*CASES, replace(CASES[0], case_id="new")))


def test_missing_splits_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError) as caught:
        read_splits(tmp_path / "splits_final.json", CASES)
    assert "rnnet_plan_experiment" in caught.value.fix


def test_an_unknown_fold_names_those_that_exist() -> None:
    folds = make_splits(CASES, n_folds=3, seed=0)
    assert fold_of(folds, 2).index == 2
    with pytest.raises(SettingError) as caught:
        fold_of(folds, 5)
    assert "0, 1, 2" in caught.value.fix


