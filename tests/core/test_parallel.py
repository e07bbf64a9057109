from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from rnnet.core.errors import CaseFailedError, FileFormatError, MissingDependencyError, RnnetError, StorageError
from rnnet.core.parallel import map_cases
from rnnet.core.worker import failure_of, one_thread

PROJECT = Path(__file__).parents[2]


def double(number: int) -> int:
    if number == 3:
        raise CaseFailedError("Three fails.", where=str(number), fix="Use four.")
    return 2 * number


def process(_: int) -> int:
    time.sleep(0.2)
    return os.getpid()


def full_disk(number: int, *, folder: Path) -> None:
    if number == 1:
        raise StorageError("The disk is full.", where=folder, fix="Free some space.")
    time.sleep(0.1)
    (folder / str(number)).touch()


def killed(number: int, *, folder: Path, always: bool) -> int:
    """Item 2 kills the process that works on it, the first time or always."""
    flag = folder / "killed"
    if number == 2 and (always or not flag.exists()):
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def trip(number: int) -> int:
    if number == 2:
        raise ValueError("two\nlines")
    if number == 3:
        raise MemoryError
    return number


def threads(_: int) -> set[int]:
    """Of SimpleITK and of the libraries of linear algebra."""
    import SimpleITK as sitk
    from threadpoolctl import threadpool_info

    return {sitk.ProcessObject.GetGlobalDefaultNumberOfThreads(), *(pool["num_threads"] for pool in threadpool_info())}


@pytest.mark.parametrize("n_processes", [1, 2])
def test_results_keep_their_order_and_failures_their_place(n_processes: int) -> None:
    results = map_cases(double, [1, 3, 5, 2], n_processes=n_processes, title="t")
    assert [r if isinstance(r, int) else type(r) for r in results] == [2, CaseFailedError, 10, 4]
    failed = results[1]
    assert isinstance(failed, RnnetError)
    assert failed.fix == "Use four."


def test_several_processes_are_used_and_one_process_is_this_one() -> None:
    assert set(map_cases(process, [1, 2], n_processes=1, title="t")) == {os.getpid()}
    assert os.getpid() not in map_cases(process, [1, 2], n_processes=2, title="t")


@pytest.mark.parametrize("dask", ["", "local", "tcp://nowhere:1"])
def test_nothing_to_do_is_no_error(dask: str) -> None:
    assert map_cases(double, [], n_processes=4, title="t", dask=dask) == []


@pytest.mark.parametrize("n_processes", [1, 2])
def test_what_a_library_raises_is_a_failure_of_its_item_only(n_processes: int) -> None:
    first, wrong, memory, last = map_cases(trip, [1, 2, 3, 4], n_processes=n_processes, title="t")
    assert (first, last) == (1, 4)
    assert isinstance(wrong, CaseFailedError)
    assert wrong.problem == "ValueError: two lines"
    assert wrong.fix
    assert isinstance(memory, CaseFailedError)
    assert "memory ran out" in memory.problem
    assert "-np" in memory.fix


def test_an_error_keeps_its_place_and_gets_one_if_it_has_none() -> None:
    named = CaseFailedError("No.", where="here", fix="Do.")
    assert failure_of(named, where="there") is named
    placed = failure_of(FileFormatError("No.", fix="Do."), where="there")
    assert (type(placed), placed.problem, placed.where, placed.fix) == (FileFormatError, "No.", "there", "Do.")
    assert failure_of(OSError("No."), where="there").where == "there"


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_full_disk_ends_the_run_at_once(n_processes: int, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="The disk is full"):
        map_cases(partial(full_disk, folder=tmp_path), range(50), n_processes=n_processes, title="t")
    assert len(list(tmp_path.iterdir())) < 25


@pytest.mark.parametrize("n_processes", [1, 2])
def test_workers_and_this_process_use_one_thread_each(n_processes: int) -> None:
    assert map_cases(threads, [1, 2], n_processes=n_processes, title="t") == [{1}, {1}]


def test_this_process_gets_its_threads_back_also_for_a_library_that_was_loaded_on_one() -> None:
    result = subprocess.run(
        [sys.executable, "-c", "from tests.core.test_parallel import load_torch; load_torch()"], cwd=PROJECT,
        env={**os.environ, "OMP_NUM_THREADS": "2"}, capture_output=True, text=True, check=False,
    )
    # ITK and the libraries of linear algebra, then torch: before, inside, after.
    assert result.stdout.split() == ["[2,", "3]", "1", "1", "[2,", "3]", "2", "1", "2"], result.stderr


def load_torch() -> None:
    """Prints numbers of threads around the first import of torch inside one_thread, and around a second block."""
    import numpy as np
    import SimpleITK as sitk

    np.zeros(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(3)
    said: list[object] = [sorted(threads(0))]
    with one_thread():
        import torch

        said += [*threads(0), torch.get_num_threads()]
    said += [sorted(threads(0)), torch.get_num_threads()]
    with one_thread():
        said += [torch.get_num_threads()]
    sys.stdout.write(" ".join(map(str, [*said, torch.get_num_threads()])))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_an_item_whose_worker_is_killed_once_is_done_by_another(tmp_path: Path, caplog: pytest.LogCaptureFixture
                                                                 ) -> None:
    once = partial(killed, folder=tmp_path, always=False)
    assert map_cases(once, [1, 2, 3], n_processes=2, title="t") == [2, 4, 6]
    assert "lower -np" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_an_item_that_kills_every_worker_fails_and_the_others_are_done(tmp_path: Path) -> None:
    always = partial(killed, folder=tmp_path, always=True)
    first, failed, last = map_cases(always, [1, 2, 3], n_processes=2, title="t")
    assert (first, last) == (2, 6)
    assert isinstance(failed, CaseFailedError)
    assert "memory" in failed.problem


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_that_die_whatever_they_do_end_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnet.core.parallel.HOPELESS", 2)
    always = partial(killed, folder=tmp_path, always=True)
    with pytest.raises(RnnetError, match="killed whatever they do") as caught:
        map_cases(always, [2, 2, 2], n_processes=2, title="t")
    assert "-np 1" in caught.value.fix


def test_dask_that_is_not_installed_is_an_error_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    with pytest.raises(MissingDependencyError) as caught:
        map_cases(double, [1], n_processes=1, title="t", dask="local")
    assert "-e '.[dask]'" in caught.value.fix


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "no address"])
def test_a_scheduler_that_does_not_answer_is_an_error_of_one_line(
    address: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("rnnet.core.dask_cluster.CONNECT_S", 1)
    with pytest.raises(RnnetError, match="No Dask scheduler answers") as caught:
        map_cases(double, [1], n_processes=1, title="t", dask=address)
    assert caught.value.where == address
    assert "dask scheduler" in caught.value.fix
    assert capfd.readouterr() == ("", "")
