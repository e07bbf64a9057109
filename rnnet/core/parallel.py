"""One function over many items on the cores of this machine or of a Dask cluster; failures are collected."""

from __future__ import annotations

import os
import pickle
import tempfile
import warnings
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from rnnet.core.errors import RnnetError
from rnnet.core.log import get_logger
from rnnet.core.worker import checked, guarded, guarded_stored, one_thread, worker_death

Item = TypeVar("Item")
Result = TypeVar("Result")

log = get_logger(__name__)

# So many items may kill their worker before one succeeds; then it is not the items.
HOPELESS = 3


def map_cases(
    function: Callable[[Item], Result], items: Sequence[Item], *, n_processes: int, title: str, dask: str = ""
) -> list[Result | RnnetError]:
    """Results in the order of `items`; whatever one item raises stands in its place as an RnnetError, the rest goes on.

    n_processes workers use n_processes cores; a single one is this process, on one core. A worker that the system kills
    (lack of memory) is replaced and its item tried again, fewer at once; an item that kills its worker also alone
    becomes a CaseFailedError.

    dask: "" for processes of this machine, "local" for a Dask cluster of n_processes workers on it, or the address of
    a Dask scheduler, whose workers must have rnnet and see the same files; n_processes is not used then.

    Raises:
        StorageError: a result could not be written; no further item is begun.
        RnnetError: worker processes die whatever they do, or the Dask scheduler cannot be reached.
        MissingDependencyError: Dask is not installed.
    """
    if not items:
        return []
    if dask:
        from rnnet.core.dask_cluster import map_on_cluster

        return map_on_cluster(function, items, address=dask, n_processes=n_processes, title=title)
    workers = max(1, min(n_processes, len(items)))
    if workers == 1:
        with one_thread():
            return [checked(guarded(function, item)) for item in tqdm(items, desc=title)]
    with tempfile.TemporaryDirectory() as folder:
        # The function may carry an atlas of many megabytes: each worker reads it once, not with every item.
        stored = Path(folder) / "function.pickle"
        stored.write_bytes(pickle.dumps(function))
        with tqdm(total=len(items), desc=title) as bar:
            return _map_through_deaths(str(stored), items, workers, bar)


def _map_through_deaths(stored: str, items: Sequence[Any], workers: int, bar: tqdm[Any]) -> list[Any]:
    """All results. When a worker dies, the rest is done by half as many, down to one item at a time.

    Only then is it known which item it was; that one is given up, and the others go on as before.
    """
    results: dict[int, Any] = {}
    at_once, given_up = workers, 0
    while len(results) < len(items):
        left = [index for index in range(len(items)) if index not in results]
        try:
            with closing(_run(stored, items, left, at_once)) as done:
                for index, result in done:
                    results[index] = checked(result)
                    bar.update()
        except TerminatedWorkerError as error:
            if at_once > 1:
                at_once = max(1, min(at_once, len(left)) // 2)
                log.warning("A worker process was killed, probably for lack of memory. Going on with %d at once; "
                            "a lower -np would avoid this.", at_once)
                continue
            given_up += 1
            if given_up == HOPELESS > len(results):
                raise RnnetError(
                    "The worker processes are killed whatever they do.",
                    fix="Probably the memory runs out: use a machine with more, or -np 1. Finished scans are kept.",
                ) from error
            culprit = next(index for index in left if index not in results)
            results[culprit] = worker_death()
            bar.update()
            at_once = workers
    return [results[index] for index in range(len(items))]


def _run(stored: str, items: Sequence[Any], left: Sequence[int], at_once: int) -> Generator[tuple[int, Any]]:
    """(index, result) of the items `left`, as they are done; `at_once` of them are in work at a time."""
    jobs = (delayed(_indexed)(index, stored, items[index], os.getpid()) for index in left)
    # joblib runs n_jobs=1 in this process, which must not be killed in the worker's stead.
    alone = {"n_jobs": 2, "pre_dispatch": 1, "batch_size": 1}
    settings = {"n_jobs": at_once} if at_once > 1 else alone
    # joblib's advice for a run that ends early, and its news of a worker that was renewed: not for the user. It may
    # warn from a thread of its own, after this block.
    for text in (".*adjusting the input task iterator", "A worker stopped while some jobs were given"):
        warnings.filterwarnings("ignore", text, UserWarning)
    with Parallel(backend="loky", return_as="generator_unordered", inner_max_num_threads=1, **settings) as pool:
        yield from pool(jobs)


def _indexed(index: int, stored: str, item: Any, parent: int) -> tuple[int, Any]:
    return index, guarded_stored(stored, item, parent)
