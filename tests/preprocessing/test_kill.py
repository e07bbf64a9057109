"""kill -9 at any moment: the next run does what is left, and nothing in the store tells of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rnnet.core.storage import TEMPORARY_PREFIX
from tests.preprocessing.runs import BROKEN, content, run, start, write_raw

pytestmark = [
    pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="SIGKILL, and children by /proc")
]


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw(tmp_path_factory.mktemp("raw")).folder


@pytest.fixture(scope="module")
def undisturbed(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("undisturbed")
    assert (run(raw, store).done, len(content(store))) == (3, 3 * 5 + 1)
    return content(store)


def finished(store: Path) -> dict[Path, int]:
    """When the files of the scans with a record were written."""
    ids = [p.stem for p in (store / "scans").glob("*.json") if not p.name.startswith(TEMPORARY_PREFIX)]
    return {p: p.stat().st_mtime_ns for i in ids for p in store.rglob(f"{i}*")}


def leftovers(store: Path) -> list[Path]:
    return list(store.rglob(f"{TEMPORARY_PREFIX}*"))


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_a_run_killed_again_and_again_ends_with_the_bytes_of_an_undisturbed_one(
    raw: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    # Picture, image, labels, brain, record: killed at a picture, at voxels, at a record, and at the second scan's.
    for kill_at in (1, 3, 5, 7):
        before = finished(store)
        assert start(raw, store, kill_at_write=kill_at).wait() == -signal.SIGKILL
        assert len(leftovers(store)) == 1
        assert before.items() <= finished(store).items()
    assert len(finished(store)) > 0
    before = finished(store)
    report = run(raw, store)
    assert content(store) == undisturbed
    assert before.items() <= finished(store).items()
    assert (report.done, report.skipped, len(report.failed)) == (3 - len(before) // 5, len(before) // 5, 1)
    assert BROKEN in undisturbed["failures.json"].decode()


def test_a_run_killed_from_outside_takes_its_workers_with_it(
    raw: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    store = tmp_path / "store"
    process: subprocess.Popen[bytes] = start(raw, store, n_processes=2)
    workers: list[int] = []
    try:
        wait_for(lambda: (store / "qc").is_dir())
        workers = children(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(workers) >= 2
    wait_for(lambda: not any(map(is_running, workers)), seconds=20)
    run(raw, store, n_processes=2)
    assert content(store) == undisturbed


def test_two_runs_on_one_store_do_not_disturb_each_other(
    raw: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    processes = [start(raw, tmp_path / "store") for _ in range(2)]
    assert [p.wait() for p in processes] == [0, 0]
    assert content(tmp_path / "store") == undisturbed


def test_a_second_run_changes_nothing_and_needs_no_right_to_write(
    raw: Path, undisturbed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(raw, tmp_path)
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if BROKEN not in p.name}
    monkeypatch.setattr(os, "replace", None)
    run(raw, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in times} == times
