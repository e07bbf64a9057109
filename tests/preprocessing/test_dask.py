"""A scheduler and two workers in processes of their own, as on a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest

from rnnet.core.errors import CaseFailedError, RnnetError, StorageError
from rnnet.core.parallel import map_cases
from tests.core.test_parallel import full_disk, killed, threads
from tests.preprocessing.runs import PROJECT, content, run, write_raw

pytest.importorskip("distributed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a scheduler with two workers; an item may kill two workers before it is given up."""
    folder = tmp_path_factory.mktemp("dask")
    contact = folder / "scheduler.json"
    environment = {
        **os.environ, "PYTHONPATH": str(PROJECT), "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
        "DASK_TEMPORARY_DIRECTORY": str(folder),
    }
    common = ["--scheduler-file", str(contact), "--no-dashboard"]
    commands = [
        ["dask_scheduler", "--host", "127.0.0.1", "--port", "0"],
        *[["dask_worker", "--nthreads", "1", "--memory-limit", "0", "--name", str(n)] for n in range(2)],
    ]
    with ExitStack() as stack:
        for name, *options in commands:
            process = stack.enter_context(subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{name}", *common, *options], env=environment,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            ))
            stack.callback(process.terminate)
        end = time.monotonic() + 60
        while not contact.exists():
            assert time.monotonic() < end, "the scheduler does not start"
            time.sleep(0.1)
        yield json.loads(contact.read_text())["address"]


def test_a_cluster_writes_the_same_bytes_as_this_process(scheduler: str, tmp_path: Path) -> None:
    raw = write_raw(tmp_path / "raw").folder
    here = run(raw, tmp_path / "here")
    there = run(raw, tmp_path / "there", dask=scheduler)
    assert (there.done, len(there.failed)) == (here.done, len(here.failed)) == (3, 1)
    assert content(tmp_path / "there") == content(tmp_path / "here")
    assert run(raw, tmp_path / "there", dask=scheduler).skipped == 3


def test_workers_use_one_thread_and_both_work(scheduler: str) -> None:
    assert map_cases(threads, [1, 2], n_processes=1, title="t", dask=scheduler) == [{1}, {1}]


def test_an_item_whose_worker_is_killed_once_is_done_by_another(scheduler: str, tmp_path: Path) -> None:
    once = partial(killed, folder=tmp_path, always=False)
    assert map_cases(once, [1, 2, 3], n_processes=1, title="t", dask=scheduler) == [2, 4, 6]


def test_an_item_that_kills_every_worker_fails_and_the_others_are_done(scheduler: str, tmp_path: Path) -> None:
    always = partial(killed, folder=tmp_path, always=True)
    first, failed, last = map_cases(always, [1, 2, 3], n_processes=1, title="t", dask=scheduler)
    assert (first, last) == (2, 6)
    assert isinstance(failed, CaseFailedError)


def test_a_full_disk_ends_the_run_at_once(scheduler: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="The disk is full"):
        map_cases(partial(full_disk, folder=tmp_path), range(50), n_processes=1, title="t", dask=scheduler)
    assert len(list(tmp_path.iterdir())) < 25


class Elsewhere:
    """A function of a package that only this process has."""

    def __call__(self, item: int) -> int:
        return item

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return import_module, ("no_such_package",)


def test_workers_that_cannot_load_rnnet_are_an_error_of_one_line(scheduler: str) -> None:
    with pytest.raises(RnnetError, match=r"workers cannot run rnnet \(ModuleNotFoundError: No module") as caught:
        map_cases(Elsewhere(), [1, 2], n_processes=1, title="t", dask=scheduler)
    assert "\n" not in str(caught.value)
    assert "Install the same rnnet" in caught.value.fix


def test_a_local_cluster_works_too_and_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    results = map_cases(threads, [1, 2], n_processes=2, title="t", dask="local")
    assert results == [{1}, {1}]
    said = capfd.readouterr()
    assert said.out == ""
    # The bar, and rnnet's own line where a command has set up logging before; nothing of Dask's.
    lines = {line.strip() for line in said.err.replace("\r", "\n").splitlines() if not line.startswith("t:")}
    assert lines <= {"", "The Dask scheduler has 2 worker(s)."}


def test_a_lost_scheduler_is_an_error_of_one_line(tmp_path: Path) -> None:
    code = "from tests.preprocessing.test_dask import lose_scheduler; lose_scheduler()"
    result = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False,
                            timeout=120)
    assert result.stdout.startswith("error: The connection to the Dask scheduler was lost. [tcp://")
    assert "Traceback" not in result.stderr


def lose_scheduler() -> None:
    """Kill the scheduler while it waits for its first worker."""
    import threading

    from rnnet.core.errors import RnnetError

    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0",
               "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        address = next(line.split()[-1] for line in process.stderr if "Scheduler at:" in line)
        threading.Timer(4, process.send_signal, [signal.SIGKILL]).start()
        try:
            map_cases(threads, [1], n_processes=1, title="t", dask=address)
        except RnnetError as error:
            sys.stdout.write(f"error: {error}")
