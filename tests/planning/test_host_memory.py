from __future__ import annotations

from pathlib import Path

import pytest

from rnnet.planning.memory import free_host_memory_bytes, host_memory_bytes, own_group_limits


def test_the_limit_of_a_batch_job_stands_in_its_control_group_or_one_around_it(tmp_path: Path) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text("0::/slurm/job_7/step_0\n")
    root = tmp_path / "sys"
    assert own_group_limits(root, groups) == [
        root / "slurm" / "job_7" / "step_0" / "memory.max", root / "slurm" / "job_7" / "memory.max",
        root / "slurm" / "memory.max", root / "memory.max",
    ]
    groups.write_text("9:cpu:/x\n4:memory:/slurm\n")
    assert own_group_limits(root, groups) == [
        root / "memory" / "slurm" / "memory.limit_in_bytes", root / "memory" / "memory.limit_in_bytes"
    ]
    assert own_group_limits(root, tmp_path / "none") == []


def test_the_lowest_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host_memory_bytes()
    groups, limit = tmp_path / "cgroup", tmp_path / "sys" / "job" / "memory.max"
    groups.write_text("0::/job\n")
    limit.parent.mkdir(parents=True)
    limit.write_text("max\n")
    monkeypatch.setattr("rnnet.planning.memory._CGROUP_ROOT", tmp_path / "sys")
    monkeypatch.setattr("rnnet.planning.memory._OWN_GROUPS", groups)
    # Without the groups of this process: at most what the machine and its container allow.
    assert host_memory_bytes() >= before
    limit.write_text("1000000\n")
    assert host_memory_bytes() == 10**6


def test_what_a_container_uses_is_not_free_but_files_in_memory_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups, folder = tmp_path / "cgroup", tmp_path / "sys" / "job"
    groups.write_text("0::/job\n")
    folder.mkdir(parents=True)
    for name, text in {"max": "1000\n", "current": "900\n", "stat": "anon 600\ninactive_file 300\n"}.items():
        (folder / f"memory.{name}").write_text(text)
    monkeypatch.setattr("rnnet.planning.memory._CGROUP_LIMITS", ())
    monkeypatch.setattr("rnnet.planning.memory._CGROUP_ROOT", tmp_path / "sys")
    monkeypatch.setattr("rnnet.planning.memory._OWN_GROUPS", groups)
    assert free_host_memory_bytes(10**6) == 400
    assert free_host_memory_bytes(100) == 100
