from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rnnet.core.errors import DatasetError
from rnnet.core.workspace import RawLayout
from rnnet.dataset.manifest import read_manifest
from tests.factories import write_manifest


@pytest.fixture
def layout(tmp_path: Path) -> RawLayout:
    return RawLayout(tmp_path / "Dataset001_Toy")


def test_a_manifest_is_read_with_its_types(layout: RawLayout) -> None:
    write_manifest(layout, clinical={"age": {"type": "numeric", "unit": "years"}}, preprocessed={"registered": True})
    manifest = read_manifest(layout)
    assert manifest.clinical["age"].unit == "years"
    assert manifest.declared.registered
    assert not manifest.declared.skull_stripped
    assert (manifest.positive_outcome, manifest.negative_outcome) == ("radiation_necrosis", "progression")


def test_an_undeclared_state_is_not_registered(layout: RawLayout) -> None:
    write_manifest(layout)
    assert read_manifest(layout).preprocessed is None
    assert not read_manifest(layout).declared.registered


@pytest.mark.parametrize(("fields", "message"), [
    ({"positive_outcome": "necrosis"}, "positive_outcome"),
    ({"outcomes": {"a": 0, "b": 1, "c": 2}}, "exactly two outcomes"),
    ({"outcomes": {"a": 1, "b": 1}, "positive_outcome": "a"}, "exactly two outcomes"),
    ({"outcomes": {"a": 0}, "positive_outcome": "a"}, "exactly two outcomes"),
    ({"channel_names": {"0": "T1", "1": "T1CE"}}, "one channel"),
    ({"file_ending": ".dcm"}, "file_ending"),
    ({"numTraining": "six"}, "'numTraining' must be a whole number"),
    ({"clinical": {"age": {"type": "number"}}}, "clinical.age.type"),
    ({"clinical": {"age": {"type": "numeric", "categories": ["a"]}}}, "clinical.age"),
    ({"clinical": {"sex": {"type": "categorical", "categories": ["a", "a"]}}}, "twice"),
    ({"name": ""}, "'name'"),
    ({"licens": "CC0"}, "Unknown field 'licens'"),
])
def test_a_wrong_field_is_named(layout: RawLayout, fields: dict[str, Any], message: str) -> None:
    write_manifest(layout, **fields)
    with pytest.raises(DatasetError, match=message) as caught:
        read_manifest(layout)
    assert caught.value.where.endswith("dataset.json")
    assert caught.value.fix


def test_a_misspelt_positive_outcome_gets_a_suggestion(layout: RawLayout) -> None:
    write_manifest(layout, positive_outcome="radiation_necrosys")
    with pytest.raises(DatasetError) as caught:
        read_manifest(layout)
    assert caught.value.fix == "Did you mean 'radiation_necrosis'?"


def test_broken_json_is_named_with_line_and_column(layout: RawLayout) -> None:
    layout.folder.mkdir()
    layout.dataset_json.write_text('{"name": "a",\n "x" 1}')
    with pytest.raises(DatasetError, match="line 2, column 6"):
        read_manifest(layout)


def test_json_that_is_no_object_is_refused(layout: RawLayout) -> None:
    layout.folder.mkdir()
    layout.dataset_json.write_text("[1]")
    with pytest.raises(DatasetError, match=r"dataset\.json must be an object"):
        read_manifest(layout)


def test_a_missing_file_or_folder_is_a_data_set_error(layout: RawLayout) -> None:
    with pytest.raises(DatasetError, match="folder does not exist"):
        read_manifest(layout)
    layout.folder.mkdir()
    with pytest.raises(DatasetError, match=r"dataset\.json is missing") as caught:
        read_manifest(layout)
    assert "rnnet_raw_template" in caught.value.fix


def test_only_a_pool_may_leave_the_outcomes_out(layout: RawLayout) -> None:
    layout.folder.mkdir()
    layout.dataset_json.write_text(json.dumps({"name": "Pool", "channel_names": {"0": "T1CE"}}))
    assert read_manifest(layout).positive_outcome == "radiation_necrosis"
    layout.cases_csv.write_text("case_id\n")
    with pytest.raises(DatasetError, match="'outcomes' is missing"):
        read_manifest(layout)
