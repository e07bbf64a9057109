from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnet.core.codec import (
    artefact_inputs,
    digest_of,
    from_plain,
    read_artefact,
    read_json,
    to_plain,
    write_artefact,
)
from rnnet.core.errors import FileFormatError, MissingStageError, SettingError


@dataclass(frozen=True)
class Inner:
    kind: Literal["a", "b"] = "a"
    pair: tuple[int, float] = (1, 2.0)


@dataclass(frozen=True)
class Outer:
    name: str
    flag: bool
    number: float
    count: int
    maybe: int | None
    inner: Inner
    many: tuple[Inner, ...] = ()
    table: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    free: Any = None
    path: Path = Path("x")


numbers = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(Inner, kind=st.sampled_from(["a", "b"]), pair=st.tuples(st.integers(), numbers))
outers = st.builds(
    Outer, name=st.text(), flag=st.booleans(), number=numbers, count=st.integers(), maybe=st.none() | st.integers(),
    inner=inners, many=st.lists(inners, max_size=3).map(tuple),
    table=st.dictionaries(st.text(), st.lists(numbers, max_size=3).map(tuple), max_size=3),
    free=st.none() | st.text(), path=st.sampled_from([Path("a/b"), Path("/c")]),
)


@given(outers)
@settings(max_examples=60, deadline=None)
def test_any_value_survives_json(value: Outer) -> None:
    assert from_plain(Outer, json.loads(json.dumps(to_plain(value)))) == value


@given(outers, outers)
@settings(max_examples=40, deadline=None)
def test_digests_are_equal_exactly_for_equal_values(one: Outer, other: Outer) -> None:
    assert (digest_of(one) == digest_of(other)) == (to_plain(one) == to_plain(other))


def test_the_order_of_keys_does_not_enter_the_digest() -> None:
    assert digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 2})


def test_numpy_scalars_become_plain_numbers() -> None:
    assert to_plain({"a": np.float32(0.5), "b": (np.int64(3), np.bool_(True))}) == {"a": 0.5, "b": [3, True]}


GOOD = {
    "name": "n", "flag": True, "number": 1, "count": 2.0, "maybe": None, "inner": {"kind": "b", "pair": [1, 2]},
}


def test_whole_floats_are_integers_and_integers_are_floats() -> None:
    value = from_plain(Outer, GOOD)
    assert (value.number, value.count, value.inner.pair) == (1.0, 2, (1, 2.0))
    assert isinstance(value.number, float)
    assert isinstance(value.count, int)


@pytest.mark.parametrize(("change", "message"), [
    ({"name": 3}, "'name' must be a text. Got 3"),
    ({"flag": 1}, "'flag' must be true or false. Got 1"),
    ({"flag": "true"}, "'flag' must be true or false"),
    ({"number": "one"}, "'number' must be a number"),
    ({"number": True}, "'number' must be a number"),
    ({"count": 2.5}, "'count' must be a whole number. Got 2.5"),
    ({"count": True}, "'count' must be a whole number"),
    ({"maybe": "x"}, "'maybe' must be a whole number"),
    ({"inner": []}, "'inner' must be an object"),
    ({"inner": {"kind": "c"}}, "'inner.kind' must be one of 'a', 'b'. Got 'c'"),
    ({"inner": {"pair": [1]}}, "'inner.pair' must be a list of 2 values"),
    ({"inner": {"pair": [1, "x"]}}, "'inner.pair[1]' must be a number"),
    ({"many": [{"kind": "a"}, {"kidn": "a"}]}, "Unknown field 'many[1].kidn'. Did you mean 'kind'?"),
    ({"table": {"a": [1, None]}}, "'table.a[1]' must be a number"),
    ({"table": []}, "'table' must be an object"),
])
def test_a_wrong_value_is_named_with_its_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        from_plain(Outer, {**GOOD, **change})
    assert message in str(caught.value)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(SettingError, match="'count' is missing"):
        from_plain(Outer, {k: v for k, v in GOOD.items() if k != "count"})


def test_an_artefact_carries_its_version_and_inputs(tmp_path: Path) -> None:
    write_artefact(tmp_path / "sub" / "a.json", Inner(), inputs={"cases.csv": "abc"})
    assert read_artefact(tmp_path / "sub" / "a.json", Inner, made_by="rnnet_x") == Inner()
    assert artefact_inputs(tmp_path / "sub" / "a.json", made_by="rnnet_x") == {"cases.csv": "abc"}


def test_a_missing_artefact_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(MissingStageError, match="needed and is not there") as caught:
        read_artefact(tmp_path / "a.json", Inner, made_by="rnnet_plan_experiment -d 3")
    assert caught.value.fix == "Run rnnet_plan_experiment -d 3."


@pytest.mark.parametrize(("text", "message"), [
    ("{", "Not valid JSON"),
    ("[]", "must hold one JSON object"),
    ('{"kind": "a"}', "Schema version None is not 1"),
    ('{"schema_version": 1, "kind": "z"}', "'kind' must be one of"),
])
def test_a_damaged_artefact_is_a_file_format_error(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_artefact(path, Inner, made_by="rnnet_x")
    assert caught.value.where == str(path)
    assert caught.value.fix


def test_broken_json_is_located_and_other_encodings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n "a": }')
    with pytest.raises(FileFormatError, match="line 2, column 7"):
        read_json(path)
    path.write_bytes(b'"\xff"')
    with pytest.raises(FileFormatError, match="Not a UTF-8 text file"):
        read_json(path)


def test_infinity_is_read_back() -> None:
    assert math.isinf(from_plain(float, json.loads(json.dumps(math.inf))))
