from __future__ import annotations

import stat
from pathlib import Path

import pytest

from rnnet.planning.memory import available_memory_bytes


def test_the_smallest_gpu_counts_and_else_the_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    host = available_memory_bytes()
    assert 2**28 < host < 2**50
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 81559\necho 24564\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    assert available_memory_bytes() == 24564 * 2**20
    tool.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert available_memory_bytes() == host
