from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from rnnet.core.errors import CaseFailedError, MissingDependencyError, RnnetError, StorageError
from rnnet.core.parallel import map_cases
from rnnet.core.worker import one_itk_thread


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


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(TypeError):
        map_cases(double, [None], n_processes=1, title="t")  # type: ignore[misc]


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_full_disk_ends_the_run_at_once(n_processes: int, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="The disk is full"):
        map_cases(partial(full_disk, folder=tmp_path), range(50), n_processes=n_processes, title="t")
    assert len(list(tmp_path.iterdir())) < 25


def test_workers_use_one_thread_each() -> None:
    assert map_cases(threads, [1, 2], n_processes=2, title="t") == [{1}, {1}]


def test_one_itk_thread_gives_the_threads_back() -> None:
    import SimpleITK as sitk

    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    with one_itk_thread():
        assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == 1
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before


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
    assert "pip install rnnet[dask]" in caught.value.fix


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
