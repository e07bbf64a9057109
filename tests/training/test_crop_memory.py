from __future__ import annotations

import pytest
import torch

from rnnet.training import crop_memory
from rnnet.training.crop_memory import free_bytes, place_for

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
EDGE = (10, 10, 10)


def set_free(monkeypatch: pytest.MonkeyPatch, **free: int) -> None:
    monkeypatch.setattr(crop_memory, "free_bytes", lambda device: free[device.type])


def test_free_memory_of_the_host_is_plausible() -> None:
    free = free_bytes(CPU)
    assert free is None or 2**20 < free < 2**50


def test_crops_lie_on_the_device_else_on_the_host_else_on_the_disk(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    set_free(monkeypatch, cuda=60_000, cpu=60_000)
    assert place_for(10, EDGE, torch.float16, CUDA) == CUDA
    set_free(monkeypatch, cuda=40_000, cpu=100_000)
    assert place_for(10, EDGE, torch.float16, CUDA) == CPU
    assert "10 crops (0.0 GB) do not fit on cuda; they stay on the host" in caplog.text
    set_free(monkeypatch, cuda=40_000, cpu=60_000)  # the host gives out powers of two: 32 and 16 KiB
    assert place_for(10, EDGE, torch.float16, CUDA) is None
    assert "read from the disk" in caplog.text


def test_processes_of_one_machine_share_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    set_free(monkeypatch, cpu=90_000)
    assert place_for(10, EDGE, torch.float16, CPU) == CPU
    assert place_for(10, EDGE, torch.float16, CPU, sharing=2) is None
