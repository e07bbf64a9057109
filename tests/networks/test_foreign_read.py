from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rnnet.core.errors import FileFormatError, MissingDependencyError, MissingWeightsError
from rnnet.networks.foreign.read import read_tensors


def stored(folder: Path, content: Any) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


def test_nested_dictionaries_become_dotted_names_and_the_rest_is_left(tmp_path: Path) -> None:
    inner = OrderedDict({"conv.weight": torch.ones(2, dtype=torch.float16), "count": torch.tensor(3)})
    found = read_tensors(stored(tmp_path, {"epoch": 4, "state_dict": {"module": inner}, "optimizer": {"groups": [1]}}))
    assert list(found) == ["state_dict.module.conv.weight", "state_dict.module.count"]
    assert (found["state_dict.module.conv.weight"].dtype, found["state_dict.module.count"].item()) == (torch.float32, 3)


def test_objects_beside_the_weights_are_named_and_not_read(tmp_path: Path) -> None:
    path = stored(tmp_path, {"state_dict": {"w": torch.ones(1)}, "hyper_parameters": Path("x")})
    with pytest.raises(FileFormatError, match=r"beside its weights \(pathlib\.\w+\).*torch\.save") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("is_whole_network", [True, False])
def test_the_cure_for_objects_in_a_file_works_as_it_is_written(
    is_whole_network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = torch.nn.Linear(2, 1)
    content = network if is_whole_network else {"state_dict": network.state_dict(), "x": Path("x")}
    with pytest.raises(FileFormatError) as caught:
        read_tensors(stored(tmp_path, content))
    code = caught.value.fix.partition("installed: ")[2].rstrip(".").replace("'weights.pth')", "'cured.pth')")
    monkeypatch.chdir(tmp_path)
    exec(code)
    assert set(read_tensors(tmp_path / "cured.pth")) == {"weight", "bias"}


def test_code_inside_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    with pytest.raises(FileFormatError):
        read_tensors(stored(tmp_path, {"w": torch.ones(1), "x": Evil()}))
    assert not (tmp_path / "ran").exists()


def test_what_is_no_file_of_weights_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingWeightsError, match="-i"):
        read_tensors(tmp_path / "none.pth")
    with pytest.raises(MissingWeightsError, match="is a folder"):
        read_tensors(tmp_path)
    whole = stored(tmp_path, {"w": torch.ones(1000)}).read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (tmp_path / "x.pth").write_bytes(content)
        with pytest.raises(FileFormatError, match="cannot be read as weights"):
            read_tensors(tmp_path / "x.pth")
    with pytest.raises(FileFormatError, match="no tensor"):
        read_tensors(stored(tmp_path, {"epoch": 3}))
    (tmp_path / "x.safetensors").write_bytes(b"x")
    with pytest.raises(MissingDependencyError, match="Convert"):
        read_tensors(tmp_path / "x.safetensors")


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"'blocks\.w'"):
        read_tensors(stored(tmp_path, {"blocks": {"v": torch.ones(1), "w": torch.tensor([1.0, np.inf])}}))
