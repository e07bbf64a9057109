from __future__ import annotations

import platform

import pytest
import torch

from rnnet.core.allocator import keep_freed_memory
from rnnet.core.errors import SettingError
from rnnet.training.precision import choose_precision, cpu_has_fast_bfloat16, open_device, training_numerics


def test_an_unknown_or_absent_device_is_a_clear_error() -> None:
    assert open_device("cpu").type == "cpu"
    with pytest.raises(SettingError, match="'gpu' is not a device"):
        open_device("gpu")
    with pytest.raises(SettingError, match="not available"):
        open_device("cuda:99")


def test_automatic_precision_follows_the_processor() -> None:
    cpu = torch.device("cpu")
    assert choose_precision("float32", cpu) == "float32"
    assert choose_precision("auto", cpu) == ("bfloat16" if cpu_has_fast_bfloat16() else "float32")


def test_training_leaves_the_generators_as_they_were() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with training_numerics(torch.device("cpu")):
        torch.manual_seed(77)
        torch.rand(5)
    assert torch.equal(torch.rand(2), expected)


def test_the_allocator_setting_is_taken_where_glibc_is() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")


@pytest.mark.parametrize(("capability", "hip", "chosen"), [
    ((9, 0), None, "bfloat16"), ((8, 0), None, "bfloat16"), ((7, 5), None, "float32"), ((7, 0), "6.1", "bfloat16"),
])
def test_a_gpu_that_only_emulates_bfloat16_computes_in_float32(
    capability: tuple[int, int], hip: str | None, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[torch.device] = []
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: asked.append(device) or capability)
    monkeypatch.setattr(torch.version, "hip", hip)
    second = torch.device("cuda:1")
    assert choose_precision("auto", second) == chosen
    assert asked == [] if hip else [second]
